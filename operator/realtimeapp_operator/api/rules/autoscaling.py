"""Rules about autoscaling: bounds that are bounds, targets that can be reached, an engine that has something to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from realtimeapp_operator.api import defaults
from realtimeapp_operator.api.app import Spec
from realtimeapp_operator.api.autoscaling import Autoscaling
from realtimeapp_operator.api.rules.base import Rule
from realtimeapp_operator.api.rules.servers import HOLDS_SOCKETS_CEL
from realtimeapp_operator.api.web import Web

if TYPE_CHECKING:
    from collections.abc import Callable

TARGET_MAX_PERCENT: Final = 90
"""Highest target of connections, in percent of what a pod holds.

Pods refuse what is above `maxPerPod`, so their mean never exceeds it, and Kubernetes' autoscaler acts only on a mean
more than a tenth above the target: one nearer to the limit would never add a pod.
"""

_SCALING: Final = "self.web.autoscaling"
_CONNECTIONS: Final = f"{_SCALING}.targetConnectionsPerPod"
_CPU: Final = f"{_SCALING}.targetCPUUtilizationPercentage"


def _leaves_room(web: Web) -> bool:
    target = None if web.autoscaling is None else web.autoscaling.target_connections_per_pod
    return target is None or target * 100 <= web.connections.max_per_pod * TARGET_MAX_PERCENT


def _where_autoscaled(cel: str, holds: Callable[[Spec, Autoscaling], bool], blame: str, message: str) -> Rule:
    """A rule about a Spec that only looks at one with autoscaling."""
    return Rule(
        on=Spec,
        blame=f"web.autoscaling{blame}",
        cel=f"!has({_SCALING}) || {cel}",
        holds=lambda spec: spec.web.autoscaling is None or holds(spec, spec.web.autoscaling),
        message=message,
    )


RULES: Final = (
    Rule(
        on=Autoscaling,
        blame="minReplicas",
        cel="self.minReplicas <= self.maxReplicas",
        holds=lambda scaling: scaling.min_replicas <= scaling.max_replicas,
        message="must be at most maxReplicas; it is 2 where it is left out",
    ),
    Rule(
        on=Web,
        blame="autoscaling.targetConnectionsPerPod",
        cel="!has(self.autoscaling) || !has(self.autoscaling.targetConnectionsPerPod) "
        f"|| self.autoscaling.targetConnectionsPerPod * 100 <= self.connections.maxPerPod * {TARGET_MAX_PERCENT}",
        holds=_leaves_room,
        message=f"must be at most {TARGET_MAX_PERCENT} % of connections.maxPerPod: pods refuse what is above that, and "
        "the autoscaler adds none before they hold a tenth more than the target",
    ),
    _where_autoscaled(
        f"!has({_CONNECTIONS}) || {HOLDS_SOCKETS_CEL}",
        lambda spec, scaling: scaling.target_connections_per_pod is None or defaults.holds_sockets(spec),
        ".targetConnectionsPerPod",
        "must be left out under Gunicorn, which serves requests and no sockets to count: "
        "use targetCPUUtilizationPercentage",
    ),
    _where_autoscaled(
        f"has({_CPU}) || {HOLDS_SOCKETS_CEL}",
        lambda spec, scaling: (
            scaling.target_cpu_utilization_percentage is not None or defaults.holds_sockets(spec)
        ),
        "",
        "must have targetCPUUtilizationPercentage under Gunicorn, such as 75: there are no connections to scale by",
    ),
    _where_autoscaled(
        f"{_SCALING}.engine != 'KEDA' || ({HOLDS_SOCKETS_CEL} && (has({_CONNECTIONS}) || !has({_CPU})))",
        lambda spec, scaling: scaling.engine != "KEDA" or defaults.target_connections(spec) is not None,
        ".engine",
        "must be HorizontalPodAutoscaler where CPU is the only target: for KEDA set targetConnectionsPerPod, "
        "with a server that holds sockets",
    ),
)
