"""Refused ways in, and web tiers that cannot work."""

from __future__ import annotations

from typing import Final

from tests.support.refusals.table import Refused

_CODE = "must be a code the server can send"
_BELOW = "should be greater than or equal to"
_ABOVE = "should be less than or equal to"

EDGE: Final = {
    **{
        f"path-{label}": Refused(
            change={"spec.ingress.websocketPaths": [path]}, path="spec.ingress.websocketPaths[0]", says=says
        )
        for label, path, says in (
            ("dots", "/ws/../admin/", "must not contain '//' or '..'"),
            ("slashes", "//evil.example.com/", "must not contain '//' or '..'"),
            ("relative", "ws/", "must be a path that starts with /"),
            ("directive", "/ws/;}location/", "must be a path that starts with /"),
        )
    },
    **{
        f"annotation-{label}": Refused(
            change={"spec.ingress.annotations": {key: "x"}},
            path="spec.ingress.annotations",
            says="must have only these keys",
        )
        for label, key in {
            "snippet": "nginx.ingress.kubernetes.io/configuration-snippet",
            "server-snippet": "nginx.ingress.kubernetes.io/server-snippet",
            "server-alias": "nginx.ingress.kubernetes.io/server-alias",
            "auth-url": "nginx.ingress.kubernetes.io/auth-url",
            "mirror": "nginx.ingress.kubernetes.io/mirror-target",
            "rewrite": "nginx.ingress.kubernetes.io/rewrite-target",
            "hash": "nginx.ingress.kubernetes.io/upstream-hash-by",
            "headers": "nginx.ingress.kubernetes.io/custom-headers",
            "middlewares": "traefik.ingress.kubernetes.io/router.middlewares",
            "dns-hostname": "external-dns.alpha.kubernetes.io/hostname",
            "unknown": "team",
        }.items()
    },
    "annotation-value": Refused(
        change={"spec.ingress.annotations": {"traefik.ingress.kubernetes.io/router.entrypoints": "web;}"}},
        path="spec.ingress.annotations.traefik.ingress.kubernetes.io/router.entrypoints",
        server_path="spec.ingress.annotations[traefik.ingress.kubernetes.io/router.entrypoints]",
        says="must not contain control characters",
    ),
    "annotation-key": Refused(
        change={"spec.ingress.annotations": {"a b": "x"}},
        path="spec.ingress.annotations",
        says="keys must be a label key",
    ),
    "cookie-name": Refused(
        change={"spec.ingress.affinity.cookieName": "a=b"},
        path="spec.ingress.affinity.cookieName",
        says="must consist of letters, digits, '_' and '-'",
    ),
    "affinity-unknown": Refused(
        change={"spec.ingress.affinity.type": "ClientIP"},
        path="spec.ingress.affinity.type",
        says="must be one of Cookie, None",
        server="supported values",
    ),
    "ping-above-half-the-idle-limit": Refused(
        change={"spec.web.pingIntervalSeconds": 20, "spec.ingress.timeouts.websocketSeconds": 39},
        path="spec.web.pingIntervalSeconds",
        says="must be at most half of ingress.timeouts.websocketSeconds",
    ),
    "provider-unknown": Refused(
        change={"spec.ingress.provider": "Nginx"},
        path="spec.ingress.provider",
        says="must be one of Auto, Traefik, Generic",
        server="supported values",
    ),
}

WEB: Final = {
    "daphne-processes": Refused(
        change={"spec.web": {"server": "Daphne", "processesPerPod": 2}},
        path="spec.web.processesPerPod",
        says="must be 1 with Daphne",
    ),
    "daphne-compression": Refused(
        change={"spec.web": {"server": "Daphne", "connections": {"compression": "Enabled"}}},
        path="spec.web.connections.compression",
        says="must be Disabled, except with Uvicorn",
    ),
    "daphne-close-code": Refused(
        change={"spec.web": {"server": "Daphne", "rollout": {"closeCode": 1012}}},
        path="spec.web.rollout.closeCode",
        says=_CODE,
    ),
    "close-code-normal": Refused(
        change={"spec.web.rollout.closeCode": 1000}, path="spec.web.rollout.closeCode", says=_CODE
    ),
    "close-code-never-sent": Refused(
        change={"spec.web.rollout.closeCode": 1006}, path="spec.web.rollout.closeCode", says=_CODE
    ),
    "close-code-no-code": Refused(
        change={"spec.web.rollout.closeCode": 5000},
        path="spec.web.rollout.closeCode",
        says="must be at most 4999",
        server=_ABOVE,
    ),
    "drain-too-slow": Refused(
        change={"spec.web.rollout.maxReconnectsPerSecond": 10},
        path="spec.web.rollout.drainTimeoutSeconds",
        says="must leave time to close 2000 connections at 10 per second: raise rollout.drainTimeoutSeconds to 200, "
        "raise rollout.maxReconnectsPerSecond to 67, or lower connections.maxPerPod to 300",
    ),
    "drain-of-all-too-slow": Refused(
        change={"spec.web.rollout.strategy": "SurgeAll", "spec.web.replicas": 3},
        path="spec.web.rollout.drainTimeoutSeconds",
        says="must leave time to close 6000 connections at 100 per second: raise rollout.drainTimeoutSeconds to 60, "
        "raise rollout.maxReconnectsPerSecond to 200, or lower connections.maxPerPod to 1000",
    ),
    "port-privileged": Refused(
        change={"spec.web.port": 80}, path="spec.web.port", says="must be at least 1024", server=_BELOW
    ),
    "replicas-many": Refused(
        change={"spec.web.replicas": 1001},
        path="spec.web.replicas",
        says="must be at most 1000",
        server=_ABOVE,
    ),
    "replicas-text": Refused(
        change={"spec.web.replicas": "2"},
        path="spec.web.replicas",
        says="must be a whole number",
        server="must be of type integer",
    ),
    "server-unknown": Refused(
        change={"spec.web.server": "Waitress"},
        path="spec.web.server",
        says="must be one of Uvicorn, Daphne, Hypercorn, Granian, GunicornUvicorn, Gunicorn",
        server="supported values",
    ),
}
