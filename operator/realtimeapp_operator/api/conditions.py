"""The conditions of a RealtimeApp: which exist, what True means, and how one replaces another.

Pure data and one pure function. What may stand in `reason` is in `reasons`; which condition holds when is decided by
the reconciler's readiness, not here. Nobody else writes a transition time.
"""

from __future__ import annotations

import dataclasses
import enum
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from realtimeapp_operator.api.reasons import Reason

ConditionStatus = Literal["True", "False", "Unknown"]

MESSAGE_MAX: Final = 1024
"""Longest message, in characters; the limit of the schema in `status`."""


class ConditionType(enum.StrEnum):
    """Every condition a RealtimeApp has, from the first visit on."""

    READY = "Ready"
    RECONCILED = "Reconciled"
    WEB_READY = "WebReady"
    WORKERS_READY = "WorkersReady"
    REDIS_READY = "RedisReady"
    MIGRATIONS_COMPLETE = "MigrationsComplete"
    CHECKS_PASSED = "ChecksPassed"
    EDGE_READY = "EdgeReady"
    WEBSOCKET_READY = "WebSocketReady"
    PROGRESSING = "Progressing"
    DRAINING = "Draining"
    SUSPENDED = "Suspended"
    DEGRADED = "Degraded"


CONDITION_TYPES: Final[Mapping[ConditionType, str]] = {
    ConditionType.READY: "Everything asked for at this generation serves. The summary: scripts wait for it.",
    ConditionType.RECONCILED: "Every object of the application equals its declaration.",
    ConditionType.WEB_READY: "All web pods of the current revision serve.",
    ConditionType.WORKERS_READY: "All worker pods of the current revision run.",
    ConditionType.REDIS_READY: "Redis answers.",
    ConditionType.MIGRATIONS_COMPLETE: "The database is migrated for the image of this generation.",
    ConditionType.CHECKS_PASSED: "Django's checks of this image and configuration found no error; the message lists warnings.",
    ConditionType.EDGE_READY: "The ingress is admitted; the reason names what its controller cannot do.",
    ConditionType.WEBSOCKET_READY: "A WebSocket was opened through the ingress since the last rollout; the reason says "
    "what broke, or that the operator cannot try it from where it stands.",
    ConditionType.PROGRESSING: "A rollout is running; the message counts old and new pods.",
    ConditionType.DRAINING: "Connections are being moved away from pods that are about to stop.",
    ConditionType.SUSPENDED: "The application is scaled to nothing because `spec.suspend` says so.",
    ConditionType.DEGRADED: "Something is broken that will not mend by waiting; the reason says what.",
}
"""What True means, per condition, in the order they are shown."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Condition:
    """One condition as it stands in the status.

    `last_transition_time` is RFC 3339 in UTC with whole seconds, empty on a condition that was not stored yet.
    """

    type: ConditionType
    status: ConditionStatus
    reason: Reason
    message: str = ""
    observed_generation: int = 0
    last_transition_time: str = ""

    def as_status(self) -> dict[str, Any]:
        """Give the shape it has in the status; an over-long message is cut, control characters become spaces."""
        return {
            "type": str(self.type),
            "status": self.status,
            "reason": str(self.reason),
            "message": clean_message(self.message),
            "observedGeneration": self.observed_generation,
            "lastTransitionTime": self.last_transition_time,
        }


def set_condition(
    conditions: Sequence[Mapping[str, Any]], new: Condition, now: datetime
) -> list[dict[str, Any]]:
    """Put `new` among the stored `conditions` (status shape) and give the whole list, in the order of the types.

    A type that no longer exists is dropped. The transition time moves to `now` only when the status flips or the condition is new.
    """
    kept = {str(item["type"]): dict(item) for item in conditions}
    before = kept.get(new.type)
    flipped = before is None or before.get("status") != new.status
    since = format_time(now) if flipped or before is None else str(before.get("lastTransitionTime", ""))
    kept[new.type] = dataclasses.replace(new, last_transition_time=since or format_time(now)).as_status()
    return [kept[item] for item in ConditionType if item in kept]


def format_time(moment: datetime) -> str:
    """RFC 3339 in UTC with whole seconds, the way Kubernetes writes times; `moment` must carry a time zone."""
    if moment.tzinfo is None:
        raise ValueError("a time without a time zone has no meaning in a status")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def clean_message(text: str) -> str:
    """Cut to `MESSAGE_MAX` characters and replace control characters: input echoed here is not trusted."""
    # Nearly every message is clean: looking at each character took 7 % of a reconcile without work.
    printable = text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)
    return printable if len(printable) <= MESSAGE_MAX else printable[: MESSAGE_MAX - 1] + "…"
