"""Refused hosts, proxies and peers."""

from __future__ import annotations

from typing import Final

from tests.support.refusals.table import Refused, peer

_EXACT = "must be an exact host name"
_HOST = "must be a host name in lower case"
_NARROW = "must be the proxies' own network, not everybody's"
_NETWORK = "must be a network in CIDR form such as 10.42.7.0/24, with no address bits"
_BELOW = "should be greater than or equal to"

HOSTS: Final = {
    "host-star": Refused(
        change={"spec.django.allowedHosts": ["*"]}, path="spec.django.allowedHosts[0]", says=_EXACT
    ),
    "host-dot": Refused(
        change={"spec.django.allowedHosts": [".example.com"]}, path="spec.django.allowedHosts[0]", says=_EXACT
    ),
    "host-scheme": Refused(
        change={"spec.django.allowedHosts": ["https://example.com"]},
        path="spec.django.allowedHosts[0]",
        says=_HOST,
    ),
    "host-port": Refused(
        change={"spec.django.allowedHosts": ["example.com:8000"]},
        path="spec.django.allowedHosts[0]",
        says=_HOST,
    ),
    "edge-host-wildcard": Refused(
        change={"spec.ingress.hosts": ["*.example.com"]}, path="spec.ingress.hosts[0]", says=_EXACT
    ),
    "edge-host-case": Refused(
        change={"spec.ingress.hosts": ["Shop.example.com"]}, path="spec.ingress.hosts[0]", says=_HOST
    ),
    "edge-host-newline": Refused(
        change={"spec.ingress.hosts": ["a.example.com\nb"]}, path="spec.ingress.hosts[0]", says=_HOST
    ),
    "edge-host-twice": Refused(
        change={"spec.ingress.hosts": ["a.example.com", "a.example.com"]},
        path="spec.ingress.hosts[1]",
        says="must be unique: a.example.com is there twice",
        server="Duplicate value",
    ),
    "edge-host-none": Refused(
        change={"spec.ingress.hosts": []},
        path="spec.ingress.hosts",
        says="must have at least 1 entry",
        server="should have at least 1 items",
    ),
    "edge-host-many": Refused(
        change={"spec.ingress.hosts": [f"h{index}.example.com" for index in range(17)]},
        path="spec.ingress.hosts",
        says="must have at most 16 entries",
        server="must have at most 16 items",
    ),
    "edge-host-long": Refused(
        change={"spec.ingress.hosts": [f"{'a.' * 127}aa"]},
        path="spec.ingress.hosts[0]",
        says="must have at most 253 characters",
        server="may not be more than 253 bytes",
    ),
}

PROXIES: Final = {
    "proxy-hops-and-cidrs": Refused(
        change={"spec.trustedProxies": {"hops": 1, "cidrs": ["10.42.7.0/24"]}},
        path="spec.trustedProxies",
        says="must have hops or cidrs, not both",
    ),
    **{
        f"proxy-{label}": Refused(
            change={"spec.trustedProxies.cidrs": [cidr]}, path="spec.trustedProxies.cidrs[0]", says=_NARROW
        )
        for label, cidr in {
            "everybody": "0.0.0.0/0",
            "everybody-6": "::/0",
            "half-of-everybody": "128.0.0.0/1",
            "class-a-block": "10.0.0.0/8",
            "class-b-block": "172.16.0.0/12",
            "class-c-block": "192.168.0.0/16",
            "around-a-block": "192.0.0.0/8",
            "wide-in-a-block": "10.64.0.0/15",
            "wide-in-b-block": "172.16.0.0/13",
            "local-6": "fd00::/8",
            "wide-local-6": "fd12:3456::/32",
            "wide-6": "2000::/3",
        }.items()
    },
    **{
        f"proxy-{label}": Refused(
            change={"spec.trustedProxies.cidrs": [cidr]}, path="spec.trustedProxies.cidrs[0]", says=_NETWORK
        )
        for label, cidr in {
            "address-bits": "10.42.7.1/24",
            "too-long-a-prefix": "10.42.7.0/33",
            "octet": "10.42.256.0/24",
            "mapped": "::ffff:10.0.0.0/112",
        }.items()
    },
    "proxy-address": Refused(
        change={"spec.trustedProxies.cidrs": ["10.42.7.1"]},
        path="spec.trustedProxies.cidrs[0]",
        says="must be a network in CIDR form",
    ),
    "proxy-hops-none": Refused(
        change={"spec.trustedProxies.hops": 0},
        path="spec.trustedProxies.hops",
        says="must be at least 1",
        server=_BELOW,
    ),
    "peer-both": Refused(
        change=peer(cidr="10.42.7.0/24", fromPods={"namespace": "edge"}),
        path="spec.networkPolicy.extraIngress[0]",
        says="must have exactly one of fromPods and cidr",
    ),
    "peer-neither": Refused(
        change=peer(),
        path="spec.networkPolicy.extraIngress[0]",
        says="must have exactly one of fromPods and cidr",
    ),
    "peer-everybody": Refused(
        change=peer(cidr="0.0.0.0/0"),
        path="spec.networkPolicy.extraIngress[0].cidr",
        says="must not be everybody",
    ),
    "peer-bits": Refused(
        change=peer(cidr="10.42.7.1/24"), path="spec.networkPolicy.extraIngress[0].cidr", says=_NETWORK
    ),
}
