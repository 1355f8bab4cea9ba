from __future__ import annotations

import itertools
import random

import pytest

from realtimeapp_runtime.config import Drain
from realtimeapp_runtime.pace import plan


def draw_times(drain: Drain, shares: list[int], seed: int) -> list[float]:
    """All close times of a pod whose processes hold `shares` connections."""
    source = random.Random(seed)  # noqa: S311 - reproducible jitter, not a secret
    times: list[float] = []
    for own in shares:
        schedule = plan(drain, begins=100.0, own=own, pod=sum(shares))
        times += [schedule.time_of(slot, source.random) for slot in range(own)]
    return sorted(times)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("shares", [[500], [400, 100], [125, 125, 125, 125]])
def test_a_pod_closes_at_its_rate(shares: list[int], seed: int) -> None:
    drain = Drain(rate_per_second=50.0, timeout_seconds=30.0)
    times = draw_times(drain, shares, seed)
    assert 100.0 <= times[0] <= 100.5
    assert 109.5 <= times[-1] <= 110.0
    peak = max(sum(start <= other < start + 1 for other in times) for start in times)
    assert peak <= 50 * 1.1
    gaps = {round(later - earlier, 3) for earlier, later in itertools.pairwise(times)}
    assert len(gaps) > 20, "jittered, not in step"


def test_the_time_out_is_kept_whatever_the_rate() -> None:
    times = draw_times(Drain(rate_per_second=1.0, timeout_seconds=5.0), [1000], seed=1)
    assert times[-1] <= 105.0
    assert max(sum(start <= other < start + 1 for other in times) for start in times) <= 200 * 1.1


def test_one_connection_waits_no_longer_than_one_slot() -> None:
    assert draw_times(Drain(rate_per_second=2.0, timeout_seconds=30.0), [1], seed=1)[0] <= 100.5


def test_no_time_means_at_once() -> None:
    assert set(draw_times(Drain(timeout_seconds=0.0), [50], seed=1)) == {100.0}


def test_late_connections_go_to_later_slots() -> None:
    schedule = plan(Drain(rate_per_second=10.0, timeout_seconds=30.0), begins=100.0, own=20, pod=20)
    assert schedule.slot_at(99.0) == 0
    late = schedule.slot_at(103.05)
    assert schedule.time_of(late, lambda: 0.0) >= 103.05
    assert schedule.time_of(late, lambda: 0.999) <= 103.3


def test_after_a_stall_the_pace_goes_on_and_the_deadline_stays() -> None:
    schedule = plan(Drain(rate_per_second=10.0, timeout_seconds=5.0), begins=100.0, own=20, pod=20)
    later = schedule.slip(1.0)
    assert later.time_of(5, lambda: 0.0) == schedule.time_of(5, lambda: 0.0) + 1.0
    assert later.deadline == schedule.deadline
    assert schedule.slip(60.0).time_of(0, lambda: 0.0) == 105.0
