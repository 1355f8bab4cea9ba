"""Takes the next step of a scale-in: asks the pods what they hold, marks who is to go, and says how many may.

The shell around `scaling` and `costs`. Growing, and everything at rest, costs nothing here. What it remembers is when a
deletion cost was written last, so that a restart at worst writes one once more.
"""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from realtimeapp_operator import names
from realtimeapp_operator.api import defaults
from realtimeapp_operator.kube.errors import ApiError, BadRequest, Conflict, Forbidden, Invalid, NotFound
from realtimeapp_operator.kube.kinds import Ref
from realtimeapp_operator.reconcile.autoscalers import is_shrinking
from realtimeapp_operator.reconcile.costs import REWRITE_SECONDS, choose_costs, takes_the_least_loaded
from realtimeapp_operator.reconcile.counts import with_count
from realtimeapp_operator.reconcile.former_autoscalers import is_scaled_by_another
from realtimeapp_operator.reconcile.records import Address, DeploymentState
from realtimeapp_operator.reconcile.scaling import choose_count, pace_of, read_pods

if TYPE_CHECKING:
    from collections.abc import Iterable

    from realtimeapp_operator.api.app import RealtimeApp
    from realtimeapp_operator.reconcile.loads import Loads
    from realtimeapp_operator.reconcile.observed import Family, Observed
    from realtimeapp_operator.reconcile.ports import Api, Clock, Events, Key, Sampler
    from realtimeapp_operator.reconcile.records import Record
    from realtimeapp_operator.reconcile.scaling import Pace, WebPod, WebPods
    from realtimeapp_operator.render.facts import Manifest

logger = logging.getLogger(__name__)

FRESH_SECONDS: Final = 1.0
"""A count older than this is asked for anew before a pod goes by it: who leaves in between makes another pod the lightest."""
LOOK_SECONDS: Final = 15.0
"""While the next step waits for room, it is looked for this often, beside every change of a pod."""
SOON_SECONDS: Final = 0.1
"""After a start the pods are only asked once a reconcile said which ones."""
TOLERATED: Final = 0.9
"""An autoscaler takes no pod away while the mean is above this part of its target: `horizontal-pod-autoscaler-tolerance`
of the controller manager is 0.1 by default. Rests that near to the target are no scale-in that is coming."""
FINAL: Final = (BadRequest, Conflict, Forbidden, Invalid, NotFound)
"""Answers to a cost that will be the same the next time; policy engines say 400 or 403."""
FEW: Final = 3
"""Pods named in an Event."""


class Scaled(NamedTuple):
    """What is desired, with the number of web pods to apply now; `after` is when to look again, in seconds.

    Of several `stages` each is written when the one before is: pods that start get a number before it is handed over.
    """

    stages: tuple[tuple[Manifest, ...], ...]
    after: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Step:
    """The web Deployment as it is, with `live` replicas, and where it has to go to."""

    key: Key
    app: RealtimeApp
    deployment: Record
    live: int
    wanted: int
    pace: Pace


class Scaler:
    """Decides the number of web pods for each reconcile."""

    def __init__(  # noqa: PLR0913 - everything from outside is injected
        self,
        *,
        api: Api,
        events: Events,
        observed: Observed,
        loads: Loads,
        sampler: Sampler,
        clock: Clock,
    ) -> None:
        self._api = api
        self._events = events
        self._observed = observed
        self._loads = loads
        self._sampler = sampler
        self._clock = clock
        self._written: dict[str, float] = {}

    async def scale(
        self, desired: tuple[Manifest, ...], *, key: Key, app: RealtimeApp, family: Family
    ) -> Scaled:
        """Return `desired` with the count of this moment; deletion costs are written when pods are about to go."""
        name = names.web(app.metadata.name)
        manifest = next(item for item in desired if _is(item, name))
        deployment = family.get("Deployment", name, owner=app.metadata.uid)
        asked, pace = manifest["spec"].get("replicas"), pace_of(app.spec)
        if deployment is None or not isinstance(deployment.detail, DeploymentState):
            return Scaled(_start(desired, manifest, app))
        live = deployment.detail.wanted
        if not live:
            return Scaled(_start(desired, manifest, app))
        if is_scaled_by_another(desired, family, owner=app.metadata.uid):
            # An autoscaler that has to go, goes first: nobody else may write the count until then.
            return Scaled((_replaced(desired, manifest, None),))
        if asked is None:
            coming = self._foresees(key, app, live) or is_shrinking(family, owner=app.metadata.uid)
            return Scaled((desired,), await self._prepare(key, app, live, pace) if coming else None)
        if asked >= live or pace is None:
            return Scaled((desired,))
        step = _Step(key=key, app=app, deployment=deployment, live=live, wanted=asked, pace=pace)
        count, after = await self._step(step)
        return Scaled((_replaced(desired, manifest, count),), after)

    async def _step(self, step: _Step) -> tuple[int, float | None]:
        """Return the count to apply now and when to look again."""
        live = step.live
        pods = self._look(step.key, step.pace)
        if step.key not in self._loads.followed and any(pod.connections for pod in pods.staying):
            return live, SOON_SECONDS
        if self._choose(step, pods) == live:
            return live, LOOK_SECONDS
        pods = await self._look_closely(step.key, step.pace)
        wait = await self._mark(step.key, step.app, pods)
        if wait is not None:
            return live, wait
        count = self._choose(step, self._look(step.key, step.pace))
        return count, None if count == step.wanted else LOOK_SECONDS

    def _foresees(self, key: Key, app: RealtimeApp, live: int) -> bool:
        """Whether the connections there are need fewer pods than there are."""
        scaling, target = app.spec.web.autoscaling, defaults.target_connections(app.spec)
        if scaling is None or target is None:
            return False
        loads = self._loads.of(key)
        enough = math.ceil(loads.active / target)
        return loads.complete and enough < live and loads.active <= TOLERATED * target * live

    async def _prepare(self, key: Key, app: RealtimeApp, live: int, pace: Pace | None) -> float | None:
        """Mark pods while an autoscaler may take some away; return when to look again."""
        scaling = app.spec.web.autoscaling
        if scaling is None or pace is None or live <= scaling.min_replicas:
            return None
        now, staying = self._clock.monotonic(), self._look(key, pace).staying
        # It takes one pod in a minute at most, so what the others hold may go on moving unmarked.
        is_marked = takes_the_least_loaded(staying, first=1)
        if not is_marked and choose_costs(staying, written=self._written, now=now).write:
            pods = await self._look_closely(key, pace)
            await self._mark(key, app, pods)
        return REWRITE_SECONDS if self._loads.of(key).complete else LOOK_SECONDS

    def _choose(self, step: _Step, pods: WebPods) -> int:
        return choose_count(wanted=step.wanted, deployment=step.deployment, pods=pods, pace=step.pace)

    def _look(self, key: Key, pace: Pace) -> WebPods:
        pods = self._observed.family(key).pods(names.COMPONENT_WEB)
        return read_pods(pods, counts=self._loads.of(key).by_pod, pace=pace, now=self._clock.monotonic())

    async def _look_closely(self, key: Key, pace: Pace) -> WebPods:
        if not self._loads.of(key).is_fresh(now=self._clock.monotonic(), within=FRESH_SECONDS):
            await self._sampler.refresh(key)
        return self._look(key, pace)

    async def _mark(self, key: Key, app: RealtimeApp, pods: WebPods) -> float | None:
        """Write the deletion costs that are due; return how long nothing may go yet, None when something may."""
        now = self._clock.monotonic()
        self._written = {uid: at for uid, at in self._written.items() if now - at < REWRITE_SECONDS}
        costs = choose_costs(pods.staying, written=self._written, now=now)
        if costs.wait is not None:
            return costs.wait
        answers = await asyncio.gather(*(self._write(key, pod, cost) for pod, cost in costs.write.items()))
        refused = {pod.name: error for pod, error in zip(costs.write, answers, strict=True) if error}
        foreign = sorted({pod.name for pod in pods.staying if pod.foreign} | _conflicts(refused))
        await self._tell(
            app, foreign, [error for error in refused.values() if not isinstance(error, Conflict)]
        )
        return None if all(isinstance(error, FINAL) for error in refused.values()) else LOOK_SECONDS

    async def _write(self, key: Key, pod: WebPod, cost: int) -> ApiError | None:
        """Apply one cost without taking a field over; return why it could not be."""
        address = Address("Pod", key.namespace, pod.name)
        manifest = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": pod.name,
                "namespace": key.namespace,
                "uid": pod.uid,
                "annotations": {names.ANNOTATION_DELETION_COST: str(cost)},
            },
        }
        self._observed.expect(key, address)
        try:
            answer = await self._api.apply(manifest, manager=names.MANAGER_SCALE_IN, force=False)
        except ApiError as error:  # All else of the application is not to wait for a cost.
            self._observed.give_up(key, address)
            return error
        except BaseException:
            self._observed.give_up(key, address)
            raise
        self._observed.note(key, answer)
        self._written[pod.uid] = self._clock.monotonic()
        return None

    async def _tell(self, app: RealtimeApp, foreign: list[str], refused: list[ApiError]) -> None:
        ref = Ref(names.API_VERSION, names.KIND, app.metadata.namespace, app.metadata.name)
        if foreign:
            more = f" and {len(foreign) - FEW} more" if len(foreign) > FEW else ""
            message = (
                f"Somebody else set {names.ANNOTATION_DELETION_COST} of {', '.join(foreign[:FEW])}{more}; it is left"
                " as it is, so a scale-in may take a pod that holds more connections than another."
            )
            await self._events.emit(
                app=ref, uid=app.metadata.uid, kind="Warning", reason="ForeignDeletionCost", message=message
            )
        if refused:
            message = f"Which pod a scale-in takes could not be chosen: {refused[0].message}"
            await self._events.emit(
                app=ref, uid=app.metadata.uid, kind="Warning", reason="DeletionCostRefused", message=message
            )


def _conflicts(refused: dict[str, ApiError]) -> set[str]:
    """Names of the pods whose cost has somebody else's value; a pod that is gone is a conflict about its uid."""
    return {
        name
        for name, error in refused.items()
        if any(cause.get("reason") == "FieldManagerConflict" for cause in error.details.get("causes") or ())
    }


def _is(item: Manifest, name: str) -> bool:
    return (item["kind"], item["metadata"]["name"]) == ("Deployment", name)


def _start(
    desired: tuple[Manifest, ...], web: Manifest, app: RealtimeApp
) -> tuple[tuple[Manifest, ...], ...]:
    """Return what is written where no web pod is wanted so far; an autoscaler gets the number once it is there."""
    if "replicas" in web["spec"]:
        return (desired,)
    return (_replaced(desired, web, defaults.replicas(app.spec)), desired)


def _replaced(desired: Iterable[Manifest], web: Manifest, count: int | None) -> tuple[Manifest, ...]:
    return tuple(with_count(item, count) if item is web else item for item in desired)
