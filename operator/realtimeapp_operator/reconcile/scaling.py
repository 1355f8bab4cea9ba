"""How many web pods to ask for now: what is declared, or on the way down no fewer than can be emptied in time.

Whoever takes five pods away at once has five pods' connections come back at once. So a scale-in goes in steps: as many
pods at a time as `maxReconnectsPerSecond` can empty within `drainTimeoutSeconds`, the next ones when those are gone.
Growing needs no step. Pure: records and counts in, a number out; which pods go is decided by `costs`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from realtimeapp_operator.api import defaults
from realtimeapp_operator.reconcile.pod_state import PodState
from realtimeapp_operator.reconcile.records import DeploymentState
from realtimeapp_operator.render.pacing import grace_seconds, max_surge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from realtimeapp_operator.api.app import Spec
    from realtimeapp_operator.reconcile.records import Record

ENDED: Final = frozenset({"Succeeded", "Failed"})
"""Phases of pods that neither serve nor count; an evicted pod stays there as a note."""
PHASES: Final = {"Pending": 0, "Unknown": 1}
"""Order of phases in the ReplicaSet controller; every other one comes last."""
LATE_SECONDS: Final = 30
"""After its grace period and this long a pod holds nothing any more, even if its node cannot say so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """What `web.rollout` and `web.connections` allow; `at_once` is how many connections may be under way."""

    at_once: int
    max_per_pod: int
    surge: int | str
    """Pods a rollout may add, as in the Deployment: a number or a percentage."""
    grace_seconds: int


@dataclass(frozen=True, kw_only=True, slots=True)
class WebPod:
    """What the choice of the pods that go looks at; `connections` is the most it may hold where nothing is known."""

    name: str
    uid: str
    connections: int
    known: bool
    """Whether the pod itself said how many, not long ago."""
    scheduled: bool
    phase: str
    ready: bool
    cost: int | None
    """Its deletion cost; None without one, which counts as 0."""
    foreign: bool
    """Whether somebody else wrote that cost."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WebPods:
    """The web pods at one moment: those that stay so far, and those that are being deleted."""

    staying: tuple[WebPod, ...]
    leaving: tuple[WebPod, ...]


def pace_of(spec: Spec) -> Pace | None:
    """Return the pace of a scale-in; None where pods hold no connections, so that nothing has to be paced."""
    if not defaults.holds_sockets(spec):
        return None
    rollout = spec.web.rollout
    return Pace(
        at_once=rollout.max_reconnects_per_second * rollout.drain_timeout_seconds,
        max_per_pod=spec.web.connections.max_per_pod,
        surge=max_surge(spec),
        grace_seconds=grace_seconds(spec),
    )


def read_pods(pods: Iterable[Record], *, counts: Mapping[str, int], pace: Pace, now: float) -> WebPods:
    """Put together what is observed of the web pods and how much they said they hold, by uid."""
    staying: list[WebPod] = []
    leaving: list[WebPod] = []
    for record in pods:
        if not isinstance(record.detail, PodState) or record.detail.phase in ENDED:
            continue
        overdue = record.deleting and now - record.since > pace.grace_seconds + LATE_SECONDS
        if overdue:
            continue
        (leaving if record.deleting else staying).append(_read(record, record.detail, counts, pace))
    return WebPods(staying=tuple(staying), leaving=tuple(leaving))


def choose_count(*, wanted: int, deployment: Record, pods: WebPods, pace: Pace | None) -> int:
    """Return the `replicas` to apply now, on the way from what `deployment` has to `wanted`.

    As many pods go as fit beside those that are leaving, by their counts; one at least when none is leaving.
    """
    live = deployment.detail
    if not isinstance(live, DeploymentState) or wanted >= live.wanted or pace is None:
        return wanted
    rolling = deployment.current and live.replicas > live.updated
    # Pods above the number belong to a step that was asked for and not taken yet, or to a rollout.
    surplus = len(pods.staying) - live.wanted - (_surge(pace.surge, live.wanted) if rolling else 0)
    order = in_order_of_removal(pods.staying)
    if rolling:  # Which revision loses a pod is the Deployment's choice: be prepared for the fullest.
        order = tuple(sorted(order, key=lambda pod: -pod.connections))
    condemned, candidates = order[: max(surplus, 0)], order[max(surplus, 0) :]
    under_way = (*pods.leaving, *condemned)
    room = pace.at_once - sum(pod.connections for pod in under_way)
    present = min(live.wanted, len(candidates))
    going = 0
    for pod in candidates[: max(present - wanted, 0)]:
        room -= pod.connections
        if room < 0:
            break
        going += 1
    if not going and not under_way:
        going = 1
    return max(wanted, present - going)


def in_order_of_removal(pods: Iterable[WebPod]) -> tuple[WebPod, ...]:
    """Sort pods as the ReplicaSet controller takes them away; of those that are equal to it, the fullest first.

    Its rules (ActivePodsWithRanks in pkg/controller): without a node, then pending, then not ready, then with a lower
    deletion cost. What it compares next says nothing about connections.
    """
    return tuple(sorted(pods, key=lambda pod: (*rank(pod), pod.cost or 0, -pod.connections)))


def rank(pod: WebPod) -> tuple[bool, int, bool]:
    """Return what the ReplicaSet controller compares before the deletion cost."""
    return (pod.scheduled, PHASES.get(pod.phase, len(PHASES)), pod.ready)


def _read(record: Record, detail: PodState, counts: Mapping[str, int], pace: Pace) -> WebPod:
    count = counts.get(record.uid)
    may_hold = detail.running and (detail.ready or record.deleting)
    return WebPod(
        name=record.address.name,
        uid=record.uid,
        connections=count if count is not None else pace.max_per_pod * may_hold,
        known=count is not None,
        scheduled=detail.scheduled,
        phase=detail.phase,
        ready=detail.ready,
        cost=detail.cost,
        foreign=detail.cost_is_foreign,
    )


def _surge(surge: int | str, wanted: int) -> int:
    if isinstance(surge, int):
        return surge
    return math.ceil(wanted * int(surge.rstrip("%")) / 100)
