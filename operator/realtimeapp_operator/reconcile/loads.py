"""How many connections each pod of each application holds, as last said by the pods, and what of it is news.

The store and its arithmetic; the sampler fills it, everybody else reads it without a request. A pod that is gone never
counts, a pod that does not answer never counts as empty: it makes the sum incomplete, and who decides by it must not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from realtimeapp_operator.reconcile.pod_state import PodState
from realtimeapp_operator.reconcile.situation import WEB

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from realtimeapp_operator.probe.connections import Reading
    from realtimeapp_operator.reconcile.observed import Observed
    from realtimeapp_operator.reconcile.ports import Clock, Key
    from realtimeapp_operator.reconcile.records import Record

VALID_SECONDS: Final = 60.0
"""A count older than this is no count, for autoscaling and for everybody else."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AppLoads:
    """The connections of one application's web pods at one moment."""

    by_pod: Mapping[str, int] = field(default_factory=dict)
    """Uid of each pod that is there and has a valid count."""
    active: int = 0
    """Connections on pods that stay."""
    draining: int = 0
    """Connections on pods that are being deleted, or drain."""
    complete: bool = False
    """Whether every pod that may hold connections has a valid count."""
    sampled_at: datetime | None = None
    """When the newest of the counts was taken."""
    measured: float = -math.inf
    """When the oldest of the counts was taken, on the monotonic clock."""

    @property
    def total(self) -> int:
        """All open connections that are known."""
        return self.active + self.draining

    def is_fresh(self, *, now: float, within: float) -> bool:
        """Whether it is complete and no count is older than `within` seconds at `now` (monotonic)."""
        return self.complete and now - self.measured <= within


@dataclass(frozen=True, kw_only=True, slots=True)
class Followed:
    """How an application is sampled, as its last reconcile said."""

    port: int
    """Where its web pods listen."""
    interval: float
    """Seconds between two samples."""
    replaced: frozenset[str] = frozenset()
    """Uids of the pods a running rollout takes away."""


class _Count(NamedTuple):
    reading: Reading
    monotonic: float
    at: datetime


class Loads:
    """Counts by application and pod. `valid_seconds` is how long a count means something."""

    def __init__(self, *, observed: Observed, clock: Clock, valid_seconds: float = VALID_SECONDS) -> None:
        self._observed = observed
        self._clock = clock
        self._valid_seconds = valid_seconds
        self._counts: dict[Key, dict[str, _Count]] = {}
        self._followed: dict[Key, Followed] = {}

    def follow(self, key: Key, how: Followed) -> None:
        """Have `key` sampled from now on, or sampled differently."""
        self._followed[key] = how

    def forget(self, key: Key) -> None:
        """Stop sampling an application that is gone or holds no connections."""
        self._followed.pop(key, None)
        self._counts.pop(key, None)

    @property
    def followed(self) -> Mapping[Key, Followed]:
        """Everything that is sampled."""
        return self._followed

    def note(self, key: Key, readings: Mapping[str, Reading | None]) -> None:
        """Take in one round: what each pod that was asked said, by uid; None for one that did not answer."""
        if key not in self._followed:
            return
        alive = {pod.uid for pod in self._pods(key)}
        counts = {uid: count for uid, count in self._counts.get(key, {}).items() if uid in alive}
        monotonic, at = self._clock.monotonic(), self._clock.now()
        for uid, reading in readings.items():
            if reading is not None and uid in alive:
                counts[uid] = _Count(reading, monotonic, at)
        self._counts[key] = counts

    def of(self, key: Key) -> AppLoads:
        """Return what is known of an application; nothing, and incomplete, when it is not sampled."""
        if key not in self._followed:
            return AppLoads()
        oldest = self._clock.monotonic() - self._valid_seconds
        return _add_up(self._pods(key), self._counts.get(key, {}), oldest=oldest)

    def total(self, key: Key, *, within: float = VALID_SECONDS) -> int | None:
        """Return all open connections of an application; None when that is not known, or not of `within` seconds."""
        loads = self.of(key)
        return loads.total if loads.is_fresh(now=self._clock.monotonic(), within=within) else None

    def _pods(self, key: Key) -> tuple[Record, ...]:
        return self._observed.family(key).pods(*WEB)


def can_be_asked(pod: Record) -> bool:
    """Whether a pod's server runs and has an address."""
    return isinstance(pod.detail, PodState) and pod.detail.running and bool(pod.detail.ip)


def _add_up(pods: Iterable[Record], counts: Mapping[str, _Count], *, oldest: float) -> AppLoads:
    by_pod: dict[str, int] = {}
    active = draining = 0
    complete = True
    for pod in pods:
        count = counts.get(pod.uid)
        if count is None or count.monotonic < oldest:
            complete = complete and not _may_hold(pod, counted=count is not None)
            continue
        by_pod[pod.uid] = count.reading.connections
        if pod.deleting or count.reading.draining:
            draining += count.reading.connections
        else:
            active += count.reading.connections
    used = [counts[uid] for uid in by_pod]
    return AppLoads(
        by_pod=by_pod,
        active=active,
        draining=draining,
        complete=complete,
        sampled_at=max((count.at for count in used), default=None),
        measured=min((count.monotonic for count in used), default=-math.inf),
    )


def _may_hold(pod: Record, *, counted: bool) -> bool:
    """Whether a pod without a valid count may hold connections: one that has just started holds none."""
    detail = pod.detail
    return isinstance(detail, PodState) and detail.running and (detail.ready or pod.deleting or counted)
