"""The shape of an explanation, and the groups of conditions several of them stand on."""

from __future__ import annotations

import dataclasses
from typing import Final

from realtimeapp_operator.api.conditions import ConditionType


@dataclasses.dataclass(frozen=True, kw_only=True)
class Explanation:
    """What a reason means, and what to do; both are whole sentences."""

    meaning: str
    action: str
    on: tuple[ConditionType, ...]


SUMMARY: Final = (ConditionType.READY, ConditionType.DEGRADED)
"""Where what stops an application shows beside its own condition."""
APPLY: Final = (ConditionType.RECONCILED, *SUMMARY)
NOTHING: Final = "Nothing."


def explain(meaning: str, action: str, *on: ConditionType) -> Explanation:
    """An explanation of a reason that stands on the conditions `on`."""
    return Explanation(meaning=meaning, action=action, on=on)
