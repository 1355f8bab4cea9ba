"""Deciding whether a process that has a main loop is alive, and writing its heartbeat while it is.

The main loop notes its progress; a thread writes the heartbeat. The thread also looks at what the main thread is doing: one that
waits for its broker, or runs a task itself, makes no progress and is alive all the same. A process that was killed for either would
lose its tasks and come back to the same broker.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Final

from realtimeapp_runtime import heartbeat, log

if TYPE_CHECKING:
    from types import FrameType

INTERVAL_SECONDS: Final = 5.0
PATIENCE_SECONDS: Final = 15.0
"""Three intervals without progress are a main loop that stands still."""

WAITING: Final = frozenset({("kombu.utils.functional", "retry_over_time")})
"""Module and function in which a process waits for a broker that is away, with every attempt and pause in it."""
TASK_MODULE: Final = "celery.app.trace"
"""Its frames are in the main thread only where the pool is `solo`: there, tasks run in the main loop, however long."""


class Pulse:
    """The heartbeat of this process; made by the main thread."""

    def __init__(self) -> None:
        self._main = threading.get_ident()
        self._progress = time.monotonic()
        self._held = False
        self._thread: threading.Thread | None = None

    def note_progress(self) -> None:
        """Say that the main loop has come round."""
        self._progress = time.monotonic()

    def hold(self) -> None:
        """Beat until the process ends: it finishes its tasks, and only the grace period may cut that short."""
        self._held = True

    def start(self) -> None:
        """Write the first heartbeat, and one every INTERVAL_SECONDS while the process is alive."""
        if self._thread is None:
            self.note_progress()
            self._thread = threading.Thread(target=self._run, name="realtimeapp-pulse", daemon=True)
            self._thread.start()

    def is_alive(self) -> bool:
        """Tell whether the main loop goes round or has a good reason not to."""
        if self._held or time.monotonic() - self._progress <= PATIENCE_SECONDS:
            return True
        return waits_on_purpose(sys._current_frames().get(self._main))  # noqa: SLF001 - the only way to see another thread's frame

    def _run(self) -> None:
        while True:
            if self.is_alive():
                try:
                    heartbeat.write()
                except OSError as error:
                    log.write(f"the heartbeat cannot be written: {error.strerror}")
            time.sleep(INTERVAL_SECONDS)


def waits_on_purpose(frame: FrameType | None) -> bool:
    """Tell whether the calls that led to `frame` wait for a broker or run a task."""
    while frame is not None:
        module = frame.f_globals.get("__name__")
        if module == TASK_MODULE or (module, frame.f_code.co_name) in WAITING:
            return True
        frame = frame.f_back
    return False
