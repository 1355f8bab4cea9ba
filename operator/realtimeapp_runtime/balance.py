"""Whether the pods hold about the same number of connections, and who has to give some away: arithmetic only.

Proxies spread new connections and leave the old ones where they are, so a pod that joins stays idle. It sets a mark on the board;
while that stands, pods well above the mean close what they have too much. Only then: between two marks nothing is moved, however
uneven it is, because every close is somebody's reconnect.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from realtimeapp_runtime.fleet import LEAST_SILENCE_SECONDS, Mark

if TYPE_CHECKING:
    from collections.abc import Mapping

    from realtimeapp_runtime.fleet import Row, View

START: Final = 1.15
"""Times the mean: above this the fullest pod has to give."""
STOP: Final = 1.10
"""Times the mean: until nobody has more than this. Two limits, or every visitor could start it again."""
LEAST: Final = 2
"""Connections above the mean that are nobody's business, however few there are."""
SETTLE_SECONDS: Final = 6.0
"""From the mark to the first close: the edge must know the new pod, and every process must have seen the mark (a beat at rest takes 5 s)."""
MARK_SECONDS: Final = 600.0
ROOM: Final = 0.9
"""Of what a pod may hold: what is known of others is up to five seconds old."""
TURNS: Final = 1.2
"""What a process closes at most under one mark, in times of what it held when that began: evening out takes less than closing
everybody once. More would mean that the closed come back here, whatever the reason."""


@dataclass(frozen=True)
class Excess:
    """Connections above the mean: of this process, and of all processes whose pods have to give."""

    own: float
    everybody: float


NONE: Final = Excess(0.0, 0.0)


def begin(view: View, now: float) -> Mark | None:
    """Return the mark a process sets when it joins at `now` (Redis), or None where it came with a rollout or is the first."""
    own = view.rows[view.own]
    others = [row for row in view.rows.values() if row.pod != own.pod]
    if not others or any(row.revision != own.revision for row in others):
        return None
    return Mark(begins=now + SETTLE_SECONDS, until=now + MARK_SECONDS)


def is_over(view: View, now: float) -> bool:
    """Tell whether the mark has served: its time is up, or nobody has to give any more."""
    if view.mark is None or now > view.mark.until:
        return True
    return now >= view.mark.begins and not _someone_drains(view) and _find_limit(_list_lively(view)) is None


def find_excess(view: View, now: float) -> Excess:
    """Return what this process has to give at `now` (Redis); nothing without a mark, and nothing while anybody drains."""
    if view.mark is None or not view.mark.begins <= now <= view.mark.until or _someone_drains(view):
        return NONE
    rows = _list_lively(view)
    limit = _find_limit(rows)
    if limit is None:
        return NONE
    pods = count_open(rows)
    mean = sum(pods.values()) / len(pods)
    parts = {
        process: (pods[row.pod] - mean) * row.open / pods[row.pod]
        for process, row in rows.items()
        if pods[row.pod] > limit
    }
    return Excess(own=parts.get(view.own, 0.0), everybody=sum(parts.values()))


def is_above_mean(view: View) -> bool:
    """Tell whether this pod has more than others have on average, so that who leaves had better not come back."""
    pods = count_open(view.rows)
    return pods[view.rows[view.own].pod] * len(pods) > sum(pods.values())


def is_room_elsewhere(view: View, *, most: int) -> bool:
    """Tell whether another pod that serves has room for one more than `most` allows here, a little to spare."""
    pods = count_open({process: row for process, row in view.rows.items() if row.closes_from is None})
    return any(open_ < ROOM * most for pod, open_ in pods.items() if pod != view.rows[view.own].pod)


def count_open(rows: Mapping[str, Row]) -> dict[str, int]:
    """Return what each pod has open."""
    pods: dict[str, int] = {}
    for row in rows.values():
        pods[row.pod] = pods.get(row.pod, 0) + row.open
    return pods


def _list_lively(view: View) -> dict[str, Row]:
    """Return the rows of those that surely live: everybody is busy under a mark, so a row of rest is that of a killed process."""
    oldest = view.read_at + view.ahead - LEAST_SILENCE_SECONDS
    return {process: row for process, row in view.rows.items() if row.at >= oldest}


def _someone_drains(view: View) -> bool:
    return any(row.closes_from is not None for row in view.rows.values())


def _find_limit(rows: Mapping[str, Row]) -> float | None:
    """Return above how many connections a pod has to give, or None where they are even enough."""
    pods = count_open(rows)
    mean = sum(pods.values()) / max(1, len(pods))
    going_on = any(row.shedding for row in rows.values())
    if max(pods.values(), default=0) <= max(mean * (STOP if going_on else START), mean + LEAST):
        return None
    return max(mean * STOP, mean + LEAST)
