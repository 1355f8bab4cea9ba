"""When ticks of a schedule cannot come from one scheduler."""

from datetime import UTC, datetime, timedelta

from hack.examples.drivers.shop_books import PERIOD, Tick, find_double_ticks

START = datetime(2026, 1, 1, tzinfo=UTC)


def tick(sender: str, seconds: float) -> Tick:
    return Tick(sender=sender, sent_at=START + timedelta(seconds=seconds))


def test_one_scheduler_relieved_by_another_is_one_at_a_time() -> None:
    assert find_double_ticks([tick("a", 0), tick("a", 3), tick("b", 12), tick("b", 15)]) == []


def test_scheduler_that_ticks_after_it_was_relieved_is_found() -> None:
    (fault,) = find_double_ticks([tick("a", 0), tick("b", 3), tick("a", 6)])
    assert fault == "a ticked at 00:00:06 after another had taken over"


def test_two_ticks_at_nearly_the_same_time_are_found() -> None:
    (fault,) = find_double_ticks([tick("a", 0), tick("b", 0.25)])
    assert fault == "a and b ticked 0.25 s apart"


def test_scheduler_that_was_late_once_is_no_fault() -> None:
    late = PERIOD.total_seconds() * 0.4
    assert find_double_ticks([tick("a", 0), tick("a", 3 + late), tick("a", 6)]) == []


def test_no_tick_is_no_double_tick() -> None:
    assert find_double_ticks([]) == []
