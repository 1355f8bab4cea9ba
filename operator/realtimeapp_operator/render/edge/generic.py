"""Any other ingress controller: a plain Ingress, and the truth about what it may not do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtimeapp_operator.api import defaults
from realtimeapp_operator.api.servers import SERVERS
from realtimeapp_operator.render.pacing import LAG_SECONDS

if TYPE_CHECKING:
    from realtimeapp_operator.api.app import RealtimeApp
    from realtimeapp_operator.api.edge import Ingress


def service_annotations(app: RealtimeApp, ingress: Ingress) -> dict[str, str]:
    """None: no option is common to all controllers."""
    del app, ingress
    return {}


def ingress_annotations(ingress: Ingress) -> dict[str, str]:
    """None: no option is common to all controllers."""
    del ingress
    return {}


def _idle_limit(app: RealtimeApp, ingress: Ingress) -> str:
    web = app.spec.web
    pings = SERVERS[defaults.server(app.spec)].pings
    return (
        f"The idle limit of WebSockets is the ingress controller's own: make sure it is at least "
        f"{ingress.timeouts.websocket_seconds} seconds "
        + (
            f"(open sockets are kept alive by a ping every {web.ping_interval_seconds} seconds)."
            if pings
            else f"({defaults.server(app.spec)} sends no pings: only the application's own messages keep sockets open)."
        )
    )


def _drain_seconds(app: RealtimeApp) -> int:
    return LAG_SECONDS + app.spec.web.rollout.drain_timeout_seconds


def list_unmet(app: RealtimeApp, ingress: Ingress) -> tuple[str, ...]:
    """What the spec asks for and an unknown controller is not told, with what to do about it."""
    sentences = []
    if defaults.affinity_type(app.spec) == "Cookie":
        sentences.append(
            "Cookie affinity is not configured: the operator does not know the options of this ingress controller. "
            "Configure it there, or set spec.ingress.affinity.type to None; "
            "clients then may reconnect to another pod."
        )
    if defaults.holds_sockets(app.spec):
        sentences.append(_idle_limit(app, ingress))
        sentences.append(
            f"A pod that stops closes its WebSockets over up to {_drain_seconds(app)} seconds: make sure that this "
            "ingress controller does not cut connections to it earlier (drain, shutdown or deregistration time-out)."
        )
    if app.spec.framework == "ApiGatewayWebSockets":
        sentences.append(
            "The application accepts API Gateway's requests only with X-Real-IP, X-Forwarded-For, X-Forwarded-Proto "
            "and X-Forwarded-Port: make sure that this ingress controller sets them and is trusted."
        )
    trusted = app.spec.trusted_proxies
    if trusted is None or not (trusted.cidrs or trusted.hops):
        sentences.append(
            "No proxy is trusted, so the application sees the ingress controller's address as every client's: "
            "set spec.trustedProxies.hops or spec.trustedProxies.cidrs."
        )
    return tuple(sentences)
