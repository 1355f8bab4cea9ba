"""Traefik v3: affinity is an annotation of the Service, TLS one of the Ingress.

It needs no option for WebSockets: a socket has no idle limit once it is upgraded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtimeapp_operator.api import defaults

if TYPE_CHECKING:
    from realtimeapp_operator.api.app import RealtimeApp
    from realtimeapp_operator.api.edge import Ingress

_PREFIX = "traefik.ingress.kubernetes.io"


def service_annotations(app: RealtimeApp, ingress: Ingress) -> dict[str, str]:
    """The affinity cookie, out of reach of scripts and of other sites."""
    if defaults.affinity_type(app.spec) != "Cookie":
        return {}
    cookie = f"{_PREFIX}/service.sticky.cookie"
    return {
        cookie: "true",
        f"{cookie}.name": ingress.affinity.cookie_name,
        f"{cookie}.maxage": str(defaults.affinity_ttl_seconds(app.spec)),
        f"{cookie}.path": "/",
        f"{cookie}.httponly": "true",
        f"{cookie}.samesite": "lax",
        f"{cookie}.secure": "true" if ingress.tls is not None else "false",
    }


def ingress_annotations(ingress: Ingress) -> dict[str, str]:
    """TLS has to be asked for: a certificate in the Ingress alone does not enable it."""
    if ingress.tls is None:
        return {}
    return {
        f"{_PREFIX}/router.entrypoints": "websecure",
        f"{_PREFIX}/router.tls": "true",
    }


def list_unmet(app: RealtimeApp, ingress: Ingress) -> tuple[str, ...]:
    """Nothing: it keeps the cookie, and no socket has an idle limit."""
    del app, ingress
    return ()
