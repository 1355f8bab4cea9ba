from __future__ import annotations

import itertools
import math
import random
from typing import TYPE_CHECKING

import pytest

from realtimeapp_runtime.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Callable

TICK = 0.002


def draw_times(closes: int, *, seed: int, rate: Callable[[float], float]) -> list[float]:
    """When `closes` closes of one process happen that begin at 100, at `rate` per second of the time."""
    pace = Pace(random.Random(seed).random, begins=100.0)  # noqa: S311 - reproducible jitter, not a secret
    now, times = 100.0, list[float]()
    while len(times) < closes:
        delay = pace.wait(now=now, rate=rate(now))
        if delay > 0:
            now += min(delay, TICK)
            continue
        pace.take()
        times.append(now)
    return times


def peak(times: list[float]) -> int:
    return max(sum(start <= other < start + 1 for other in times) for start in times)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("rate", [0.5, 7.0, 50.0, 200.0])
def test_no_second_has_more_than_one_close_beyond_the_rate(rate: float, seed: int) -> None:
    times = draw_times(int(rate * 10), seed=seed, rate=lambda _now: rate)
    assert peak(times) <= math.ceil(rate) + 1
    assert 110.0 - 2 / rate - 0.1 <= times[-1] <= 110.1


def test_the_closes_are_jittered_not_in_step() -> None:
    times = draw_times(100, seed=1, rate=lambda _now: 10.0)
    assert len({round(later - earlier, 2) for earlier, later in itertools.pairwise(times)}) > 10


def test_one_connection_waits_no_longer_than_one_slot() -> None:
    assert draw_times(1, seed=1, rate=lambda _now: 2.0)[0] <= 100.5


def test_another_rate_holds_from_the_moment_it_is_known() -> None:
    times = draw_times(60, seed=3, rate=lambda now: 20.0 if now < 102.0 else 5.0)
    assert sum(at < 102.0 for at in times) in (39, 40, 41)
    assert 105.5 <= times[-1] <= 106.5
    assert peak([at for at in times if at >= 102.0]) <= 6


def test_a_slot_that_seemed_endless_is_not_waited_for() -> None:
    """A process with one connection among thousands has a long slot until the others are gone."""
    assert draw_times(1, seed=1, rate=lambda now: 0.01 if now < 101.0 else 100.0)[0] <= 101.02


def test_after_a_stall_the_pace_goes_on_instead_of_catching_up() -> None:
    pace = Pace(lambda: 0.5, begins=100.0)
    for _ in range(10):
        while pace.wait(now=101.0, rate=10.0) == 0:
            pace.take()
    taken = 0
    while pace.wait(now=160.0, rate=10.0) == 0:
        pace.take()
        taken += 1
    assert taken <= 2
    assert pace.wait(now=160.0, rate=10.0) <= 0.1


def test_a_high_rate_survives_timers_of_a_few_milliseconds() -> None:
    pace = Pace(random.Random(1).random, begins=0.0)  # noqa: S311 - reproducible jitter, not a secret
    closed = 0
    for step in range(1, 200):
        while pace.wait(now=step * 0.005, rate=1000.0) == 0:
            pace.take()
            closed += 1
    assert 950 <= closed <= 1000
