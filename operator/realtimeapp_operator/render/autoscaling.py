"""Who changes the number of web pods: Kubernetes' HorizontalPodAutoscaler, or KEDA's ScaledObject, which makes one.

Both get the same targets and the same patience. Growing is never slowed down; pods are taken away one at a time, each as
slowly as its connections can be moved. A metric that cannot be read takes no pod away with either engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from realtimeapp_operator import names
from realtimeapp_operator.api import defaults
from realtimeapp_operator.render.common import metadata
from realtimeapp_operator.render.pacing import LAG_SECONDS, empty_seconds, grace_seconds

if TYPE_CHECKING:
    from realtimeapp_operator.api.app import RealtimeApp, Spec
    from realtimeapp_operator.api.autoscaling import Autoscaling
    from realtimeapp_operator.render.facts import Facts, Manifest

COMPONENT: Final = names.COMPONENT_WEB
STABILIZATION_SECONDS: Final = 600
"""How long fewer pods must have been enough: longer than clients need to come back after a rollout or an outage."""
STABILIZATION_MAX: Final = 3600
"""Longest window the API accepts."""
STEP_SECONDS: Final = 60
"""Shortest time between two pods that are taken away."""
STEP_MAX: Final = 1800
"""Longest period of a policy the API accepts; where a pod drains longer, the pods share the pace among themselves."""
POLLING_SECONDS: Final = 15
"""How often KEDA asks, the same as Kubernetes' own autoscaler."""
FALLBACK_FAILURES: Final = 3
"""Failed questions in a row until KEDA stops believing the last answer."""


def build_autoscaler(app: RealtimeApp, facts: Facts) -> list[Manifest]:
    """The HorizontalPodAutoscaler or the ScaledObject; none without autoscaling, nor while suspended.

    A ScaledObject needs an address to ask: without `metrics_url` there is none.
    """
    scaling = app.spec.web.autoscaling
    if scaling is None or app.spec.suspend:
        return []
    if scaling.engine == "HorizontalPodAutoscaler":
        return [_build_horizontal(app, scaling)]
    return [] if facts.metrics_url is None else [_build_scaled_object(app, scaling, facts.metrics_url)]


def _build_horizontal(app: RealtimeApp, scaling: Autoscaling) -> Manifest:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata(app, names.web(app.metadata.name), component=COMPONENT),
        "spec": {
            "scaleTargetRef": _target(app),
            "minReplicas": scaling.min_replicas,
            "maxReplicas": scaling.max_replicas,
            "metrics": [*_external_metric(app), *_cpu_metric(scaling)],
            "behavior": _behavior(app.spec),
        },
    }


def _build_scaled_object(app: RealtimeApp, scaling: Autoscaling, metrics_url: str) -> Manifest:
    """The ScaledObject. Where nothing answers, it counts with the pods there are: none is added, none taken away."""
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": metadata(app, names.web(app.metadata.name), component=COMPONENT),
        "spec": {
            "scaleTargetRef": _target(app),
            "pollingInterval": POLLING_SECONDS,
            "minReplicaCount": scaling.min_replicas,
            "maxReplicaCount": scaling.max_replicas,
            "fallback": {
                "failureThreshold": FALLBACK_FAILURES,
                "replicas": scaling.min_replicas,
                "behavior": "currentReplicasIfHigher",
            },
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": _behavior(app.spec)}},
            "triggers": [*_connections_trigger(app, metrics_url), *_cpu_trigger(scaling)],
        },
    }


def _target(app: RealtimeApp) -> dict[str, str]:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "name": names.web(app.metadata.name)}


def _external_metric(app: RealtimeApp) -> list[dict[str, Any]]:
    """A sum over all pods, those that are stopping included: their clients are about to come back."""
    target = defaults.target_connections(app.spec)
    if target is None:
        return []
    chosen = {"matchLabels": {names.LABEL_APP: app.metadata.name}}
    return [
        {
            "type": "External",
            "external": {
                "metric": {"name": names.METRIC_CONNECTIONS, "selector": chosen},
                "target": {"type": "AverageValue", "averageValue": str(target)},
            },
        }
    ]


def _cpu_metric(scaling: Autoscaling) -> list[dict[str, Any]]:
    percentage = scaling.target_cpu_utilization_percentage
    if percentage is None:
        return []
    target = {"type": "Utilization", "averageUtilization": percentage}
    return [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def _connections_trigger(app: RealtimeApp, metrics_url: str) -> list[dict[str, Any]]:
    target = defaults.target_connections(app.spec)
    if target is None:
        return []
    return [
        {
            "type": "metrics-api",
            "metricType": "AverageValue",
            "metadata": {
                "url": f"{metrics_url}/apps/{app.metadata.namespace}/{app.metadata.name}/connections",
                "valueLocation": "connections",
                "targetValue": str(target),
            },
        }
    ]


def _cpu_trigger(scaling: Autoscaling) -> list[dict[str, Any]]:
    percentage = scaling.target_cpu_utilization_percentage
    if percentage is None:
        return []
    return [{"type": "cpu", "metricType": "Utilization", "metadata": {"value": str(percentage)}}]


def _behavior(spec: Spec) -> dict[str, Any]:
    """Patience when pods are taken away; how fast they are added is Kubernetes' default, which is at once."""
    moving = empty_seconds(spec) + LAG_SECONDS if defaults.holds_sockets(spec) else 0
    return {
        "scaleDown": {
            "stabilizationWindowSeconds": min(
                STABILIZATION_MAX, max(STABILIZATION_SECONDS, grace_seconds(spec))
            ),
            "selectPolicy": "Max",
            "policies": [
                {"type": "Pods", "value": 1, "periodSeconds": min(STEP_MAX, max(STEP_SECONDS, moving))}
            ],
        }
    }
