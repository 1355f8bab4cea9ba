"""How long this process stood still: what it read late looks like a burst of whoever wrote it."""

from __future__ import annotations

import asyncio
import time
from typing import Final, Self

STEP_SECONDS: Final = 0.01


class Stalls:
    """Measures, as an async context, how long the event loop stood still, at most and in all, in seconds."""

    def __init__(self) -> None:
        self.longest = 0.0
        self.total = 0.0

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _watch(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(STEP_SECONDS)
            late = time.monotonic() - before - STEP_SECONDS
            self.longest = max(self.longest, late)
            self.total += late
