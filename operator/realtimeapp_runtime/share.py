"""How many connections a process may close per second, out of what all pods of the application may: arithmetic only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from realtimeapp_runtime.fleet import View

HORIZON_SECONDS: Final = 1.0
"""A process that closes within this time has its share already: until the next beat (0.5 s) nobody can be told."""
SHORTEST_SECONDS: Final = 0.001
"""What is taken for the time left when there is none: everything goes at once."""


def find_drain_rate(view: View, *, rate: float, now: float) -> float:
    """Return the closes per second of this process, which drains, at `now`, monotonic.

    `rate` is that of all pods. Everybody gets the share its connections are of all that drain, so all end together, and together
    they do not exceed the rate: what others have open is known a beat late, which is too many rather than too few. What this
    process has is taken from the board as well: it would otherwise fall behind those it is compared with, and slow down at the end.
    """
    own = max(1, view.rows[view.own].open)
    moment = now + view.ahead + HORIZON_SECONDS
    others = sum(
        row.open
        for process, row in view.rows.items()
        if process != view.own and row.closes_from is not None and row.closes_from <= moment
    )
    return rate * own / (own + others)


def count_draining_pods(view: View) -> int:
    """Return how many pods drain."""
    return len({row.pod for row in view.rows.values() if row.closes_from is not None})
