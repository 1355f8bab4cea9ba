"""How many connections this process may give away, how fast, and how many that come back it may send on: arithmetic only."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from realtimeapp_runtime import balance

if TYPE_CHECKING:
    from collections.abc import Callable

    from realtimeapp_runtime.fleet import View

RETURN_SECONDS: Final = 60.0
"""How long a client that was closed may take to come back and still be sent on."""


class Allowance:
    """Follows the board from beat to beat; between two beats it counts down by itself."""

    def __init__(self, *, rate: float, draw: Callable[[], float]) -> None:
        """`rate` is that of all pods per second; `draw` gives [0, 1)."""
        self._rate = rate
        self._draw = draw
        self._view: View | None = None
        self._mark_until = 0.0
        self._budget = 0
        self._left = 0
        self._returning = 0
        self._closed_at = -math.inf
        self._excess = balance.NONE

    def find_rate(self, view: View | None, *, own: int, now: float) -> float:
        """Return how many of its `own` connections this process gives away per second at `now` (monotonic); often 0."""
        if view is not self._view:
            self._view = view
            self._excess = balance.NONE if view is None else balance.find_excess(view, now + view.ahead)
            if view is not None and view.mark is not None and view.mark.until != self._mark_until:
                self._mark_until = view.mark.until
                self._budget = math.ceil(balance.TURNS * own)
            # of a part of a connection, its part of the times
            self._left = max(0, min(int(self._excess.own + self._draw()), self._budget))
        if self._left == 0 or not self.shedding:
            return 0.0
        return self._rate * self._excess.own / self._excess.everybody

    @property
    def shedding(self) -> bool:
        """Whether this process has to give, and still may."""
        return self._excess.own > 0 and self._budget > 0

    def note_shed(self, now: float) -> None:
        """Note that one connection was given away."""
        self._left -= 1
        self._budget -= 1
        self.note_closed(now)

    def note_closed(self, now: float) -> None:
        """Note that a client was asked to leave, for whatever reason, and will come back somewhere."""
        self._returning += 1
        self._closed_at = now

    def sends_on(self, view: View | None, now: float) -> bool:
        """Tell whether a client that a cookie leads here is to go elsewhere.

        At most one for each that was closed in the last minute: who keeps the cookie whatever he is told is let in again.
        """
        if now - self._closed_at > RETURN_SECONDS:
            self._returning = 0
        if self._returning == 0 or view is None or not balance.is_above_mean(view):
            return False
        self._returning -= 1
        return True
