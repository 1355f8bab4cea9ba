"""When a rollout of the web pods ends: the arithmetic of its pace and of what is left, and nothing else.

An estimate for a person who waits: it is told again when pods or connections have moved, not every second. The
connections cannot be moved faster than `maxReconnectsPerSecond`, so it never promises an earlier end than that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from realtimeapp_operator.api import defaults
from realtimeapp_operator.render.pacing import LAG_SECONDS, max_surge, rate_per_second

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from realtimeapp_operator.api.app import Spec
    from realtimeapp_operator.reconcile.pod_state import PodState
    from realtimeapp_operator.reconcile.records import Record

ASSUMED_STARTUP_SECONDS: Final = 10.0
"""Until a pod was seen to become ready: a Django application loads in two to eight seconds, Redis' check before it
in two."""
ROUNDING: Final = ((120, 5), (600, 15), (math.inf, 60))
"""(remaining seconds below, multiple the time is rounded up to): nobody waits for a second of an hour."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Remaining:
    """What is left of a rollout."""

    old_pods: int
    """Pods of older revisions that nobody has told to stop."""
    wanted: int
    """Web pods asked for."""
    ready_seconds: int
    """How long a new pod serves before the next old one is told to stop."""
    new: tuple[PodState, ...]
    """Pods of the new revision."""
    connections: int | None
    """On pods of older revisions, stopping or not; None where that is not known."""
    fullest: int | None
    """Connections of the fullest of these pods."""


def estimate_end(spec: Spec, left: Remaining, *, now: datetime) -> datetime:
    """Return when the last old pod is gone, rounded up to what is worth telling."""
    return round_up(now + timedelta(seconds=seconds_left(spec, left, now=now)), now=now)


def seconds_left(spec: Spec, left: Remaining, *, now: datetime) -> float:
    """Return the seconds until the last old pod is gone: its replacements', its drain's, never less than R allows."""
    drain = 0.0
    if defaults.holds_sockets(spec):
        most = left.fullest if left.fullest is not None else spec.web.connections.max_per_pod
        drain = LAG_SECONDS + min(most / rate_per_second(spec), spec.web.rollout.drain_timeout_seconds)
    seconds = _seconds_of_replacement(spec, left, now=now) + drain
    slowest = (left.connections or 0) / spec.web.rollout.max_reconnects_per_second
    return max(seconds, slowest)


def observe_startup(pods: Iterable[PodState]) -> float:
    """Return the median seconds from the creation of a pod to its readiness; an assumption where none was seen."""
    seen = sorted(
        (ready - created).total_seconds()
        for ready, created in ((_time(pod.ready_at), _time(pod.created_at)) for pod in pods)
        if ready is not None and created is not None and ready >= created
    )
    return seen[len(seen) // 2] if seen else ASSUMED_STARTUP_SECONDS


def round_up(end: datetime, *, now: datetime) -> datetime:
    """Return the next full 5, 15 or 60 seconds of the clock, coarser the further away it is."""
    remaining = (end - now).total_seconds()
    step = next(step for below, step in ROUNDING if remaining < below)
    return datetime.fromtimestamp(math.ceil(end.timestamp() / step) * step, end.tzinfo)


def _seconds_of_replacement(spec: Spec, left: Remaining, *, now: datetime) -> float:
    """Return the seconds until the last old pod is told to stop."""
    if not left.old_pods:
        return 0.0
    step = observe_startup(left.new) + left.ready_seconds
    steps = math.ceil(left.old_pods / _pods_at_once(spec, left.wanted))
    ages = [
        (now - created).total_seconds()
        for pod in left.new
        if (created := _time(pod.created_at)) is not None and not _is_available(pod, left.ready_seconds, now)
    ]
    under_way = min(ages, default=0.0)
    return max(steps * step - min(under_way, step), 0.0)


def _pods_at_once(spec: Spec, wanted: int) -> int:
    surge = max_surge(spec)
    return max(1, surge if isinstance(surge, int) else math.ceil(wanted * int(surge.rstrip("%")) / 100))


def _is_available(pod: PodState, ready_seconds: int, now: datetime) -> bool:
    ready = _time(pod.ready_at)
    return ready is not None and (now - ready).total_seconds() >= ready_seconds


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def fullest_of(pods: Iterable[Record], counts: Mapping[str, int]) -> int | None:
    """Return the connections of the fullest of `pods`; None where one of them is not known."""
    found = [counts.get(pod.uid) for pod in pods]
    known = [count for count in found if count is not None]
    return max(known, default=0) if len(known) == len(found) else None
