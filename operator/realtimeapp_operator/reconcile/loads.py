"""How many connections each pod of each application holds, as last said by the pods, and what of it is news.

The store and its arithmetic; the sampler fills it, everybody else reads it without a request. A pod that is gone never
counts, a pod that does not answer never counts as empty: it makes the sum incomplete, and who decides by it must not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from realtimeapp_operator import names
from realtimeapp_operator.api.conditions import format_time
from realtimeapp_operator.reconcile.pod_state import PodState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from realtimeapp_operator.probe.connections import Reading
    from realtimeapp_operator.reconcile.observed import Observed
    from realtimeapp_operator.reconcile.ports import Clock, Key
    from realtimeapp_operator.reconcile.records import Record

VALID_SECONDS: Final = 60.0
"""A count older than this is no count, for autoscaling and for everybody else."""
SMALL: Final = 10
"""Connections; a smaller change is told later."""
SETTLE_SECONDS: Final = 120.0
"""How much later: a thousand applications with a few visitors each then write eight times per second at the very most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AppLoads:
    """The connections of one application's web pods at one moment."""

    by_pod: Mapping[str, int] = field(default_factory=dict)
    """Uid of each pod that is there and has a valid count."""
    active: int = 0
    """All open connections that are known."""
    draining: int = 0
    """Those of them on pods that are being deleted, or drain."""
    complete: bool = False
    """Whether every pod that may hold connections has a valid count."""
    sampled_at: datetime | None = None
    """When the newest of the counts was taken."""
    measured: float = -math.inf
    """When the oldest of the counts was taken, on the monotonic clock."""

    @property
    def fullest(self) -> int:
        """Connections of the pod that has most."""
        return max(self.by_pod.values(), default=0)

    def is_fresh(self, *, now: float, within: float) -> bool:
        """Whether it is complete and no count is older than `within` seconds at `now` (monotonic)."""
        return self.complete and now - self.measured <= within


@dataclass(frozen=True, kw_only=True, slots=True)
class Followed:
    """How an application is sampled, as its last reconcile said."""

    port: int
    """Where its web pods listen."""
    autoscaled: bool = False
    """Whether an autoscaler decides by the counts."""
    moving_until: float = -math.inf
    """Until when connections are being moved, as far as is known; on the monotonic clock."""
    patience: float = math.inf
    """Seconds a pod that is deleted may take; after that it holds nothing any more, even if its node cannot say so."""
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
        alive = {pod.uid for pod in self.pods(key)}
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
        return _add_up(self.pods(key), self._counts.get(key, {}), oldest=oldest)

    def total(self, key: Key, *, within: float = VALID_SECONDS) -> int | None:
        """Return all open connections of an application; None when that is not known, or not of `within` seconds.

        A pod out of service that has fallen silent, on a lost node for example, counts with the last it said as long as
        others answer: where its clients went they are counted too, so an autoscaler adds pods and takes none away.
        """
        if key not in self._followed:
            return None
        counts, now = self._counts.get(key, {}), self._clock.monotonic()
        total, is_answered = 0, False
        for pod in self.pods(key):
            count = counts.get(pod.uid)
            if count is None and not _may_hold(pod, counted=False):
                continue
            is_recent = count is not None and now - count.monotonic <= within
            if count is None or not (is_recent or _is_out_of_service(pod)):
                return None
            is_answered = is_answered or is_recent
            total += count.reading.connections
        return total if is_answered else None

    def pods(self, key: Key) -> tuple[Record, ...]:
        """Return the web pods of an application as they are observed now, without those that are long overdue."""
        pods, how = self._observed.family(key).pods(names.COMPONENT_WEB), self._followed.get(key)
        if how is None:
            return pods
        now = self._clock.monotonic()
        return tuple(pod for pod in pods if not (pod.deleting and now - pod.since > how.patience))


def is_news(loads: AppLoads, status: Mapping[str, Any], how: Followed, *, now: datetime) -> bool:
    """Whether `status` would say something else: the one reason to look at an application for its counts."""
    before = status.get("connections") or {}
    if tell_connections(loads, before, now=now) != before:
        return True
    rollout = status.get("rollout") or {}
    return "connectionsLeft" in rollout and has_left_moved(count_left(loads, how.replaced), rollout)


def tell_connections(loads: AppLoads, before: Mapping[str, Any], *, now: datetime) -> Mapping[str, Any]:
    """Return `status.connections`: what it was `before`, until the sum, or the part that drains, moved by a tenth of it.

    A change of less than SMALL connections waits until the last one is SETTLE_SECONDS old, unless it is from or to 0: a
    handful of visitors who come and go is no news every half minute. Nothing is said while a pod does not answer.
    """
    if not loads.complete or (not before and not loads.by_pod):
        return before
    active, draining = before.get("active", 0), before.get("draining", 0)
    ends = (active == 0) != (loads.active == 0) or (draining > 0 and not loads.draining)
    moved = _has_moved(active, loads.active, whole=active) or _has_moved(
        draining, loads.draining, whole=active
    )
    change = max(abs(active - loads.active), abs(draining - loads.draining))
    settled = change >= SMALL or _age(before, now) >= SETTLE_SECONDS
    if before and not ends and not (moved and settled):
        return before
    return {
        "active": loads.active,
        "draining": loads.draining,
        "maxPerPod": loads.fullest,
        "sampledAt": format_time(loads.sampled_at or now),
    }


def count_left(loads: AppLoads, replaced: Iterable[str]) -> int | None:
    """Return the connections on pods that a rollout takes away; None while that is not known."""
    return sum(loads.by_pod.get(uid, 0) for uid in replaced) if loads.complete else None


def has_left_moved(left: int | None, rollout: Mapping[str, Any]) -> bool:
    """Whether `left` differs by a tenth of `connectionsTotal` from what `rollout`, as in the status, says."""
    told = rollout.get("connectionsLeft")
    if left is None or told is None:
        return left is not None
    return (left == 0) != (told == 0) or _has_moved(told, left, whole=rollout.get("connectionsTotal", told))


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
        active += count.reading.connections
        if pod.deleting or count.reading.draining:
            draining += count.reading.connections
    used = [counts[uid] for uid in by_pod]
    return AppLoads(
        by_pod=by_pod,
        active=active,
        draining=draining,
        complete=complete,
        sampled_at=max((count.at for count in used), default=None),
        measured=min((count.monotonic for count in used), default=-math.inf),
    )


def _is_out_of_service(pod: Record) -> bool:
    return pod.deleting or not (isinstance(pod.detail, PodState) and pod.detail.ready)


def _may_hold(pod: Record, *, counted: bool) -> bool:
    """Whether a pod without a valid count may hold connections: one that has just started holds none."""
    detail = pod.detail
    return isinstance(detail, PodState) and detail.running and (detail.ready or pod.deleting or counted)


def _has_moved(told: int, now: int, *, whole: int) -> bool:
    return told != now and abs(told - now) * 10 >= whole


def _age(connections: Mapping[str, Any], now: datetime) -> float:
    """Seconds since `sampledAt`; very many where it cannot be read."""
    try:
        return (now - datetime.fromisoformat(connections.get("sampledAt", ""))).total_seconds()
    except (TypeError, ValueError):
        return math.inf
