"""An autoscaler that has to go, and why it is still there.

Two who write one number fight, so nobody else writes it before the last autoscaler is gone. One that a finalizer keeps,
because whoever set it does not run any more, would hold up a suspend without a word; it is told after a while: where all
is well KEDA's operator takes its finalizer off within a second or two.
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
    from collections.abc import Iterable

    from realtimeapp_operator.reconcile.observed import Family
    from realtimeapp_operator.reconcile.situation import Situation
    from realtimeapp_operator.render.facts import Manifest

PATIENCE_SECONDS: Final = 30.0
"""How long a finalizer may keep an autoscaler until it is told; a restart of KEDA's operator takes less."""


def is_scaled_by_another(desired: Iterable[Manifest], family: Family, *, owner: str) -> bool:
    """Whether an autoscaler is still there that nothing asks for any more."""
    asked = {(item["kind"], item["metadata"]["name"]) for item in desired}
    return any(
        record.address.kind in names.AUTOSCALERS and (record.address.kind, record.address.name) not in asked
        for record in family.owned(owner)
    )


def find_held_autoscaler(situation: Situation) -> Lasting | None:
    """Return that an autoscaler is being deleted and does not go, and what keeps it."""
    for record in situation.family.owned(situation.owner):
        if isinstance(record.detail, AutoscalerState) and record.detail.held_by:
            what = (
                f"{record.address.kind} {record.address.name} is being deleted and kept by the finalizer "
                f"{quoted(', '.join(record.detail.held_by))}; the number of web pods is not changed before it is gone"
            )
            return Lasting(
                problem=problem(Reason.AUTOSCALER_REMAINS, what),
                told_by=ConditionType.RECONCILED,
                since=record.since,
                patience=PATIENCE_SECONDS,
            )
    return None
