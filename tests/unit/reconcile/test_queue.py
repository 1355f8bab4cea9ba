"""The queue: once each, never twice at once, the failing later, the others unhindered."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from realtimeapp_operator.kube.errors import Conflict, Unavailable
from realtimeapp_operator.reconcile.ports import DONE, REFUSED, Key, Outcome
from realtimeapp_operator.reconcile.queue import BACKOFF_MAX_SECONDS, Queue
from tests.support.fake_clock import FakeClock
from tests.support.silent_meter import SilentMeter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

A, B = Key("shop", "a"), Key("shop", "b")


class Meter(SilentMeter):
    def __init__(self) -> None:
        self.depths: list[int] = []
        self.waits: list[float] = []
        self.works: list[tuple[float, str]] = []

    def depth(self, keys: int) -> None:
        self.depths.append(keys)

    def waited(self, seconds: float) -> None:
        self.waits.append(seconds)

    def worked(self, seconds: float, outcome: str) -> None:
        self.works.append((seconds, outcome))


class Bench:
    """A queue whose work is given by the test."""

    def __init__(self, workers: int = 2) -> None:
        self.clock = FakeClock()
        self.meter = Meter()
        self.done: list[tuple[float, Key]] = []
        self.running: Counter[Key] = Counter()
        self.work: Callable[[Key], Awaitable[Outcome]] = self.succeed
        self.queue = Queue(
            work=self._count, workers=workers, clock=self.clock, meter=self.meter, jitter=lambda: 1.0
        )
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.task = asyncio.create_task(self.queue.run())

    async def succeed(self, _key: Key) -> Outcome:
        return DONE

    async def _count(self, key: Key) -> Outcome:
        self.running[key] += 1
        assert self.running[key] == 1, "one key, two workers"
        self.done.append((self.clock.monotonic() - 1000, key))
        try:
            return await self.work(key)
        finally:
            self.running[key] -= 1

    def times(self, key: Key) -> list[float]:
        return [moment for moment, done in self.done if done == key]


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    made.start()
    yield made
    await made.queue.stop()


async def test_a_key_added_often_is_worked_on_once(bench: Bench) -> None:
    for _ in range(5):
        bench.queue.add(A)
    await bench.clock.run_ready()
    assert bench.done == [(0.0, A)]


async def test_keys_added_before_the_start_wait_for_it() -> None:
    bench = Bench()
    bench.queue.add(A)
    await bench.clock.run_ready()
    assert bench.done == []
    await bench.clock.advance(3)
    bench.start()
    await bench.clock.run_ready()
    assert bench.done == [(3.0, A)]
    assert bench.meter.waits == [3.0]
    assert bench.meter.depths == [1, 0]
    await bench.queue.stop()


async def test_a_key_that_changes_while_worked_on_runs_once_more(bench: Bench) -> None:
    async def slow(_key: Key) -> Outcome:
        await bench.clock.sleep(5)
        return DONE

    bench.work = slow
    bench.queue.add(A)
    await bench.clock.advance(1)
    for _ in range(3):
        bench.queue.add(A)
    await bench.clock.advance(20)
    assert bench.times(A) == [0.0, 5.0]
    assert bench.meter.works == [(5.0, "done"), (5.0, "done")]


async def test_a_failing_key_backs_off_and_recovers(bench: Bench) -> None:
    async def fail(_key: Key) -> Outcome:
        raise Unavailable(status=503, message="no")

    bench.work = fail
    bench.queue.add(A)
    await bench.clock.advance(2000)
    times = bench.times(A)
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert gaps[:4] == [1, 2, 4, 8]
    assert max(gaps) == BACKOFF_MAX_SECONDS
    assert {outcome for _, outcome in bench.meter.works} == {"error"}

    bench.work = bench.succeed
    await bench.clock.advance(BACKOFF_MAX_SECONDS)
    bench.work = fail
    bench.done.clear()
    bench.queue.add(A)
    await bench.clock.advance(1)
    assert len(bench.done) == 2, "success forgets the failures"


async def test_a_refused_key_backs_off_without_a_word_in_the_log(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse(_key: Key) -> Outcome:
        return REFUSED

    bench.work = refuse
    bench.queue.add(A)
    with caplog.at_level(logging.INFO):
        await bench.clock.advance(3)
    assert bench.times(A) == [0.0, 1.0, 3.0]
    assert not caplog.records


async def test_a_poison_key_holds_up_nobody(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    async def poison(key: Key) -> Outcome:
        if key == A:
            raise ZeroDivisionError
        return DONE

    bench.work = poison
    for _ in range(10):
        bench.queue.add(A)
        bench.queue.add(B)
        await bench.clock.advance(0.1)
    assert len(bench.times(B)) == 10
    assert any(record.exc_info and "shop/a" in record.getMessage() for record in caplog.records)


async def test_a_poison_key_that_wakes_itself_does_not_spin(bench: Bench) -> None:
    async def poison(key: Key) -> Outcome:
        bench.queue.add(key)
        raise Conflict(status=409, message="no")

    bench.work = poison
    bench.queue.add(A)
    await bench.clock.advance(10)
    assert 8 <= len(bench.done) <= 11


async def test_of_several_wishes_the_earliest_wins(bench: Bench) -> None:
    bench.queue.add_after(A, 10)
    bench.queue.add_after(A, 3)
    bench.queue.add_after(A, 20)
    await bench.clock.advance(60)
    assert bench.times(A) == [3.0]


async def test_work_makes_an_earlier_wish_void(bench: Bench) -> None:
    bench.queue.add_after(A, 10)
    bench.queue.add(A)
    await bench.clock.advance(60)
    assert bench.times(A) == [0.0]


async def test_an_outcome_asks_for_another_look(bench: Bench) -> None:
    outcomes = [Outcome(after=7), DONE]

    async def look(_key: Key) -> Outcome:
        return outcomes.pop(0)

    bench.work = look
    bench.queue.add(A)
    await bench.clock.advance(60)
    assert bench.times(A) == [0.0, 7.0]
    assert [outcome for _, outcome in bench.meter.works] == ["again", "done"]


async def test_workers_work_at_the_same_time(bench: Bench) -> None:
    async def slow(_key: Key) -> Outcome:
        await bench.clock.sleep(5)
        return DONE

    bench.work = slow
    third = Key("shop", "c")
    for key in (A, B, third):
        bench.queue.add(key)
    await bench.clock.advance(60)
    assert bench.done == [(0.0, A), (0.0, B), (5.0, third)]


async def test_a_stop_lets_running_work_end_and_starts_nothing() -> None:
    bench = Bench(workers=1)
    bench.start()
    ended = False

    async def slow(_key: Key) -> Outcome:
        nonlocal ended
        await asyncio.sleep(0.05)
        ended = True
        return DONE

    bench.work = slow
    bench.queue.add(A)
    bench.queue.add(B)
    await bench.clock.run_ready()
    await bench.queue.stop(5.0)
    assert ended
    assert [key for _, key in bench.done] == [A]
    assert bench.task is not None
    await asyncio.wait_for(bench.task, 1)


async def test_a_stop_does_not_wait_for_ever() -> None:
    bench = Bench(workers=1)
    bench.start()

    async def hang(_key: Key) -> Outcome:
        await asyncio.Event().wait()
        return DONE

    bench.work = hang
    bench.queue.add(A)
    await bench.clock.run_ready()
    await asyncio.wait_for(bench.queue.stop(0.01), 2)
    assert bench.running[A] == 0
