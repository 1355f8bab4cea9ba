"""Any other ingress controller: a plain Ingress, and the truth about what it may not do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtimeapp_operator.api import defaults

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


def list_unmet(app: RealtimeApp, ingress: Ingress) -> tuple[str, ...]:
    """What the spec asks for and an unknown controller is not told, with what to do about it."""
    sentences = []
    if defaults.affinity_type(app.spec) == "Cookie":
        sentences.append(
            "Cookie affinity is not configured: the operator does not know the options of this ingress controller. "
            "Configure it there, or set spec.ingress.affinity.type to None; "
            "clients then may reconnect to another pod."
        )
    sentences.append(
        f"The idle limit of WebSockets is the ingress controller's own: make sure it is at least "
        f"{ingress.timeouts.websocket_seconds} seconds "
        f"(open sockets are kept alive by a ping every {app.spec.web.ping_interval_seconds} seconds)."
    )
    trusted = app.spec.trusted_proxies
    if trusted is None or not (trusted.cidrs or trusted.hops):
        sentences.append(
            "No proxy is trusted, so the application sees the ingress controller's address as every client's: "
            "set spec.trustedProxies.hops or spec.trustedProxies.cidrs."
        )
    return tuple(sentences)
