"""Moving a process' connections away, one at a time, once the pod's drain flag is set.

Readiness fails at once (probes.py). For `lag_seconds` everything is still accepted, because proxies learn late; on a busy node
the kubelet itself learns late, and the lag is longer. Then new connections are refused and the open ones are closed at a pace all
draining pods of the application share (share.py), those that arrived during the lag included. It never stops the server: that is
the SIGTERM that follows.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING, Final

from realtimeapp_runtime import drain_flag, ledger, log, share
from realtimeapp_runtime.pace import Pace

if TYPE_CHECKING:
    from pathlib import Path

    from realtimeapp_runtime.board import Board
    from realtimeapp_runtime.config import Drain
    from realtimeapp_runtime.crowd import Crowd

POLL_SECONDS: Final = 0.25
"""How late a process may notice the flag: one stat() per period. Also how late a waiting close notices another rate."""
LATE_SECONDS: Final = 0.05
PATIENCE_SECONDS: Final = 5.0
PATIENCE_PART: Final = 0.1
"""The lag grows by so much at most, and by this part of the time-out: the drain ends when it would have ended without."""


class Drainer:
    """Watches the flag and closes the crowd."""

    def __init__(
        self, *, settings: Drain, run_dir: Path, book: ledger.Ledger, board: Board, crowd: Crowd
    ) -> None:
        self._settings = settings
        self._run_dir = run_dir
        self._book = book
        self._board = board
        self._crowd = crowd
        self._refuse_from: float | None = None

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
        self._book.cells[ledger.PHASE] = ledger.PHASE_LAG
        log.write(
            f"drain: readiness fails now; {len(self._crowd.open)} connections open, closing from {self._settings.lag_seconds:g} s on"
        )
        await self._let_proxies_learn(started)
        self._book.find_others()
        self._crowd.begin_again()
        at_start = len(self._crowd.open)
        begins = time.monotonic()
        speed = Speed(
            settings=self._settings,
            board=self._board,
            deadline=started + self._settings.lag_seconds + self._settings.timeout_seconds,
            part=max(1, at_start) / max(1, at_start, self._book.count_long_lived()),
        )
        self._book.cells[ledger.PHASE] = ledger.PHASE_CLOSING
        log.write(f"drain: closing {at_start} connections at {speed.describe(at_start)}")
        pace = Pace(random.random, begins=begins)
        await self._close_all(pace, speed)
        log.write(f"drain: {at_start} connections closed in {time.monotonic() - begins:.1f} s")
        while True:  # a handshake that was being answered when the drain began may still be accepted
            await asyncio.sleep(LATE_SECONDS)
            await self._close_all(pace, speed)

    async def _let_proxies_learn(self, started: float) -> None:
        """Wait for the end of the lag, which is known at the latest when the kubelet has asked."""
        while True:
            told = drain_flag.read_told(self._run_dir)
            self._refuse_from = find_end_of_lag(self._settings, started=started, told=told)
            self._board.announce_drain(self._refuse_from)
            left = self._refuse_from - time.monotonic()
            if left <= 0:
                return
            await asyncio.sleep(min(left, POLL_SECONDS))

    async def _close_all(self, pace: Pace, speed: Speed) -> None:
        while (connection := self._crowd.find_next()) is not None:
            delay = pace.wait(now=time.monotonic(), rate=speed.find(self._crowd.waiting))
            if delay > 0:
                await asyncio.sleep(min(delay, POLL_SECONDS))
                continue
            pace.take()
            self._crowd.ask(connection, deadline=speed.deadline, cause=ledger.DRAINED)


def find_end_of_lag(settings: Drain, *, started: float, told: float | None) -> float:
    """Return when the closes of a drain that began at `started` begin, as far as is known by now (monotonic).

    The lag is for the kubelet's report, the EndpointSlice and what a controller collects before it acts (Traefik 2 s by default), so
    it counts from `told`, when a readiness probe got to know of the drain.
    """
    soonest = started + settings.lag_seconds
    if not settings.is_probed:
        return soonest
    latest = soonest + min(PATIENCE_SECONDS, PATIENCE_PART * settings.timeout_seconds)
    return latest if told is None else min(latest, told + settings.lag_seconds)


class Speed:
    """How fast this process closes now: its share of the fleet's rate, or of its pod's own where nothing is known of the fleet.

    `deadline` (monotonic) wins over both; `part` is what this process has of the pod's connections.
    """

    def __init__(self, *, settings: Drain, board: Board, deadline: float, part: float) -> None:
        self._settings = settings
        self._board = board
        self._part = part
        self.deadline = deadline

    def find(self, remaining: int) -> float:
        """Return the closes per second with `remaining` connections still to be closed."""
        now = time.monotonic()
        hurry = remaining / max(self.deadline - now, share.SHORTEST_SECONDS)
        return max(self._find_polite(now), hurry)

    def _find_polite(self, now: float) -> float:
        view = self._board.find_fresh_view()
        if view is None:
            return self._settings.rate_per_second * self._part
        return share.find_drain_rate(view, rate=self._settings.fleet_rate_per_second, now=now)

    def describe(self, remaining: int) -> str:
        """Return the present speed and where it comes from, for a person."""
        rate = self.find(remaining)
        view = self._board.find_fresh_view()
        if view is None:
            return f"{rate:.1f} per second, this pod's own pace"
        return (
            f"{rate:.1f} per second of the {self._settings.fleet_rate_per_second:g} "
            f"shared by {share.count_draining_pods(view)} draining pods"
        )
