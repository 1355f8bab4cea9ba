"""What each process of the pod holds open, visible to all of them without a system call per connection.

Every server process maps one small file of 64-bit cells in the shared run directory; only it writes there. Readers sum the files
of the processes that are alive: a file carries the start time of its process, so neither a killed worker nor a recycled process id
is counted. The totals of the dead are folded into one file, so that counters do not go backwards.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PROCESS: Final = 0
STARTED: Final = 1
PHASE: Final = 2
"""How far this process' drain has come, one of the PHASE constants below."""
HANDSHAKES: Final = 3
"""WebSocket handshakes the application has not answered yet."""
WEBSOCKETS: Final = 4
STREAMS: Final = 5
"""Event streams being sent."""
REQUESTS: Final = 6
"""Ordinary HTTP requests in flight."""
CLOSING: Final = 7
"""Connections the drain has closed whose application has not returned yet."""
ACCEPTED: Final = {"websocket": 8, "stream": 9}
CLOSED: Final = {"websocket": 10, "stream": 11}
DRAINED: Final = {"websocket": 12, "stream": 13}
REFUSED: Final = {"websocket": 14, "stream": 15}
SHED: Final = {"websocket": 16, "stream": 17}
EXPIRED: Final = {"websocket": 18, "stream": 19}
UNPINNED: Final = {"websocket": 20, "stream": 21}
CELLS: Final = 22
TOTALS: Final = (ACCEPTED, CLOSED, DRAINED, REFUSED, SHED, EXPIRED, UNPINNED)

LIVE: Final = {"websocket": WEBSOCKETS, "stream": STREAMS}
KINDS: Final = ("websocket", "stream")

PHASE_SERVING: Final = 0
PHASE_LAG: Final = 1
PHASE_CLOSING: Final = 2
PHASE_NOTHING_TO_CLOSE: Final = 3
"""A WSGI process: it holds nothing but the requests it is answering, so it has no drain of its own."""

_SIZE: Final = CELLS * 8
_PREFIX: Final = "process-"
_DEPARTED: Final = "departed"
_LOCK: Final = "lock"
_TICK_NS: Final = 50_000_000


class Ledger:
    """This process' cells and, read-only, those of the other processes of the pod."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._others: dict[str, memoryview] = {}
        self._followed_ns = 0
        self.cells: memoryview = memoryview(bytearray(_SIZE)).cast("q")

    def open(self, *, phase: int = PHASE_SERVING) -> None:
        """Create this process' file; until then the cells are private memory. Raises OSError."""
        self._run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        pid = os.getpid()
        path = self._run_dir / f"{_PREFIX}{pid}"
        staging = self._run_dir / f".{path.name}"
        first = bytearray(self.cells.tobytes())
        cells = memoryview(first).cast("q")
        cells[PROCESS] = pid
        cells[STARTED] = read_start_time(pid) or 0
        cells[PHASE] = phase
        staging.write_bytes(first)
        with staging.open("r+b") as file:
            self.cells = memoryview(mmap.mmap(file.fileno(), _SIZE)).cast("q")
        staging.rename(path)
        self.find_others()

    def find_others(self) -> None:
        """Look for processes that came or went."""
        own = f"{_PREFIX}{os.getpid()}"
        names = {path.name for path in list_alive(self._run_dir)} - {own}
        for name in self._others.keys() - names:
            del self._others[name]
        for name in names - self._others.keys():
            try:
                with (self._run_dir / name).open("rb") as file:
                    view = memoryview(mmap.mmap(file.fileno(), _SIZE, access=mmap.ACCESS_READ)).cast("q")
            except (OSError, ValueError):
                continue  # gone since it was listed
            self._others[name] = view

    def count_long_lived(self) -> int:
        """Return what counts against the pod's cap, over all processes: open connections and handshakes."""
        self._follow_directory()
        return sum(
            cells[WEBSOCKETS] + cells[STREAMS] + cells[HANDSHAKES]
            for cells in (self.cells, *self._others.values())
        )

    def count_closed(self) -> int:
        """Return how many long-lived connections this process has had that are closed."""
        return sum(self.cells[cell] for cell in CLOSED.values())

    def _follow_directory(self) -> None:
        """Notice new processes at the price of one stat()."""
        changed = self._run_dir.stat().st_mtime_ns
        if changed != self._followed_ns:
            self.find_others()
            # within one tick of the file system's clock another change would show the same time
            self._followed_ns = changed if time.time_ns() - changed > _TICK_NS else 0


def list_alive(run_dir: Path) -> list[Path]:
    """Return the files of the processes that run now; fold those of dead ones into the totals."""
    alive: list[Path] = []
    dead: list[Path] = []
    for path in run_dir.glob(f"{_PREFIX}*"):
        cells = read_cells(path)
        if cells is None:
            continue
        started = read_start_time(cells[PROCESS])
        (alive if started is not None and started == cells[STARTED] else dead).append(path)
    if dead:
        _fold(run_dir, dead)
    return alive


def read_all(run_dir: Path) -> list[list[int]]:
    """Return the cells of every live process."""
    return [cells for cells in map(read_cells, list_alive(run_dir)) if cells is not None]


def read_departed(run_dir: Path) -> list[int]:
    """Return the accumulated totals of processes that ended; only the cells of TOTALS mean something."""
    return read_cells(run_dir / _DEPARTED) or [0] * CELLS


def add_up(rows: Iterable[list[int]]) -> list[int]:
    """Return the sum per cell; PROCESS, STARTED and PHASE of the result mean nothing."""
    total = [0] * CELLS
    for row in rows:
        for index, value in enumerate(row):
            total[index] += value
    return total


def read_start_time(pid: int) -> int | None:
    """Return the start time of process `pid` in clock ticks since boot, or None when it does not run (or is a zombie)."""
    try:
        fields = (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        )
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def read_cells(path: Path) -> list[int] | None:
    """Return the cells of one file, or None where it is gone or not complete."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    return list(memoryview(data).cast("q")) if len(data) == _SIZE else None


def _fold(run_dir: Path, dead: list[Path]) -> None:
    with _lock(run_dir):
        total = read_departed(run_dir)
        for path in dead:
            cells = read_cells(path)
            if cells is None:
                continue  # another process was faster
            for kind in KINDS:
                cells[CLOSED[kind]] += cells[LIVE[kind]]  # the kernel closed what the process held
            total = add_up((total, cells))
            path.unlink()
        staging = run_dir / f".{_DEPARTED}"
        cells_out = memoryview(bytearray(_SIZE)).cast("q")
        for group in TOTALS:
            for index in group.values():
                cells_out[index] = total[index]
        staging.write_bytes(cells_out.tobytes())
        staging.rename(run_dir / _DEPARTED)


@contextmanager
def _lock(run_dir: Path) -> Iterator[None]:
    with (run_dir / _LOCK).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
