"""When the next connection is closed, at a rate that may change meanwhile: arithmetic only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

STALL_SECONDS: Final = 0.02
"""What a process may catch up on: timers are late by a millisecond or two, and at a high rate a slot is shorter than that."""
STALL_SLOTS: Final = 0.5
"""The same at a low rate. With ten processes a whole slot would be ten closes more in the worst second."""
CLOCK_SECONDS: Final = 1e-6
"""A shorter wait is none: it is lost in the rounding of the clock."""


class Pace:
    """One close per slot, at a uniformly random time within it; a slot is as long as the rate of its time makes it.

    Within any second there is at most one close more than the rate says.
    """

    def __init__(self, draw: Callable[[], float], *, begins: float) -> None:
        """Start the first slot at `begins`; `draw` gives [0, 1)."""
        self._draw = draw
        self._at = begins
        self._rate = 0.0
        self._progress = (
            0.0  # slots since the current one began, which is below 0 while an earlier one goes on
        )
        self._due = draw()

    def wait(self, *, now: float, rate: float) -> float:
        """Return the seconds until the next close is due while `rate` per second (above 0) holds; 0 when it is due.

        A process that stood still goes on at the pace instead of catching up.
        """
        passed = self._progress + max(0.0, now - self._at) * self._rate
        self._at, self._rate = max(now, self._at), rate
        self._progress = min(passed, self._due + max(STALL_SLOTS, rate * STALL_SECONDS))
        delay = (self._due - self._progress) / rate
        return delay if delay > CLOCK_SECONDS else 0.0

    def take(self) -> None:
        """Note that the close was made: the next one is due in the next slot."""
        self._progress -= 1.0
        self._due = self._draw()
