"""What is remembered of an autoscaler: whether it can compute a count, its words when it cannot, and if fewer pods come.

Equal as long as that stays the same: the figures it writes into its status every 15 s are nobody's business here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from realtimeapp_operator.reconcile.pod_state import conditions_of, shortened

if TYPE_CHECKING:
    from collections.abc import Mapping

DISABLED: Final = "ScalingDisabled"
"""Reason of an autoscaler that is switched off because its target has no pods."""
SHRINKING: Final = (("AbleToScale", "ScaleDownStabilized"), ("ScalingLimited", "ScaleDownLimit"))
"""What stands in the conditions while fewer pods are enough and it waits: for its window, or between two of several pods
(normalizeDesiredReplicasWithBehaviors in pkg/controller/podautoscaler). `desiredReplicas` says so only once a pod went."""


@dataclass(frozen=True, slots=True)
class AutoscalerState:
    """`failure` is what the autoscaler says while it cannot compute a count; empty while it can, or has not tried."""

    failure: str
    shrinking: bool = False
    """Whether it is about to take pods away; a ScaledObject never says."""


def read_autoscaler(obj: Mapping[str, Any]) -> AutoscalerState:
    """Read the conditions of a HorizontalPodAutoscaler (autoscaling/v2) or of KEDA's ScaledObject."""
    conditions = conditions_of(obj)
    if obj["kind"] == "ScaledObject":
        fallback, ready = conditions.get("Fallback", {}), conditions.get("Ready", {})
        if fallback.get("status") == "True":
            return AutoscalerState(_words(fallback))
        return AutoscalerState(_words(ready) if ready.get("status") == "False" else "")
    active = conditions.get("ScalingActive", {})
    blind = active.get("status") == "False" and active.get("reason") != DISABLED
    if blind:
        return AutoscalerState(_words(active))
    waits = any(
        (conditions.get(kind, {}).get("status"), conditions.get(kind, {}).get("reason")) == ("True", reason)
        for kind, reason in SHRINKING
    )
    return AutoscalerState("", shrinking=waits)


def _words(condition: Mapping[str, Any]) -> str:
    return f"{shortened(condition.get('reason'))}: {shortened(condition.get('message'))}".strip(": ")
