"""How many sockets the pods close at which moment, as they themselves count it: without the way to the clients in between.

Every process of the runtime counts in a small file of its pod's shared run directory (realtimeapp_runtime/ledger.py), and the node
is this machine, so the files can be read from outside without asking anybody for anything.
"""

from __future__ import annotations

import bisect
import contextlib
import threading
import time
from typing import TYPE_CHECKING, Final, Self

from hack.cluster.layout import NODE, default_state
from realtimeapp_runtime import ledger

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

STEP_SECONDS: Final = 0.05
FILES: Final = "*/volumes/kubernetes.io~empty-dir/run/process-*"
CAUSES: Final = (ledger.DRAINED, ledger.SHED, ledger.EXPIRED)


class LedgerWatch:
    """Adds up, as a context and in a thread of its own, the sockets that the pods of this node have closed."""

    def __init__(self, pods: Path | None = None) -> None:
        """Read below `pods`, the kubelet's folder of pods; without one, that of this checkout's node."""
        self._pods = pods or default_state(NODE).root / "kubelet" / "pods"
        self._counts: dict[Path, int] = {}
        self._stops = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.samples: list[tuple[float, int]] = []
        """Moments (monotonic seconds) and how many were closed until then."""

    async def __aenter__(self) -> Self:
        self._thread.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stops.set()
        self._thread.join()

    def look(self) -> None:
        """Take one sample."""
        for file in find_files(self._pods):
            # nothing else of the ledger: seen from here every process of a pod looks dead
            cells = ledger.read_cells(file)
            if cells is not None:
                self._counts[file] = sum(cells[cause["websocket"]] for cause in CAUSES)
        self.samples.append((time.monotonic(), sum(self._counts.values())))

    def _watch(self) -> None:
        while not self._stops.wait(STEP_SECONDS):
            self.look()


def find_files(pods: Path) -> list[Path]:
    """Return the files of all processes; those found so far where a folder is removed meanwhile."""
    found: list[Path] = []
    with contextlib.suppress(FileNotFoundError):
        found.extend(pods.glob(FILES))
    return found


def find_fastest(samples: Sequence[tuple[float, int]], *, seconds: float = 1.0) -> float:
    """Return the most closes per second over any span of samples that is `seconds` long or, by one step, longer."""
    times = [at for at, _ in samples]
    most = 0.0
    for at, before in samples:
        end = bisect.bisect_left(times, at + seconds)
        if end < len(samples):
            most = max(most, (samples[end][1] - before) / (times[end] - at))
    return most
