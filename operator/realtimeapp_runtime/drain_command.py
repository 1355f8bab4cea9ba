"""The preStop hook: sets the pod's drain flag and returns when SIGTERM will meet an empty server.

It only watches; the server processes close their own connections. Nobody on the network can start it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from realtimeapp_runtime import drain_flag, ledger

if TYPE_CHECKING:
    from pathlib import Path

    from realtimeapp_runtime.config import Drain

POLL_SECONDS: Final = 0.1
IDLE_POLL_SECONDS: Final = 0.5
MANY: Final = 50
"""With more than these left the end is not near, and looking for it costs the processors the drain needs: ten hooks that look ten
times a second took 0.14 of a core from ten draining pods."""
CLOSE_SECONDS: Final = 1.0
"""Past the deadline, for the closes that were sent at the deadline itself."""
REQUEST_SECONDS: Final = 10.0
"""At least this for ordinary requests in flight once the connections are gone; daphne would cut them off at SIGTERM."""
QUIET_LOOKS: Final = 3
"""Looks in a row that must find no request: under WSGI a worker that has just answered may take the next one from the queue."""


def drain(settings: Drain, run_dir: Path) -> str:
    """Drain the pod and return one line about it. Takes at most lag + time-out + 11 s from the first drain on."""
    began = time.monotonic()
    run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    started = drain_flag.begin(run_dir, began)
    before = _sum(run_dir)
    deadline = started + settings.lag_seconds + settings.timeout_seconds + CLOSE_SECONDS
    lag_over = started + settings.lag_seconds
    while time.monotonic() < deadline:
        rows = ledger.read_all(run_dir)
        if not rows or (time.monotonic() >= lag_over and all(map(_is_empty, rows))):
            break
        time.sleep(POLL_SECONDS if sum(map(_count_live, rows)) <= MANY else IDLE_POLL_SECONDS)
    _wait_for_requests(run_dir, until=max(time.monotonic() + REQUEST_SECONDS, deadline))
    after = _sum(run_dir)
    return (
        f"drain: {_count_live(before)} open at the start, {_count_drained(after) - _count_drained(before)} closed, "
        f"{_count_live(after)} left, {after[ledger.REQUESTS]} requests left, {time.monotonic() - began:.1f} s"
    )


def _wait_for_requests(run_dir: Path, *, until: float) -> None:
    quiet = 0
    while True:
        quiet = 0 if _sum(run_dir)[ledger.REQUESTS] > 0 else quiet + 1
        if quiet == QUIET_LOOKS or time.monotonic() >= until:
            return
        time.sleep(POLL_SECONDS)


def _is_empty(cells: list[int]) -> bool:
    held = (ledger.HANDSHAKES, ledger.WEBSOCKETS, ledger.STREAMS, ledger.CLOSING)
    ended = cells[ledger.PHASE] in (ledger.PHASE_CLOSING, ledger.PHASE_NOTHING_TO_CLOSE)
    return ended and not any(cells[index] for index in held)


def _sum(run_dir: Path) -> list[int]:
    return ledger.add_up((*ledger.read_all(run_dir), ledger.read_departed(run_dir)))


def _count_live(cells: list[int]) -> int:
    return cells[ledger.WEBSOCKETS] + cells[ledger.STREAMS]


def _count_drained(cells: list[int]) -> int:
    return sum(cells[index] for index in ledger.DRAINED.values())
