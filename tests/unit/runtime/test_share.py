from __future__ import annotations

import random

import pytest

from realtimeapp_runtime import share
from realtimeapp_runtime.fleet import Row, View
from tests.unit.runtime.fleets import TICK, Draining, drain_all, find_peak

RATE = 200.0


def view(**rows: Row) -> View:
    return View(own="a", rows=rows, read_at=50.0, ahead=1000.0)


def row(open_: int, closes_from: float | None = None) -> Row:
    """A row of a pod of its own; `closes_from` as this process' own clock says it."""
    start = None if closes_from is None else closes_from + 1000.0
    return Row(pod=f"pod-{open_}", revision="1", open=open_, at=1050.0, closes_from=start)


def test_a_pod_that_drains_alone_has_the_whole_rate() -> None:
    assert share.find_drain_rate(view(a=row(10, 50), b=row(500)), rate=RATE, now=51.0) == RATE


def test_who_drains_has_the_share_of_what_is_open() -> None:
    board = view(a=row(100, 50), b=row(300, 50), c=row(900))
    assert share.find_drain_rate(board, rate=RATE, now=51.0) == RATE / 4


@pytest.mark.parametrize(("now", "part"), [(58.9, 1.0), (59.1, 0.5), (60.0, 0.5)])
def test_who_begins_within_a_second_has_its_share_already(now: float, part: float) -> None:
    board = view(a=row(100, 50), b=row(100, 60))
    assert share.find_drain_rate(board, rate=RATE, now=now) == RATE * part


def test_nothing_open_is_no_share_of_others() -> None:
    assert share.find_drain_rate(view(a=row(5, 50), b=row(0, 50)), rate=RATE, now=51.0) == RATE
    assert share.find_drain_rate(view(a=row(0, 50), b=row(0, 50)), rate=RATE, now=51.0) == RATE


def build_processes(opens: list[int], *, per_pod: int, starts: list[float], seed: int) -> list[Draining]:
    source = random.Random(seed)  # noqa: S311 - reproducible, not a secret
    return [
        Draining(
            name=f"{number}",
            pod=f"{number // per_pod}",
            open=count,
            closes_from=3.0 + starts[number // per_pod],
            source=random.Random(source.random()),  # noqa: S311 - as above
        )
        for number, count in enumerate(opens)
    ]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("per_pod", [1, 2])
def test_five_pods_that_drain_at_once_share_the_rate_in_every_second(seed: int, per_pod: int) -> None:
    source = random.Random(seed)  # noqa: S311 - reproducible, not a secret
    starts = [source.uniform(0, 2) for _ in range(5)]
    opens = [source.randint(50, 600) for _ in range(5 * per_pod)]
    times = drain_all(build_processes(opens, per_pod=per_pod, starts=starts, seed=seed), rate=RATE, until=300)
    assert len(times) == sum(opens)
    assert find_peak(times) <= RATE * (1 + TICK) + len(opens)
    assert times[-1] - times[0] <= 1.1 * sum(opens) / RATE + 2, "and leave nothing of it unused"


def test_ten_pods_with_a_thousand_each_take_fifty_seconds() -> None:
    times = drain_all(
        build_processes([1000] * 10, per_pod=1, starts=[0.0] * 10, seed=1), rate=RATE, until=100
    )
    assert len(times) == 10_000
    assert find_peak(times) <= 1.1 * RATE
    assert 49.0 <= times[-1] - times[0] <= 53.0


def test_one_that_comes_late_and_small_does_not_wait_for_the_others() -> None:
    times = drain_all(build_processes([2000, 3], per_pod=1, starts=[0.0, 6.0], seed=1), rate=RATE, until=100)
    assert len(times) == 2003
    assert find_peak(times) <= RATE * (1 + TICK) + 2
    assert times[-1] <= 3.0 + 2003 / RATE + 1
