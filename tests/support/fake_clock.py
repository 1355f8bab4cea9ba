"""Time that passes when a test says so."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta


class FakeClock:
    """Implements reconcile.ports.Clock; `advance` wakes sleepers in the order of their deadlines."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._start = datetime(2026, 1, 1, tzinfo=UTC)
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def monotonic(self) -> float:
        """Seconds from an arbitrary start."""
        return self._now

    def now(self) -> datetime:
        """Wall-clock time; moves with the monotonic one."""
        return self._start + timedelta(seconds=self._now)

    async def sleep(self, seconds: float) -> None:
        """Wait until the test has advanced by `seconds`."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._order), future))
        await future

    async def advance(self, seconds: float) -> None:
        """Let `seconds` pass, and everybody who wakes up run until he waits again."""
        end = self._now + seconds
        await self.run_ready()
        while self._sleepers and self._sleepers[0][0] <= end:
            deadline, _, future = heapq.heappop(self._sleepers)
            self._now = max(self._now, deadline)
            if not future.done():
                future.set_result(None)
            await self.run_ready()
        self._now = end

    @staticmethod
    async def run_ready() -> None:
        """Let every task run that can; where there is only the caller's, there is nothing to wait for."""
        for _ in range(20 if len(asyncio.all_tasks()) > 1 else 0):
            await asyncio.sleep(0)
