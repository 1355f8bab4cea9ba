"""Short pauses in a process with thousands of connections: what lives long is not looked through again and again.

CPython looks for garbage in cycles by standing still. Each time a quarter has been added to what lives long it goes through all of
it: with 120 objects per WebSocket of Channels and 5,000 of them for half a second, in which nobody gets an answer (measured;
docs/benchmarks.md). So when a pass was long because connections came, what outlived it is set aside (`gc.freeze`), and taken back
before too much of it can be garbage. What has no cycles is freed at once, as ever, and no threshold changes. A process without
many connections is left alone, and so is an application that sets things aside itself.
"""

from __future__ import annotations

import atexit
import gc
import sys
import sysconfig
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

OLDEST: Final = 2
LONG_SECONDS: Final = 0.05
"""Processor time of a pass that is too long: a third of the 150 ms after which djust gives up saving a page's state."""
FEWEST_OPEN: Final = 500
"""Below, it is something else that makes a pass long, and that may be garbage in a moment."""
GROWTH: Final = 1.1
"""Times the connections of last time: without more of them it is not they that made the pass long."""
STALE_SECONDS: Final = 600.0
FEWEST_CLOSES: Final = 1000
OWN_OBJECTS: Final = 1000
"""More than these set aside are the application's doing: CPython 3.12 itself begins with some 400."""
WORKS_IN_STEPS: Final = (3, 14) <= sys.version_info < (3, 14, 5)
"""These CPythons' own passes are short, and none of them would take back what was set aside. 3.14.5 works as 3.13 does."""
IS_FREE_THREADED: Final = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
"""Such a build does not say which of its passes went through everything."""


class SettingAside:
    """One of `gc.callbacks`: sets aside after a long pass, takes back what may have become garbage."""

    def __init__(
        self, *, count_open: Callable[[], int], count_closed: Callable[[], int], is_moving: Callable[[], bool]
    ) -> None:
        """Watch this process' connections; `count_closed` never goes back, and nothing is taken back while clients `is_moving` away.

        The pass after taking back goes through everything, and people who are moved meanwhile would lose what is not saved yet.
        """
        self._count_open = count_open
        self._count_closed = count_closed
        self._is_moving = is_moving
        self._pass_began = 0.0
        self._since: float | None = None  # when the first of what is set aside now was
        self._closed_before = 0
        self._open_before = 0

    def begin(self) -> None:
        """Watch the collector from now on."""
        if WORKS_IN_STEPS or IS_FREE_THREADED or gc.get_freeze_count() > OWN_OBJECTS:
            return
        gc.callbacks.append(self)
        # The interpreter's last pass runs what an object in a cycle does at its end, such as to write the rest of a file.
        atexit.register(gc.unfreeze)

    def __call__(self, phase: str, info: Mapping[str, int]) -> None:
        """Follow one pass of the collector; `phase` and `info` as documented for `gc.callbacks`."""
        if info["generation"] != OLDEST:
            return
        if phase == "start":
            self._pass_began = time.thread_time()
        elif self._is_stale():  # first: an application may have long passes only
            gc.unfreeze()
            self._since = None
            self._open_before = 0
        elif time.thread_time() - self._pass_began >= LONG_SECONDS and self._has_grown():
            self._set_aside()

    def _has_grown(self) -> bool:
        return self._count_open() >= max(FEWEST_OPEN, GROWTH * self._open_before)

    def _set_aside(self) -> None:
        gc.freeze()
        self._open_before = self._count_open()
        if self._since is None:
            self._since = time.monotonic()
            self._closed_before = self._count_closed()

    def _is_stale(self) -> bool:
        """Tell whether as many connections as half of those open, or ten minutes of anything else, may be garbage by now."""
        if self._since is None or self._is_moving():
            return False
        closed = self._count_closed() - self._closed_before
        return (
            closed >= max(FEWEST_CLOSES, self._count_open() / 2)
            or time.monotonic() - self._since >= STALE_SECONDS
        )
