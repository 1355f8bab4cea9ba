"""A fleet of processes without processes: the real arithmetic, a clock that is moved by hand, a board that is read late."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from realtimeapp_runtime import fleet, share
from realtimeapp_runtime.fleet import Row, View
from realtimeapp_runtime.pace import Pace

if TYPE_CHECKING:
    import random

TICK = 0.01
REDIS_AHEAD = 1000.0
"""Redis' clock is not the pods' clock."""


@dataclass(kw_only=True)
class Draining:
    """One process that drains: beats every 0.5 s at its own phase and closes at its share."""

    name: str
    pod: str
    open: int
    closes_from: float
    source: random.Random
    view: View | None = None
    next_beat: float = 0.0
    pace: Pace | None = None
    closes: list[float] = field(default_factory=list)


def drain_all(processes: list[Draining], *, rate: float, until: float) -> list[float]:
    """Let all of them drain; return the sorted times of every close."""
    board: dict[str, Row] = {}
    now = 0.0
    while now < until and any(process.open for process in processes):
        now += TICK
        for process in processes:
            if now >= process.next_beat and now >= process.closes_from - 3.0:
                _beat(process, board, now)
            if now >= process.closes_from and process.open:
                _close(process, rate, now)
    return sorted(at for process in processes for at in process.closes)


def _beat(process: Draining, board: dict[str, Row], now: float) -> None:
    board[process.name] = Row(
        pod=process.pod,
        revision="1",
        open=process.open,
        at=now + REDIS_AHEAD,
        period=fleet.BUSY_SECONDS,
        closes_from=process.closes_from + REDIS_AHEAD,
    )
    seen = {name: replace(row) for name, row in board.items() if not row.is_gone(now + REDIS_AHEAD)}
    process.view = View(own=process.name, rows=seen, read_at=now, ahead=REDIS_AHEAD)
    process.next_beat = now + fleet.BUSY_SECONDS * process.source.uniform(1.0, 1.3)


def _close(process: Draining, rate: float, now: float) -> None:
    assert process.view is not None, "the board is known when the lag is over"
    if process.pace is None:
        process.pace = Pace(process.source.random, begins=now)
    while process.open:
        own = share.find_drain_rate(process.view, rate=rate, now=now)
        if process.pace.wait(now=now, rate=own) > 0:
            return
        process.pace.take()
        process.closes.append(now)
        process.open -= 1


def find_peak(times: list[float]) -> int:
    """The most closes within any second; `times` is sorted."""
    most, first = 0, 0
    for last, at in enumerate(times):
        while times[first] <= at - 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most
