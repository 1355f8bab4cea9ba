"""Short pauses in a process with thousands of connections: what lives long is not looked through again and again.

CPython looks for garbage in cycles by standing still. Each time a quarter has been added to what lives long it goes through all of
it: with 120 objects per WebSocket of Channels and 5,000 of them for half a second, in which nobody gets an answer (measured;
docs/benchmarks.md). So what outlived one such long pass is set aside (`gc.freeze`), and taken back before too much of it can be
garbage. What has no cycles is freed at once, as ever. It changes no threshold and hides nothing from a `gc.collect()` of the
application that comes after the things set aside were taken back.
"""

from __future__ import annotations

import gc
import sys
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

OLDEST: Final = 2
LONG_SECONDS: Final = 0.05
"""Processor time of a pass that is too long: what two closes of a drain at 40 per second are apart, and a third of the 150 ms
after which djust gives up saving a page's state."""
STALE_SECONDS: Final = 600.0
FEWEST_CLOSES: Final = 1000
WORKS_IN_STEPS: Final = sys.version_info >= (3, 14)
"""From 3.14 on CPython's own passes are short, and none of them would bring back what was set aside."""


class SettingAside:
    """One of `gc.callbacks`: sets aside after a long pass, takes back what may have become garbage."""

    def __init__(
        self, *, count_open: Callable[[], int], count_closed: Callable[[], int], is_ending: Callable[[], bool]
    ) -> None:
        """Watch this process' connections; `count_closed` never goes back, and a process that `is_ending` takes nothing back."""
        self._count_open = count_open
        self._count_closed = count_closed
        self._is_ending = is_ending
        self._pass_began = 0.0
        self._since: float | None = None  # when the first of what is set aside now was
        self._closed_before = 0

    def begin(self) -> None:
        """Set the loaded application aside and watch the collector from now on."""
        if WORKS_IN_STEPS:
            return
        gc.collect()
        gc.freeze()
        gc.callbacks.append(self)

    def __call__(self, phase: str, info: Mapping[str, int]) -> None:
        """Follow one pass of the collector; `phase` and `info` as documented for `gc.callbacks`."""
        if info["generation"] != OLDEST:
            return
        now = time.thread_time()
        if phase == "start":
            self._pass_began = now
        elif now - self._pass_began >= LONG_SECONDS:
            self._set_aside()
        elif self._is_stale():
            gc.unfreeze()
            self._since = None

    def _set_aside(self) -> None:
        gc.freeze()
        if self._since is None:
            self._since = time.monotonic()
            self._closed_before = self._count_closed()

    def _is_stale(self) -> bool:
        """Tell whether as many connections as half of those open, or ten minutes of anything else, may be garbage by now."""
        if self._since is None or self._is_ending():
            return False
        closed = self._count_closed() - self._closed_before
        return (
            closed >= max(FEWEST_CLOSES, self._count_open() / 2)
            or time.monotonic() - self._since >= STALE_SECONDS
        )
