"""Which pod a scale-in takes: the one with the fewest connections, told to Kubernetes as a deletion cost.

Kubernetes asks that costs are not kept up to date all the time, so they are written when pods are about to go, and only
those that change. Pure: what to write comes out, `scaler` writes it. A cost somebody else wrote is left as it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from realtimeapp_operator.reconcile.scaling import in_order_of_removal, rank

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from realtimeapp_operator.reconcile.scaling import WebPod

BUCKET: Final = 1.025
"""Pods with equal costs differ by this factor at most, half of what is promised: counts move on after they were read."""
PROMISE: Final = 1.05
"""The pod that goes holds at most this many times the connections of the least loaded one."""
REWRITE_SECONDS: Final = 60.0
"""The cost of a pod is written at most this often."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Costs:
    """Costs to write now. With `wait` the order would still be wrong: nothing may go for that many seconds."""

    write: Mapping[WebPod, int]
    wait: float | None = None


def cost_of(connections: int) -> int:
    """Return the deletion cost of a pod with so many connections; grows with their logarithm, 0 for none."""
    return round(math.log1p(connections) / math.log(BUCKET))


def choose_costs(pods: Sequence[WebPod], *, written: Mapping[str, float], now: float) -> Costs:
    """Return the costs that `pods`, which stay so far, need before some of them go.

    `written` has when a cost was last written, by uid, on the same clock as `now`. Without any known count there is
    nothing to prefer, and nothing is written.
    """
    if not any(pod.known for pod in pods):
        return Costs(write={})
    stale = [pod for pod in pods if not pod.foreign and pod.cost != cost_of(pod.connections)]
    early = [pod for pod in stale if now - written.get(pod.uid, -math.inf) < REWRITE_SECONDS]
    write = {pod: cost_of(pod.connections) for pod in stale if pod not in early}
    after = [replace(pod, cost=write.get(pod, pod.cost)) for pod in pods]
    if early and not takes_the_least_loaded(after):
        return Costs(write={}, wait=min(REWRITE_SECONDS - (now - written[pod.uid]) for pod in early))
    return Costs(write=write)


def takes_the_least_loaded(pods: Iterable[WebPod], *, first: int | None = None) -> bool:
    """Whether each pod, in the order of removal, is within the promise of the one that should go.

    With `first` only so many are looked at, those that go first.
    Pods whose cost is somebody else's go when he says; pods that are not ready go first whatever they hold.
    """
    order = [pod for pod in in_order_of_removal(pods) if not pod.foreign]
    fair = sorted(order, key=lambda pod: (rank(pod), pod.connections))
    return all(
        goes.connections <= should.connections * PROMISE
        for goes, should in zip(order[:first], fair[:first], strict=True)
    )
