"""When each connection of a draining process is closed: arithmetic only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from realtimeapp_runtime.config import Drain


@dataclass(frozen=True)
class Pace:
    """One close per slot of `interval` seconds, at a uniformly random time within its slot, none after `deadline`."""

    begins: float
    interval: float
    deadline: float

    def time_of(self, slot: int, random: Callable[[], float]) -> float:
        """Return when the close of `slot` (0, 1, ...) is due; `random` gives [0, 1)."""
        return min(self.begins + (slot + random()) * self.interval, self.deadline)

    def slip(self, late: float) -> Pace:
        """Return this pace `late` seconds later: after a stall the closes go on at the pace instead of catching up."""
        return replace(self, begins=self.begins + late)

    def slot_at(self, now: float) -> int:
        """Return the first slot that lies wholly after `now`, for connections that came late."""
        if self.interval <= 0 or now <= self.begins:
            return 0
        return int((now - self.begins) / self.interval) + 1


def plan(drain: Drain, *, begins: float, own: int, pod: int) -> Pace:
    """Return the pace of a process with `own` of the pod's `pod` connections.

    The pod closes `rate_per_second`, or faster where the time-out demands it; a process takes the share of that rate which its
    connections are of the pod's, so all processes end together.
    """
    own, pod = max(1, own), max(1, pod, own)
    window = min(drain.timeout_seconds, pod / drain.rate_per_second)
    return Pace(begins=begins, interval=window / own, deadline=begins + drain.timeout_seconds)
