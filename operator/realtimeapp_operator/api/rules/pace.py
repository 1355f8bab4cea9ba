"""The rules about time: a drain ends before the pod is killed and before the edge cuts it, at the pace the user allows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from realtimeapp_operator.api import defaults
from realtimeapp_operator.api.app import Spec
from realtimeapp_operator.api.rules.base import Rule
from realtimeapp_operator.api.rules.servers import HOLDS_SOCKETS_CEL
from realtimeapp_operator.api.web import DRAIN_LAG_SECONDS

if TYPE_CHECKING:
    from realtimeapp_operator.api.web import Web

TARGET_GROUP: Final = "alb.ingress.kubernetes.io/target-group-attributes"
_CUT_OFF: Final = "deregistration_delay.timeout_seconds=[0-9]{1,5}"
"""What a load balancer of AWS is told about how long connections to a pod that goes may stay."""


def _connections_to_move(web: Web) -> int:
    """Connections that share `maxReconnectsPerSecond`: one pod's, or with SurgeAll those of all pods there may be."""
    most = web.replicas if web.autoscaling is None else web.autoscaling.max_replicas
    pods = max(most, 1) if web.rollout.strategy == "SurgeAll" else 1
    return web.connections.max_per_pod * pods


def _drains_in_time(spec: Spec) -> bool:
    budget = spec.web.rollout.max_reconnects_per_second * spec.web.rollout.drain_timeout_seconds
    return not defaults.holds_sockets(spec) or _connections_to_move(spec.web) <= budget


def _explain_drain(spec: Spec) -> str:
    web = spec.web
    total, rollout = _connections_to_move(web), web.rollout
    pods = total // web.connections.max_per_pod
    rate, timeout = rollout.max_reconnects_per_second, rollout.drain_timeout_seconds
    return (
        f"must leave time to close {total} connections at {rate} per second: raise rollout.drainTimeoutSeconds to "
        f"{-(-total // rate)}, raise rollout.maxReconnectsPerSecond to {-(-total // timeout)}, or lower "
        f"connections.maxPerPod to {rate * timeout // pods}"
    )


def _ends_before_the_edge_cuts(spec: Spec) -> bool:
    told = "" if spec.ingress is None else spec.ingress.annotations.get(TARGET_GROUP, "")
    found = re.search(_CUT_OFF, told)
    if found is None or not defaults.holds_sockets(spec):
        return True
    return int(found[0].rpartition("=")[2]) >= spec.web.rollout.drain_timeout_seconds + DRAIN_LAG_SECONDS


_MOST = "(has(self.web.autoscaling) ? self.web.autoscaling.maxReplicas : self.web.replicas)"
_PODS = f"(self.web.rollout.strategy == 'SurgeAll' && {_MOST} > 1 ? {_MOST} : 1)"
_TOTAL = f"(self.web.connections.maxPerPod * {_PODS})"
_RATE = "self.web.rollout.maxReconnectsPerSecond"
_TIMEOUT = "self.web.rollout.drainTimeoutSeconds"

RULES: Final = (
    Rule(
        on=Spec,
        blame="web.rollout.drainTimeoutSeconds",
        cel=f"!{HOLDS_SOCKETS_CEL} || {_TOTAL} <= {_RATE} * {_TIMEOUT}",
        holds=_drains_in_time,
        message="must leave time to close connections.maxPerPod connections at rollout.maxReconnectsPerSecond",
        explain=_explain_drain,
        explain_cel="'must leave time to close %d connections at %d per second: raise rollout.drainTimeoutSeconds "
        "to %d, raise rollout.maxReconnectsPerSecond to %d, or lower connections.maxPerPod to %d'.format(["
        f"{_TOTAL}, {_RATE}, ({_TOTAL} + {_RATE} - 1) / {_RATE}, ({_TOTAL} + {_TIMEOUT} - 1) / {_TIMEOUT}, "
        f"{_RATE} * {_TIMEOUT} / {_PODS}])",
    ),
    Rule(
        on=Spec,
        blame="ingress.annotations",
        cel=f"!{HOLDS_SOCKETS_CEL} || !has(self.ingress) || !has(self.ingress.annotations) "
        f"|| !('{TARGET_GROUP}' in self.ingress.annotations) "
        f"|| self.ingress.annotations['{TARGET_GROUP}'].find('{_CUT_OFF}') == '' "
        f"|| int(self.ingress.annotations['{TARGET_GROUP}'].find('{_CUT_OFF}').find('[0-9]+$')) "
        f">= {_TIMEOUT} + {DRAIN_LAG_SECONDS}",
        holds=_ends_before_the_edge_cuts,
        message=f"must have a deregistration_delay.timeout_seconds of at least {DRAIN_LAG_SECONDS} more than "
        "web.rollout.drainTimeoutSeconds: the load balancer would cut sockets in the middle of a drain",
    ),
)
