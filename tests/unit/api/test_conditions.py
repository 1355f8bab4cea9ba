from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from realtimeapp_operator.api.conditions import (
    CONDITION_TYPES,
    MESSAGE_MAX,
    Condition,
    ConditionStatus,
    ConditionType,
    set_condition,
)
from realtimeapp_operator.api.explanations import EXPLANATIONS
from realtimeapp_operator.api.reasons import Reason

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)


def ready(status: ConditionStatus, reason: Reason, message: str = "", generation: int = 1) -> Condition:
    return Condition(
        type=ConditionType.READY,
        status=status,
        reason=reason,
        message=message,
        observed_generation=generation,
    )


def test_a_new_condition_begins_now() -> None:
    (entry,) = set_condition([], ready("True", Reason.AS_EXPECTED), NOON)
    assert entry["lastTransitionTime"] == "2026-11-20T12:00:00Z"


def test_the_time_stays_while_only_the_words_change() -> None:
    stored = set_condition([], ready("False", Reason.PODS_STARTING), NOON)
    (entry,) = set_condition(stored, ready("False", Reason.IMAGE_PULL_FAILED, "no such tag", 2), LATER)
    assert entry["lastTransitionTime"] == "2026-11-20T12:00:00Z"
    assert (entry["reason"], entry["message"], entry["observedGeneration"]) == (
        "ImagePullFailed",
        "no such tag",
        2,
    )


def test_the_time_moves_when_the_status_flips() -> None:
    stored = set_condition([], ready("False", Reason.PODS_STARTING), NOON)
    (entry,) = set_condition(stored, ready("True", Reason.AS_EXPECTED), LATER)
    assert entry["lastTransitionTime"] == "2026-11-20T12:05:00Z"


def test_saying_the_same_again_changes_nothing() -> None:
    stored = set_condition([], ready("True", Reason.AS_EXPECTED), NOON)
    assert set_condition(stored, ready("True", Reason.AS_EXPECTED), LATER) == stored


def test_conditions_keep_their_order_and_forget_types_that_are_gone() -> None:
    stored = [
        {"type": "Draining", "status": "False"},
        {"type": "Gone", "status": "True"},
        {"type": "WebReady", "status": "True"},
    ]
    entries = set_condition(stored, ready("True", Reason.AS_EXPECTED), NOON)
    assert [entry["type"] for entry in entries] == ["Ready", "WebReady", "Draining"]


def test_what_was_stored_is_not_changed() -> None:
    stored = [{"type": "Ready", "status": "False", "lastTransitionTime": "2026-11-20T11:00:00Z"}]
    set_condition(stored, ready("True", Reason.AS_EXPECTED), NOON)
    assert stored == [{"type": "Ready", "status": "False", "lastTransitionTime": "2026-11-20T11:00:00Z"}]


def test_times_are_written_in_utc() -> None:
    berlin = timezone(timedelta(hours=1))
    (entry,) = set_condition([], ready("True", Reason.AS_EXPECTED), NOON.astimezone(berlin))
    assert entry["lastTransitionTime"] == "2026-11-20T12:00:00Z"


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        set_condition([], ready("True", Reason.AS_EXPECTED), NOON.replace(tzinfo=None))


def test_a_message_fits_the_schema_and_one_line() -> None:
    (entry,) = set_condition([], ready("False", Reason.CRASH_LOOPING, "a\nb\x1b[31m" + "x" * 5000), NOON)
    assert len(entry["message"]) == MESSAGE_MAX
    assert entry["message"].startswith("a b [31mx")
    assert entry["message"].endswith("…")


def test_every_reason_says_what_to_do_and_where_it_stands() -> None:
    assert set(EXPLANATIONS) == set(Reason)
    for reason, text in EXPLANATIONS.items():
        assert text.meaning.endswith("."), reason
        assert text.action.endswith("."), reason
        assert text.on, reason


def test_every_condition_says_what_true_means() -> None:
    assert set(CONDITION_TYPES) == set(ConditionType)
