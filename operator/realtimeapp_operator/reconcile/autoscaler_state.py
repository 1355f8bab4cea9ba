"""What is remembered of an autoscaler: whether it can compute a count, if fewer pods come, and what keeps it from going.

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
    held_by: tuple[str, ...] = ()
    """Finalizers that keep it although it is being deleted; empty while it is not."""


def read_autoscaler(obj: Mapping[str, Any]) -> AutoscalerState:
    """Read a HorizontalPodAutoscaler (autoscaling/v2) or KEDA's ScaledObject."""
    metadata, conditions = obj.get("metadata") or {}, conditions_of(obj)
    finalizers = (metadata.get("finalizers") or ()) if "deletionTimestamp" in metadata else ()
    failure = _scaled_object_failure(conditions) if obj["kind"] == "ScaledObject" else _failure(conditions)
    shrinking = not failure and any(
        (conditions.get(kind, {}).get("status"), conditions.get(kind, {}).get("reason")) == ("True", reason)
        for kind, reason in SHRINKING
    )
    return AutoscalerState(failure, shrinking=shrinking, held_by=tuple(finalizers))


def _failure(conditions: Mapping[str, Mapping[str, Any]]) -> str:
    active = conditions.get("ScalingActive", {})
    blind = active.get("status") == "False" and active.get("reason") != DISABLED
    return _words(active) if blind else ""


def _scaled_object_failure(conditions: Mapping[str, Mapping[str, Any]]) -> str:
    fallback, ready = conditions.get("Fallback", {}), conditions.get("Ready", {})
    if fallback.get("status") == "True":
        return _words(fallback)
    return _words(ready) if ready.get("status") == "False" else ""


def _words(condition: Mapping[str, Any]) -> str:
    return f"{shortened(condition.get('reason'))}: {shortened(condition.get('message'))}".strip(": ")
