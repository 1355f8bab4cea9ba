"""Which changes of a status are worth an Event: what a person would want to be told, and nothing on the way there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from realtimeapp_operator.api.conditions import ConditionType
from realtimeapp_operator.api.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Story(NamedTuple):
    """One Event."""

    kind: Literal["Normal", "Warning"]
    reason: str
    message: str


def tell(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Story]:
    """Yield what happened between two statuses. A first creation is quiet until it is ready or in trouble."""
    old, new = _by_type(before), _by_type(after)
    yield from _tell_trouble(old, new)
    yield from _tell_checks(old, new)
    yield from _tell_cleanups(before, after)
    if _became(old, new, ConditionType.MIGRATIONS_COMPLETE, "True", only_from="False"):
        yield Story("Normal", "MigrationComplete", _message(new, ConditionType.MIGRATIONS_COMPLETE))
    if _reason(new, ConditionType.RECONCILED) == Reason.ROLLED_BACK != _reason(old, ConditionType.RECONCILED):
        yield Story("Normal", "RolledBack", _message(new, ConditionType.RECONCILED))
    if _became(old, new, ConditionType.SUSPENDED, "True"):
        yield Story("Normal", "Suspended", _message(new, ConditionType.SUSPENDED))
    if _became(old, new, ConditionType.SUSPENDED, "False", only_from="True"):
        yield Story("Normal", "Resumed", "Web and workers are started again.")
    yield from _tell_rollout(old, new)
    if _became(old, new, ConditionType.READY, "True"):
        yield Story("Normal", "Ready", _message(new, ConditionType.READY))


def _tell_rollout(
    old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]
) -> Iterator[Story]:
    """Yield the beginning and the end of a rollout; where the first pods start, none is replaced."""
    kind = ConditionType.PROGRESSING
    before, after = _reason(old, kind), _reason(new, kind)
    was_ready = _status(old, ConditionType.READY) == "True"
    if _became(old, new, kind, "True") and was_ready and after != Reason.PODS_STARTING:
        yield Story("Normal", "RolloutStarted", _message(new, kind))
    if before == Reason.ROLLOUT_IN_PROGRESS and after == Reason.ROLLOUT_COMPLETE:
        yield Story("Normal", "RolloutFinished", _message(new, kind))


def _tell_trouble(
    old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]
) -> Iterator[Story]:
    before, after = old.get(ConditionType.DEGRADED, {}), new.get(ConditionType.DEGRADED, {})
    if after.get("status") == "True":
        if after["reason"] == Reason.CLEANUP_FAILED:
            return  # Each failed run is told by itself.
        if before.get("status") != "True" or before.get("reason") != after["reason"]:
            yield Story("Warning", after["reason"], after["message"])
    elif before.get("status") == "True":
        yield Story("Normal", "Recovered", f"{before.get('reason')} is over.")


def _tell_checks(
    old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]
) -> Iterator[Story]:
    """Yield errors that hold nothing: those that do are trouble, and told as such."""
    after, trouble = new.get(ConditionType.CHECKS_PASSED, {}), new.get(ConditionType.DEGRADED, {})
    if _became(old, new, ConditionType.CHECKS_PASSED, "False") and trouble.get("reason") != after["reason"]:
        yield Story("Warning", after["reason"], after["message"])


def _tell_cleanups(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Story]:
    """Yield each failed run of a scheduled command once, in the same words from run to run."""
    known = {(item["name"], _failed_job(item)) for item in before.get("cleanup") or ()}
    for item in after.get("cleanup") or ():
        if _failed_job(item) and (item["name"], _failed_job(item)) not in known:
            what = f"Scheduled command {item['name']} failed: {item['failure']['message']}."
            yield Story("Warning", Reason.CLEANUP_FAILED, what)


def _failed_job(item: Mapping[str, Any]) -> str:
    return str((item.get("failure") or {}).get("job", ""))


def _became(
    old: Mapping[str, Mapping[str, Any]],
    new: Mapping[str, Mapping[str, Any]],
    kind: ConditionType,
    status: str,
    *,
    only_from: str | None = None,
) -> bool:
    before, after = _status(old, kind), _status(new, kind)
    return after == status != before and (only_from is None or before == only_from)


def _by_type(status: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {item["type"]: item for item in status.get("conditions") or ()}


def _status(conditions: Mapping[str, Mapping[str, Any]], kind: ConditionType) -> str:
    return str(conditions.get(kind, {}).get("status", ""))


def _reason(conditions: Mapping[str, Mapping[str, Any]], kind: ConditionType) -> str:
    return str(conditions.get(kind, {}).get("reason", ""))


def _message(conditions: Mapping[str, Mapping[str, Any]], kind: ConditionType) -> str:
    return str(conditions.get(kind, {}).get("message", ""))
