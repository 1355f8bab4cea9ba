"""Rules about what comes in: hosts, paths, annotations, trusted proxies, peers of the network policy."""

from __future__ import annotations

import ipaddress
from typing import Final

from realtimeapp_operator.api.app import Django
from realtimeapp_operator.api.edge import Ingress, NetworkPolicyPeer, TrustedProxies, WebSocketProbe
from realtimeapp_operator.api.rules.base import Rule, cel_list

INGRESS_ANNOTATIONS: Final = (
    "alb.ingress.kubernetes.io/healthcheck-path",
    "alb.ingress.kubernetes.io/load-balancer-attributes",
    "alb.ingress.kubernetes.io/scheme",
    "alb.ingress.kubernetes.io/target-group-attributes",
    "alb.ingress.kubernetes.io/target-type",
    "external-dns.alpha.kubernetes.io/target",
    "external-dns.alpha.kubernetes.io/ttl",
    "nginx.ingress.kubernetes.io/affinity",
    "nginx.ingress.kubernetes.io/affinity-mode",
    "nginx.ingress.kubernetes.io/force-ssl-redirect",
    "nginx.ingress.kubernetes.io/limit-connections",
    "nginx.ingress.kubernetes.io/limit-rps",
    "nginx.ingress.kubernetes.io/proxy-body-size",
    "nginx.ingress.kubernetes.io/proxy-read-timeout",
    "nginx.ingress.kubernetes.io/proxy-send-timeout",
    "nginx.ingress.kubernetes.io/session-cookie-max-age",
    "nginx.ingress.kubernetes.io/session-cookie-name",
    "nginx.ingress.kubernetes.io/ssl-redirect",
    "nginx.ingress.kubernetes.io/whitelist-source-range",
    "traefik.ingress.kubernetes.io/router.entrypoints",
    "traefik.ingress.kubernetes.io/router.priority",
)
"""Keys a user may set: typed values with local effect. Nothing that carries configuration text, sends requests
elsewhere, answers for other hosts or switches authentication."""

PRIVATE_BLOCKS: Final = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
"""RFC 1918."""
PRIVATE_PREFIX: Final = 16
"""Widest network trusted inside a private block; the third block as a whole is refused although it is no wider."""
PUBLIC_PREFIX: Final = 8
IPV6_PREFIX: Final = 16
LOCAL_IPV6_PREFIX: Final = 48
"""Widest network trusted inside fc00::/7: one site (RFC 4193)."""

_LOCAL_IPV6: Final = ipaddress.IPv6Network("fc00::/7")


def _is_network(text: str) -> bool:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        return False
    return network.version == 4 or network.network_address.ipv4_mapped is None  # noqa: PLR2004 - IP version


def _is_narrow(text: str) -> bool:
    """Whether the addresses can be proxies only; what is no network at all is refused elsewhere."""
    if not _is_network(text):
        return True
    network = ipaddress.ip_network(text)
    if isinstance(network, ipaddress.IPv6Network):
        local = network.overlaps(_LOCAL_IPV6)
        return network.prefixlen >= (LOCAL_IPV6_PREFIX if local else IPV6_PREFIX)
    blocks = [ipaddress.IPv4Network(block) for block in PRIVATE_BLOCKS]
    private = any(network.overlaps(block) for block in blocks)
    return network.prefixlen >= (PRIVATE_PREFIX if private else PUBLIC_PREFIX) and network not in blocks


def _is_not_everything(text: str) -> bool:
    return not text.endswith("/0")


def _is_plain_path(path: str) -> bool:
    return "//" not in path and ".." not in path


_PLAIN_PATH_CEL = "!self.contains('//') && !self.contains('..')"
_PLAIN_PATH_MESSAGE = "must not contain '//' or '..'"
_IS_NETWORK_CEL = "isCIDR(self) && cidr(self).masked() == cidr(self)"
_IS_NARROW_CEL = (
    "!isCIDR(self) || (cidr(self).ip().family() == 6 "
    "? cidr(self).prefixLength() >= (cidr('fc00::/7').containsIP(cidr(self).ip()) ? 48 : 16) "
    f": cidr(self).prefixLength() >= 8 && !(self in {cel_list(PRIVATE_BLOCKS)}) "
    "&& (cidr(self).prefixLength() >= 16 || !("
    + " || ".join(
        f"cidr('{block}').containsIP(cidr(self).ip()) || cidr(self).containsCIDR('{block}')"
        for block in PRIVATE_BLOCKS
    )
    + ")))"
)
_NETWORK_MESSAGE = (
    "must be a network in CIDR form such as 10.42.7.0/24, with no address bits after the prefix"
)
_EXACT_MESSAGE = "must be an exact host name: '*' and a leading '.' would accept names that are not yours"

RULES: Final = (
    Rule(
        on=Django,
        at="allowed_hosts[]",
        cel="!self.startsWith('*') && !self.startsWith('.')",
        holds=lambda host: not host.startswith(("*", ".")),
        message=_EXACT_MESSAGE,
    ),
    Rule(
        on=Ingress,
        at="hosts[]",
        cel="!self.startsWith('*') && !self.startsWith('.')",
        holds=lambda host: not host.startswith(("*", ".")),
        message=_EXACT_MESSAGE,
    ),
    Rule(
        on=Ingress,
        at="websocket_paths[]",
        cel=_PLAIN_PATH_CEL,
        holds=_is_plain_path,
        message=_PLAIN_PATH_MESSAGE,
    ),
    Rule(
        on=WebSocketProbe,
        at="path",
        cel=_PLAIN_PATH_CEL,
        holds=_is_plain_path,
        message=_PLAIN_PATH_MESSAGE,
    ),
    Rule(
        on=WebSocketProbe,
        blame="path",
        cel="self.mode == 'Enabled' || !has(self.path)",
        holds=lambda probe: probe.mode == "Enabled" or probe.path is None,
        message="must be left out with the mode Disabled, which opens no WebSocket",
    ),
    Rule(
        on=Ingress,
        at="annotations",
        cel=f"self.all(key, key in {cel_list(INGRESS_ANNOTATIONS)})",
        holds=lambda annotations: all(key in INGRESS_ANNOTATIONS for key in annotations),
        message="must have only these keys: " + ", ".join(INGRESS_ANNOTATIONS),
    ),
    Rule(
        on=TrustedProxies,
        at="cidrs[]",
        cel=_IS_NETWORK_CEL,
        holds=_is_network,
        message=_NETWORK_MESSAGE,
    ),
    Rule(
        on=TrustedProxies,
        at="cidrs[]",
        cel=_IS_NARROW_CEL,
        holds=_is_narrow,
        message="must be the proxies' own network, not everybody's: at most a /16 of the private IPv4 blocks and "
        "not all of one, a /8 of other IPv4, a /48 of fc00::/7, a /16 of other IPv6",
    ),
    Rule(
        on=TrustedProxies,
        cel="!has(self.hops) || !has(self.cidrs) || self.cidrs.size() == 0",
        holds=lambda trusted: trusted.hops is None or not trusted.cidrs,
        message="must have hops or cidrs, not both: they are two ways to find the client in X-Forwarded-For",
    ),
    Rule(
        on=NetworkPolicyPeer,
        cel="has(self.fromPods) != has(self.cidr)",
        holds=lambda peer: (peer.from_pods is None) != (peer.cidr is None),
        message="must have exactly one of fromPods and cidr",
    ),
    Rule(
        on=NetworkPolicyPeer,
        at="cidr",
        cel=_IS_NETWORK_CEL,
        holds=_is_network,
        message=_NETWORK_MESSAGE,
    ),
    Rule(
        on=NetworkPolicyPeer,
        at="cidr",
        cel="!self.endsWith('/0')",
        holds=_is_not_everything,
        message="must not be everybody: name the networks that may reach the web port, "
        "or set networkPolicy.mode to Disabled",
    ),
)
