"""Trouble that mostly passes by itself, and is told only once it has lasted.

What was told before stays told as long as the trouble is there: an operator that restarts does not know for how long it
has been, and must not take it back for a while.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from realtimeapp_operator.api.conditions import ConditionType
    from realtimeapp_operator.reconcile.problems import Problem
    from realtimeapp_operator.reconcile.situation import Situation


@dataclass(frozen=True, kw_only=True, slots=True)
class Lasting:
    """A problem and the condition that tells it, once it has been there for `patience` seconds."""

    problem: Problem
    told_by: ConditionType
    since: float
    """On the monotonic clock."""
    patience: float


def find_told(trouble: Lasting | None, situation: Situation) -> Problem | None:
    """Return the problem, once it has lasted or was said before."""
    if trouble is None:
        return None
    has_lasted = situation.now - trouble.since >= trouble.patience
    return trouble.problem if has_lasted or _was_said(trouble, situation) else None


def seconds_to_telling(trouble: Lasting | None, situation: Situation, *, now: float) -> float | None:
    """Return when time alone makes it worth telling; None when only events do. `now` is monotonic."""
    if trouble is None or _was_said(trouble, situation):
        return None
    wait = trouble.since + trouble.patience - now
    return max(wait, 0.1) if wait > 0 else None


def _was_said(trouble: Lasting, situation: Situation) -> bool:
    return situation.has_said(trouble.told_by, trouble.problem.reason)
