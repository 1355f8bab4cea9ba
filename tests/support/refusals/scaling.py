"""Refused bounds, targets and engines of autoscaling, ages of connections and probes of the way in."""

from __future__ import annotations

from typing import Final

from tests.support.refusals.table import Object, Refused

_DJANGO: Final[Object] = {"spec.framework": "Django"}
_BELOW: Final = "should be greater than or equal to"
_ABOVE: Final = "should be less than or equal to"
_POOLED: Final[Object] = {
    "spec.database": {"urlSecretRef": {"name": "db", "key": "url"}, "pooling": "TransactionPooler"}
}


def _autoscaling(**fields: object) -> Object:
    """A change that switches autoscaling on."""
    return {"spec.web.autoscaling": {"maxReplicas": 9, **fields}}


def _deregistered(seconds: int) -> Object:
    """A change that tells a load balancer how long connections to a pod that goes may stay."""
    attributes = f"stickiness.enabled=true,deregistration_delay.timeout_seconds={seconds}"
    return {"spec.ingress.annotations": {"alb.ingress.kubernetes.io/target-group-attributes": attributes}}


SCALING: Final = {
    "autoscaling-without-maximum": Refused(
        change={"spec.web.autoscaling": {"minReplicas": 3}},
        path="spec.web.autoscaling.maxReplicas",
        says="must be set",
        server="Required value",
    ),
    "autoscaling-to-nothing": Refused(
        change=_autoscaling(minReplicas=0),
        path="spec.web.autoscaling.minReplicas",
        says="must be at least 1",
        server=_BELOW,
    ),
    "autoscaling-without-end": Refused(
        change=_autoscaling(maxReplicas=1001),
        path="spec.web.autoscaling.maxReplicas",
        says="must be at most 1000",
        server=_ABOVE,
    ),
    "autoscaling-upside-down": Refused(
        change=_autoscaling(minReplicas=10),
        path="spec.web.autoscaling.minReplicas",
        says="must be at most maxReplicas",
    ),
    "autoscaling-below-the-default-minimum": Refused(
        change=_autoscaling(maxReplicas=1),
        path="spec.web.autoscaling.minReplicas",
        says="must be at most maxReplicas; it is 2 where it is left out",
    ),
    "autoscaling-target-no-pod-exceeds": Refused(
        change=_autoscaling(targetConnectionsPerPod=1801),
        path="spec.web.autoscaling.targetConnectionsPerPod",
        says="must be at most 90 % of connections.maxPerPod",
    ),
    "autoscaling-cpu-above-all": Refused(
        change=_autoscaling(targetCPUUtilizationPercentage=101),
        path="spec.web.autoscaling.targetCPUUtilizationPercentage",
        says="must be at most 100",
        server=_ABOVE,
    ),
    "autoscaling-connections-of-gunicorn": Refused(
        change={**_DJANGO, **_autoscaling(targetConnectionsPerPod=100, targetCPUUtilizationPercentage=75)},
        path="spec.web.autoscaling.targetConnectionsPerPod",
        says="must be left out under Gunicorn",
    ),
    "autoscaling-gunicorn-by-nothing": Refused(
        change={**_DJANGO, **_autoscaling()},
        path="spec.web.autoscaling",
        says="must have targetCPUUtilizationPercentage under Gunicorn",
    ),
    "autoscaling-keda-by-cpu": Refused(
        change=_autoscaling(engine="KEDA", targetCPUUtilizationPercentage=75),
        path="spec.web.autoscaling.engine",
        says="must be HorizontalPodAutoscaler where CPU is the only target",
    ),
    "autoscaling-keda-gunicorn": Refused(
        change={**_DJANGO, **_autoscaling(engine="KEDA", targetCPUUtilizationPercentage=75)},
        path="spec.web.autoscaling.engine",
        says="must be HorizontalPodAutoscaler where CPU is the only target",
    ),
    "autoscaling-engine-unknown": Refused(
        change=_autoscaling(engine="Knative"),
        path="spec.web.autoscaling.engine",
        says="must be one of HorizontalPodAutoscaler, KEDA",
        server="supported values",
    ),
    "drain-of-all-there-may-be-too-slow": Refused(
        change={
            **_autoscaling(maxReplicas=3),
            "spec.web.rollout.strategy": "SurgeAll",
            "spec.web.replicas": 1,
        },
        path="spec.web.rollout.drainTimeoutSeconds",
        says="must leave time to close 6000 connections at 100 per second: raise rollout.drainTimeoutSeconds to 60, "
        "raise rollout.maxReconnectsPerSecond to 200, or lower connections.maxPerPod to 1000",
    ),
    "age-too-young": Refused(
        change={"spec.web.connections.maxAgeSeconds": 59},
        path="spec.web.connections.maxAgeSeconds",
        says="must be 60 to 604800, or 0 for never",
    ),
    "age-too-old": Refused(
        change={"spec.web.connections.maxAgeSeconds": 604_801},
        path="spec.web.connections.maxAgeSeconds",
        says="must be at most 604800",
        server=_ABOVE,
    ),
    "drain-cut-by-the-load-balancer": Refused(
        change=_deregistered(32),
        path="spec.ingress.annotations",
        says="must have a deregistration_delay.timeout_seconds of at least 3 more than "
        "web.rollout.drainTimeoutSeconds",
    ),
    "rebalance-unknown": Refused(
        change={"spec.web.connections.rebalance": "Always"},
        path="spec.web.connections.rebalance",
        says="must be one of AfterScaleOut, Disabled",
        server="supported values",
    ),
    **{
        f"gunicorn-{field}": Refused(
            change={**_DJANGO, f"spec.web.connections.{field}": value},
            path="spec.web.connections",
            says="must be left out under Gunicorn",
        )
        for field, value in {"maxAgeSeconds": 600, "rebalance": "Disabled"}.items()
    },
    "paused-by-text": Refused(
        change={"spec.web.rollout.paused": "yes"},
        path="spec.web.rollout.paused",
        says="must be true or false",
        server="must be of type boolean",
    ),
    "probe-path-beside-disabled": Refused(
        change={"spec.ingress.websocketProbe": {"mode": "Disabled", "path": "/ws/live/"}},
        path="spec.ingress.websocketProbe.path",
        says="must be left out with the mode Disabled",
    ),
    "probe-path-up": Refused(
        change={"spec.ingress.websocketProbe.path": "/ws/../admin/"},
        path="spec.ingress.websocketProbe.path",
        says="must not contain '//' or '..'",
    ),
    "probe-path-with-query": Refused(
        change={"spec.ingress.websocketProbe.path": "/ws/?room=1"},
        path="spec.ingress.websocketProbe.path",
        says="must be a path that starts with / and has only",
    ),
    "probe-mode-unknown": Refused(
        change={"spec.ingress.websocketProbe.mode": "Auto"},
        path="spec.ingress.websocketProbe.mode",
        says="must be one of Enabled, Disabled",
        server="supported values",
    ),
    "gunicorn-probe": Refused(
        change={**_DJANGO, "spec.ingress.websocketProbe.path": "/ws/"},
        path="spec.ingress.websocketProbe",
        says="must be left out under Gunicorn",
    ),
    "pooler-migrated-afterwards-without-direct-url": Refused(
        change={**_POOLED, "spec.migrations.policy": "AfterRollout"},
        path="spec.database.directUrlSecretRef",
        says="must be set with database.pooling TransactionPooler",
    ),
    "migrations-unknown": Refused(
        change={"spec.migrations.policy": "DuringRollout"},
        path="spec.migrations.policy",
        says="must be one of BeforeRollout, AfterRollout, Manual, Disabled",
        server="supported values",
    ),
}
"""Refused manifests, by a name for people."""

ACCEPTED: Final[dict[str, Object]] = {
    "autoscaling-smallest": _autoscaling(),
    "autoscaling-one-pod": _autoscaling(minReplicas=1, maxReplicas=1),
    "autoscaling-largest": {
        "spec.web": {
            "replicas": 0,
            "connections": {"maxPerPod": 100_000},
            "rollout": {"maxReconnectsPerSecond": 100_000},
            "autoscaling": {
                "minReplicas": 1000,
                "maxReplicas": 1000,
                "targetConnectionsPerPod": 90_000,
                "targetCPUUtilizationPercentage": 100,
            },
        }
    },
    "autoscaling-target-with-just-enough-room": _autoscaling(targetConnectionsPerPod=1800),
    "autoscaling-by-cpu": _autoscaling(targetCPUUtilizationPercentage=75),
    "autoscaling-gunicorn-by-cpu": {**_DJANGO, **_autoscaling(targetCPUUtilizationPercentage=75)},
    "autoscaling-django-by-connections": {
        **_DJANGO,
        "spec.web": {
            "server": "Uvicorn",
            "autoscaling": {"maxReplicas": 9, "targetConnectionsPerPod": 100},
        },
    },
    "autoscaling-keda": _autoscaling(engine="KEDA"),
    "autoscaling-keda-by-both": _autoscaling(
        engine="KEDA", targetConnectionsPerPod=1000, targetCPUUtilizationPercentage=75
    ),
    "autoscaling-suspended": {**_autoscaling(), "spec.suspend": True},
    "drain-of-all-there-may-be": {
        **_autoscaling(maxReplicas=3),
        "spec.web.rollout.strategy": "SurgeAll",
        "spec.web.rollout.drainTimeoutSeconds": 60,
        "spec.web.replicas": 1000,
    },
    "drain-just-before-the-load-balancer": _deregistered(33),
    "load-balancer-of-gunicorn": {**_DJANGO, **_deregistered(0)},
    "load-balancer-told-other-things": {
        "spec.ingress.annotations": {
            "alb.ingress.kubernetes.io/target-group-attributes": "load_balancing.algorithm.type=round_robin"
        }
    },
    "age-youngest": {"spec.web.connections.maxAgeSeconds": 60},
    "age-oldest": {"spec.web.connections.maxAgeSeconds": 604_800},
    "age-never": {"spec.web.connections": {"maxAgeSeconds": 0, "rebalance": "Disabled"}},
    "paused": {"spec.web.rollout.paused": True},
    "paused-gunicorn": {**_DJANGO, "spec.web.rollout.paused": True},
    "probe-of-its-own": {"spec.ingress.websocketProbe": {"mode": "Enabled", "path": "/health/ws/"}},
    "probe-not-wanted": {"spec.ingress.websocketProbe.mode": "Disabled"},
    "probe-of-django-with-sockets": {
        **_DJANGO,
        "spec.web.server": "Uvicorn",
        "spec.ingress.websocketProbe.path": "/events/",
    },
    "migrated-afterwards": {
        "spec.database": {
            "urlSecretRef": {"name": "db", "key": "url"},
            "directUrlSecretRef": {"name": "db", "key": "direct"},
            "pooling": "TransactionPooler",
        },
        "spec.migrations.policy": "AfterRollout",
    },
}
"""Manifests that must pass, each close to one that is refused."""
