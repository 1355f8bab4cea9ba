"""The Ingress, and which controller's options go with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from realtimeapp_operator import names
from realtimeapp_operator.api import defaults
from realtimeapp_operator.render.common import metadata
from realtimeapp_operator.render.edge import generic, traefik

if TYPE_CHECKING:
    from realtimeapp_operator.api.app import RealtimeApp
    from realtimeapp_operator.api.edge import Ingress
    from realtimeapp_operator.render.facts import Edge, Facts, Manifest

TRAEFIK_CONTROLLER: Final = "traefik.io/ingress-controller"
"""`spec.controller` of Traefik's IngressClass."""


class Options(Protocol):
    """What a module of one controller offers."""

    def service_annotations(self, app: RealtimeApp, ingress: Ingress) -> dict[str, str]:
        """Annotations of the web Service."""

    def ingress_annotations(self, ingress: Ingress) -> dict[str, str]:
        """Annotations of the Ingress."""

    def list_unmet(self, app: RealtimeApp, ingress: Ingress) -> tuple[str, ...]:
        """Sentences about what the controller is not told or cannot do."""


def resolve_edge(app: RealtimeApp, *, controller: str | None) -> Edge | None:
    """The controller whose options are rendered: the one the user names, else the one behind the IngressClass.

    `controller` is `spec.controller` of the IngressClass, None while there is no such class. The result is None
    without an ingress, and Generic for a controller that is not known.
    """
    ingress = app.spec.ingress
    if ingress is None:
        return None
    if ingress.provider != "Auto":
        return ingress.provider
    return "Traefik" if controller == TRAEFIK_CONTROLLER else "Generic"


def service_annotations(app: RealtimeApp, facts: Facts) -> dict[str, str]:
    """Annotations of the web Service that the edge reads."""
    if app.spec.ingress is None:
        return {}
    return _options(facts.edge).service_annotations(app, app.spec.ingress)


def unmet(app: RealtimeApp, edge: Edge | None) -> tuple[str, ...]:
    """What this edge cannot honour, as sentences for the status; empty when all is well or there is no ingress."""
    if app.spec.ingress is None:
        return ()
    return _options(edge).list_unmet(app, app.spec.ingress)


def build_ingress(app: RealtimeApp, facts: Facts) -> list[Manifest]:
    """The Ingress, if one is asked for."""
    ingress = app.spec.ingress
    if ingress is None:
        return []
    annotations = {
        **_options(facts.edge).ingress_annotations(ingress),
        **_certificate_annotations(ingress),
        **ingress.annotations,
    }
    spec: dict[str, Any] = {
        "ingressClassName": ingress.class_name,
        "rules": [_rule(app, host) for host in ingress.hosts],
    }
    if ingress.tls is not None:
        spec["tls"] = [{"hosts": list(ingress.hosts), "secretName": ingress.tls.secret_name}]
    return [
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": metadata(
                app,
                names.web(app.metadata.name),
                component=names.COMPONENT_WEB,
                annotations=annotations,
            ),
            "spec": spec,
        }
    ]


def _options(edge: Edge | None) -> Options:
    return traefik if edge == "Traefik" else generic


def _certificate_annotations(ingress: Ingress) -> dict[str, str]:
    if ingress.tls is None or ingress.tls.issuer_ref is None:
        return {}
    issuer = ingress.tls.issuer_ref
    key = "cert-manager.io/cluster-issuer" if issuer.kind == "ClusterIssuer" else "cert-manager.io/issuer"
    return {key: issuer.name}


def _rule(app: RealtimeApp, host: str) -> dict[str, Any]:
    """WebSocket paths first and by themselves, so that a controller's options for them have a place; then the rest."""
    paths = dict.fromkeys((*defaults.websocket_paths(app.spec), "/"))
    return {
        "host": host,
        "http": {
            "paths": [
                {
                    "path": path,
                    "pathType": "Prefix",
                    "backend": {
                        "service": {
                            "name": names.web(app.metadata.name),
                            "port": {"name": "http"},
                        }
                    },
                }
                for path in paths
            ]
        },
    }
