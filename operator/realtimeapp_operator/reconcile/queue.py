"""Which application is worked on next, by how many at once, and when again after a failure.

A key is in here once however often it is added; a key that changes while it is worked on runs once more afterwards and
never twice at the same time. Knows nothing about what a reconcile does and keeps nothing when the process ends: the
next start lists everything again.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from realtimeapp_operator.kube.errors import ApiError, Conflict

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from realtimeapp_operator.reconcile.ports import Clock, Key, Meter, Outcome

logger = logging.getLogger(__name__)

BACKOFF_FIRST_SECONDS: Final = 1.0
BACKOFF_MAX_SECONDS: Final = 300.0
"""Between attempts of a failing key; cert-manager's controllers back off in the same range."""


class _Timer(NamedTuple):
    deadline: float
    task: asyncio.Task[None]


class Queue:
    """Calls `work(key)` for every added key, at most `workers` at a time.

    `jitter` gives the part of a back-off that is really waited (0.5 to 1), so that applications which failed together
    do not come back together.
    """

    def __init__(
        self,
        *,
        work: Callable[[Key], Awaitable[Outcome]],
        workers: int,
        clock: Clock,
        meter: Meter,
        jitter: Callable[[], float] = lambda: random.uniform(0.5, 1.0),  # noqa: S311 - spreads load only
    ) -> None:
        self._work = work
        self._workers = workers
        self._clock = clock
        self._meter = meter
        self._jitter = jitter
        self._ready: asyncio.Queue[Key] = asyncio.Queue()
        self._waiting: dict[Key, float] = {}
        self._working: set[Key] = set()
        self._dirty: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._timers: dict[Key, _Timer] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._busy: set[asyncio.Task[None]] = set()
        self._stopping = False

    def add(self, key: Key) -> None:
        """Have `key` worked on as soon as possible; also before `run`."""
        if key in self._waiting:
            return
        if key in self._working:
            self._dirty.add(key)
            return
        self._waiting[key] = self._clock.monotonic()
        self._ready.put_nowait(key)
        self._meter.depth(len(self._waiting))

    def add_after(self, key: Key, seconds: float) -> None:
        """Add `key` in `seconds`; of several such wishes the earliest wins."""
        if self._stopping:
            return
        deadline = self._clock.monotonic() + seconds
        timer = self._timers.get(key)
        if timer is not None:
            if timer.deadline <= deadline:
                return
            timer.task.cancel()
        self._timers[key] = _Timer(deadline, asyncio.create_task(self._add_later(key, seconds)))

    async def run(self) -> None:
        """Work until `stop` is called or the caller is cancelled."""
        self._tasks = {
            asyncio.create_task(self._serve(), name=f"reconcile-{n}") for n in range(self._workers)
        }
        try:
            await asyncio.gather(*self._tasks)
        except asyncio.CancelledError:
            if not self._stopping:
                raise
        finally:
            self._cancel_timers()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def stop(self, grace_seconds: float = 10.0) -> None:
        """Start nothing new, let what is being worked on end within `grace_seconds`, then cancel it."""
        self._stopping = True
        self._cancel_timers()
        for task in self._tasks - self._busy:
            task.cancel()
        if self._busy:
            await asyncio.wait(self._busy, timeout=grace_seconds)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self) -> None:
        this = asyncio.current_task()
        if this is None:  # pragma: no cover - a coroutine always runs in a task
            raise RuntimeError("a worker needs a task")
        while not self._stopping:
            key = await self._ready.get()
            self._busy.add(this)
            try:
                await self._work_on(key)
            finally:
                self._busy.discard(this)

    async def _work_on(self, key: Key) -> None:
        started = self._clock.monotonic()
        self._meter.waited(started - self._waiting.pop(key))
        self._meter.depth(len(self._waiting))
        self._drop_timer(key)
        self._working.add(key)
        outcome: Literal["done", "again", "error"] = "error"
        try:
            outcome = self._settle(key, await self._work(key))
        except Exception as error:  # noqa: BLE001 - whatever it is, the other keys go on
            self._back_off(key, error)
        finally:
            self._working.discard(key)
            if key in self._dirty:
                self._dirty.discard(key)
                self._add_dirty(key)
            self._meter.worked(self._clock.monotonic() - started, outcome)

    def _settle(self, key: Key, outcome: Outcome) -> Literal["done", "again", "error"]:
        if outcome.refused:
            self.add_after(key, self._pause(key))
            return "error"
        self._failures.pop(key, None)
        if outcome.after is None:
            return "done"
        self.add_after(key, outcome.after)
        return "again"

    def _add_dirty(self, key: Key) -> None:
        """Work on it again at once; after a failure with a short pause, or its own events would spin it."""
        if key in self._failures:
            self.add_after(key, BACKOFF_FIRST_SECONDS)
        else:
            self.add(key)

    def _back_off(self, key: Key, error: Exception) -> None:
        pause = self._pause(key)
        self.add_after(key, pause)
        where = {"namespace": key.namespace, "object": key.name}
        if isinstance(error, Conflict):
            logger.info("%s changed meanwhile, again in %.1f s", key, pause, extra=where)
        elif isinstance(error, ApiError):
            logger.warning("cannot reconcile %s, again in %.1f s: %s", key, pause, error.message, extra=where)
        else:
            logger.error("cannot reconcile %s, again in %.1f s", key, pause, exc_info=error, extra=where)

    def _pause(self, key: Key) -> float:
        """Seconds until the next attempt of a failing key: doubles each time, jittered."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        return (
            float(min(BACKOFF_FIRST_SECONDS * 2 ** min(failures, 20), BACKOFF_MAX_SECONDS)) * self._jitter()
        )

    async def _add_later(self, key: Key, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._timers.pop(key, None)
        self.add(key)

    def _drop_timer(self, key: Key) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.task.cancel()

    def _cancel_timers(self) -> None:
        for key in list(self._timers):
            self._drop_timer(key)
