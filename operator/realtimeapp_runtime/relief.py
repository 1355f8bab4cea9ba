"""Closing connections of a process that goes on serving: those its pod has too much of, and those that are too old.

As polite as a drain: one at a time, at the shared pace, at a random time within its slot, and never in the middle of an answer.
It ends when the pod drains, which moves everybody.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from typing import TYPE_CHECKING, Final

from realtimeapp_runtime import ledger
from realtimeapp_runtime.allowance import Allowance
from realtimeapp_runtime.pace import Pace

if TYPE_CHECKING:
    from realtimeapp_runtime.board import Board
    from realtimeapp_runtime.config import Config
    from realtimeapp_runtime.crowd import Closable, Crowd
    from realtimeapp_runtime.drain import Drainer

LOOK_SECONDS: Final = 1.0
"""Between two looks while there is nothing to close."""
POLL_SECONDS: Final = 0.1
"""How late a waiting close notices another rate."""


class Relief:
    """What this process closes while it serves, and who is not let back in."""

    def __init__(
        self, *, config: Config, crowd: Crowd, book: ledger.Ledger, board: Board, drainer: Drainer
    ) -> None:
        # behind a cookie who is closed comes back twice, first to where he was
        self._rate = config.drain.fleet_rate_per_second / (2 if config.affinity_cookie else 1)
        self._ages = config.max_age_seconds > 0
        self._rebalances = config.rebalance
        self._crowd = crowd
        self._book = book
        self._board = board
        self._drainer = drainer
        self._allowance = Allowance(rate=self._rate, draw=random.random)
        self._pace: Pace | None = None
        self._expired: list[Closable] = []
        self._looked = -math.inf

    async def watch(self) -> None:
        """Close what has to be closed until the pod drains."""
        if not self._ages and not self._rebalances:
            return
        while True:
            if self._drainer.begun:
                return
            await asyncio.sleep(self._step(time.monotonic()))

    @property
    def sheds(self) -> bool:
        """Whether this process has more than its share and is giving it away."""
        return self._allowance.shedding

    def sends_on(self) -> bool:
        """Tell whether a new client that a cookie leads here is to go elsewhere."""
        return self._allowance.sends_on(self._board.view, time.monotonic())

    def _step(self, now: float) -> float:
        """Close one connection if it is due at `now` (monotonic); return the seconds until the next look."""
        if self._ages and now - self._looked >= LOOK_SECONDS:
            self._looked = now
            self._expired = self._crowd.find_expired(now)
        shed_rate = self._find_shed_rate(now)
        rate = shed_rate or self._find_age_rate()
        connection = self._find_next(sheds=shed_rate > 0)
        if connection is None or rate <= 0:
            self._pace = None
            self._crowd.rest()
            return POLL_SECONDS if self._allowance.shedding else LOOK_SECONDS
        if self._pace is None:
            self._pace = Pace(random.random, begins=now)
        delay = self._pace.wait(now=now, rate=rate)
        if delay > 0:
            return min(delay, POLL_SECONDS)
        self._pace.take()
        if self._expired:
            self._expired.pop()
            self._allowance.note_closed(now)
            cause = ledger.EXPIRED
        else:
            self._allowance.note_shed(now)
            cause = ledger.SHED
        self._crowd.ask(connection, deadline=math.inf, cause=cause)
        return 0.0

    def _find_next(self, *, sheds: bool) -> Closable | None:
        while self._expired:
            if self._expired[-1] in self._crowd.open:
                return self._expired[-1]
            self._expired.pop()
        return self._crowd.find_next() if sheds else None

    def _find_shed_rate(self, now: float) -> float:
        if not self._rebalances:
            return 0.0
        own = len(self._crowd.open)
        rate = self._allowance.find_rate(self._board.find_fresh_view(), own=own, now=now)
        self._board.announce_shedding(self._allowance.shedding)
        return rate

    def _find_age_rate(self) -> float:
        """Return this process' part of what its pod closes for age."""
        own = max(1, len(self._crowd.open))
        return self._rate * own / max(own, self._book.count_long_lived())
