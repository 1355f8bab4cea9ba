"""The way in: trusted proxies, ingress, network policy."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from realtimeapp_operator.api.base import (
    Cidr,
    Host,
    Label,
    LabelKey,
    Labels,
    Model,
    ObjectName,
    Unique,
    UrlPath,
    grammar,
)

AnnotationValue = Annotated[
    str,
    grammar(
        r"^[^\x00-\x1f;{}$`\"'#\\]*$",
        "must not contain control characters or any of ; { } $ ` \" ' # \\",
        longest=256,
    ),
]
CookieName = Annotated[
    str, grammar(r"^[A-Za-z0-9_-]+$", "must consist of letters, digits, '_' and '-'", shortest=1, longest=64)
]


class PodSelector(Model):
    """Pods of one namespace, by labels."""

    namespace: Label = Field(description="Namespace of the pods.")
    match_labels: Labels = Field(
        default_factory=dict, description="Labels of the pods; empty means all of them."
    )


class TrustedProxies(Model):
    """Whose word about the client's address and scheme is taken."""

    cidrs: Annotated[tuple[Cidr, ...], Field(max_length=32), Unique()] = Field(
        default=(),
        description="Addresses of the proxies; the first address outside them, from the right, is the client.",
    )
    hops: Annotated[int, Field(ge=1, le=10)] | None = Field(
        default=None,
        description="Proxies that append to X-Forwarded-For; the client is the Nth entry from the right.",
    )
    from_pods: PodSelector | None = Field(
        default=None, description="Only these pods may reach the web port (NetworkPolicy)."
    )


class IssuerRef(Model):
    """A cert-manager issuer."""

    name: ObjectName = Field(description="Name of the issuer.")
    kind: Literal["Issuer", "ClusterIssuer"] = Field(default="Issuer", description="Kind of the issuer.")


class Tls(Model):
    """Certificate of the hosts."""

    secret_name: ObjectName = Field(
        description="Secret of type kubernetes.io/tls; cert-manager writes it with `issuerRef`."
    )
    issuer_ref: IssuerRef | None = Field(
        default=None, description="cert-manager issuer that keeps the certificate."
    )


class Affinity(Model):
    """How a client comes back to its pod."""

    type: Literal["Cookie", "None"] | None = Field(
        default=None, description="Default: `Cookie`; `None` for ApiGatewayWebSockets and Django."
    )
    cookie_name: CookieName = Field(default="realtimeapp", description="Name of the cookie.")
    ttl_seconds: Annotated[int, Field(ge=1, le=31_536_000)] | None = Field(
        default=None, description="Lifetime of the cookie; default: `session.ttlSeconds`."
    )


class Timeouts(Model):
    """Idle limits at the edge."""

    websocket_seconds: Annotated[int, Field(ge=10, le=604_800)] = Field(
        default=3600,
        description="Idle limit of WebSockets the edge must keep; the ping interval is at most half of it.",
    )


class WebSocketProbe(Model):
    """The WebSocket the operator opens through the ingress after each rollout, for the condition WebSocketReady."""

    mode: Literal["Enabled", "Disabled"] = Field(
        default="Enabled", description="`Disabled` opens none; the condition then says NotConfigured."
    )
    path: UrlPath | None = Field(
        default=None,
        description="Endpoint that the application itself accepts without signing in. Default: with Djust the first "
        "of `websocketPaths`; else the runtime in the pod answers at the first of them.",
    )


class Ingress(Model):
    """The way in through an ingress controller."""

    class_name: ObjectName = Field(description="IngressClass.")
    provider: Literal["Auto", "Traefik", "Generic"] = Field(
        default="Auto", description="Controller whose options are rendered; `Auto` asks the IngressClass."
    )
    hosts: Annotated[tuple[Host, ...], Field(min_length=1, max_length=16), Unique()] = Field(
        description="Exact host names; the first one is the URL in the status."
    )
    tls: Tls | None = Field(
        default=None, description="Certificate; without it the hosts are served over HTTP."
    )
    websocket_paths: Annotated[tuple[UrlPath, ...], Field(max_length=16), Unique()] | None = Field(
        default=None,
        description="Default: `/ws/live/` for Djust, `/ws/` for Channels, `/messaging/` for RealtimeChat, else none.",
    )
    affinity: Affinity = Field(default_factory=Affinity, description="How a client comes back to its pod.")
    timeouts: Timeouts = Field(default_factory=Timeouts, description="Idle limits at the edge.")
    websocket_probe: WebSocketProbe = Field(
        default_factory=WebSocketProbe, description="Try of the way in after each rollout."
    )
    annotations: Annotated[dict[LabelKey, AnnotationValue], Field(max_length=32)] = Field(
        default_factory=dict,
        description="Further annotations of the Ingress; allow-listed keys, merged last.",
    )


class NetworkPolicyPeer(Model):
    """Who else may reach the web port: pods of a namespace, or addresses; exactly one of the two."""

    from_pods: PodSelector | None = Field(default=None, description="Pods of a namespace.")
    cidr: Cidr | None = Field(default=None, description="Addresses.")


class NetworkPolicy(Model):
    """Network isolation of the application's pods."""

    mode: Literal["Restricted", "Disabled"] = Field(
        default="Restricted",
        description="`Restricted`: only the web port is reachable, Redis only from the application; `Disabled`: no policies.",
    )
    extra_ingress: Annotated[tuple[NetworkPolicyPeer, ...], Field(max_length=16)] = Field(
        default=(), description="Further peers of the web port, beside `trustedProxies.fromPods`."
    )
