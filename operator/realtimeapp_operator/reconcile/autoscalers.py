"""What the autoscaler of an application says: that it is about to take pods away, or that it cannot read a metric.

WebReady speaks of pods and stays what it is: they serve, and without a metric none is taken away. But nobody grows with
the load meanwhile, so it is told like any other trouble that does not pass by waiting, after a while: an autoscaler
that begins, or an operator that restarts, has no figures for some seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from realtimeapp_operator import names
from realtimeapp_operator.api.conditions import ConditionType
from realtimeapp_operator.api.reasons import Reason
from realtimeapp_operator.reconcile.autoscaler_state import AutoscalerState
from realtimeapp_operator.reconcile.lasting import Lasting
from realtimeapp_operator.reconcile.problems import problem, quoted

if TYPE_CHECKING:
    from realtimeapp_operator.reconcile.observed import Family
    from realtimeapp_operator.reconcile.situation import Situation

PATIENCE_SECONDS: Final = 120.0
"""How long a metric must be missing until it is told: eight looks of the autoscaler, four lives of a Lease."""


def is_shrinking(family: Family, *, owner: str) -> bool:
    """Whether the autoscaler of the application `owner` says that fewer pods are enough, and waits before it takes any.

    Never with KEDA, which always has a target of connections: there the counts say it.
    """
    return any(
        isinstance(record.detail, AutoscalerState) and record.detail.shrinking
        for record in family.owned(owner)
    )


def find_blind_autoscaler(situation: Situation) -> Lasting | None:
    """Return that the application's autoscaler has no figures, with its own words."""
    for manifest in situation.desired:
        if manifest["kind"] not in names.AUTOSCALERS:
            continue
        record = situation.family.get(
            manifest["kind"], names.web(situation.app.metadata.name), owner=situation.owner
        )
        if record is not None and isinstance(record.detail, AutoscalerState) and record.detail.failure:
            failure = quoted(record.detail.failure).rstrip(".")
            what = f"{record.address.kind} {record.address.name} has no figures: {failure}"
            return Lasting(
                problem=problem(Reason.METRIC_UNAVAILABLE, what),
                told_by=ConditionType.DEGRADED,
                since=record.since,
                patience=PATIENCE_SECONDS,
            )
    return None
