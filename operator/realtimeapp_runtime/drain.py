"""Moving a process' connections away, one at a time, once the pod's drain flag is set.

Readiness fails at once (probes.py). For `lag_seconds` everything is still accepted, because proxies learn late. Then new
connections are refused and the open ones are closed at the pace of pace.py, those that arrived during the lag included. It never
stops the server: that is the SIGTERM that follows.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING, Final, Protocol

from realtimeapp_runtime import drain_flag, ledger, log, pace

if TYPE_CHECKING:
    from pathlib import Path

    from realtimeapp_runtime.config import Drain

POLL_SECONDS: Final = 0.25
"""How late a process may notice the flag: one stat() per period."""
LATE_SECONDS: Final = 0.05


class Closable(Protocol):
    """A long-lived connection the drain can end."""

    async def close_for_drain(self, deadline: float) -> None:
        """Tell the client to come back elsewhere; wait no later than `deadline` (monotonic) for a good moment."""


class Drainer:
    """Watches the flag and closes what is registered in `open`."""

    def __init__(self, *, settings: Drain, run_dir: Path, book: ledger.Ledger) -> None:
        self._settings = settings
        self._run_dir = run_dir
        self._book = book
        self._refuse_from: float | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.open: set[Closable] = set()

    @property
    def begun(self) -> bool:
        """Whether this process has seen the flag."""
        return self._refuse_from is not None

    def refuses(self) -> bool:
        """Tell whether new long-lived connections must be refused now."""
        return self._refuse_from is not None and time.monotonic() >= self._refuse_from

    async def watch(self) -> None:
        """Wait for the flag, then drain; runs as long as the process."""
        while True:
            started = drain_flag.read(self._run_dir)
            if started is not None:
                break
            await asyncio.sleep(POLL_SECONDS)
        await self._drain(started)

    async def _drain(self, started: float) -> None:
        self._refuse_from = started + self._settings.lag_seconds
        self._book.cells[ledger.PHASE] = ledger.PHASE_LAG
        log.write(
            f"drain: readiness fails now; {len(self.open)} connections open, closing from {self._settings.lag_seconds:g} s on"
        )
        await asyncio.sleep(self._refuse_from - time.monotonic())
        self._book.find_others()
        at_start = len(self.open)
        schedule = pace.plan(
            self._settings, begins=time.monotonic(), own=at_start, pod=self._book.count_long_lived()
        )
        self._book.cells[ledger.PHASE] = ledger.PHASE_CLOSING
        await self._close_all(schedule)
        log.write(f"drain: {at_start} connections closed in {time.monotonic() - schedule.begins:.1f} s")
        while True:  # a handshake that was being answered when the drain began may still be accepted
            await asyncio.sleep(LATE_SECONDS)
            await self._close_all(schedule)

    async def _close_all(self, schedule: pace.Pace) -> None:
        slot = schedule.slot_at(time.monotonic())
        seen: set[Closable] = set()
        waiting: list[Closable] = []
        while True:
            if not waiting:
                waiting = list(self.open - seen)
                seen.update(waiting)
                random.shuffle(waiting)
            if not waiting:
                return
            connection = waiting.pop()
            if connection not in self.open:
                continue  # left by itself
            due = schedule.time_of(slot, random.random)
            slot += 1
            delay = due - time.monotonic()
            if delay > 0:
                await asyncio.sleep(delay)
            elif -delay > schedule.interval:
                schedule = schedule.slip(-delay)
            # a task of its own: a client that does not read can block a send for ever
            task = asyncio.ensure_future(connection.close_for_drain(schedule.deadline))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
