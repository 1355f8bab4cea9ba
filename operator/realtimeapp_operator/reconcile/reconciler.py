"""One application, from its declaration to its status: the way of every change, top to bottom.

Level-triggered: looks at what is, never at what happened, so it may be run at any time and after any failure. A second
run right after the first writes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from realtimeapp_operator import names
from realtimeapp_operator.api.parse import InvalidSpec, parse
from realtimeapp_operator.api.reasons import Reason
from realtimeapp_operator.kube.errors import NotFound
from realtimeapp_operator.kube.kinds import Ref
from realtimeapp_operator.reconcile import handshake
from realtimeapp_operator.reconcile.attempts import Look, choose_attempts, read_attempt
from realtimeapp_operator.reconcile.autoscalers import find_blind_autoscaler
from realtimeapp_operator.reconcile.diagnosis import seconds_to_next_look
from realtimeapp_operator.reconcile.facts import gather_facts
from realtimeapp_operator.reconcile.former_autoscalers import find_held_autoscaler
from realtimeapp_operator.reconcile.gate import read_gate
from realtimeapp_operator.reconcile.handshake import find_knock, has_opened
from realtimeapp_operator.reconcile.lasting import seconds_to_telling
from realtimeapp_operator.reconcile.live_pace import choose_pace
from realtimeapp_operator.reconcile.missing import find_missing
from realtimeapp_operator.reconcile.plan import plan
from realtimeapp_operator.reconcile.pod_state import PodState
from realtimeapp_operator.reconcile.ports import DONE, NOWHERE, REFUSED, Outcome
from realtimeapp_operator.reconcile.problems import NamespaceEnding
from realtimeapp_operator.reconcile.readiness import is_served
from realtimeapp_operator.reconcile.records import address_of
from realtimeapp_operator.reconcile.rollout import choose_sampling
from realtimeapp_operator.reconcile.scaler import Scaler
from realtimeapp_operator.reconcile.situation import CHECK, MIGRATION, Situation
from realtimeapp_operator.reconcile.status import build_refusal, build_status, merge_patch
from realtimeapp_operator.reconcile.stories import tell
from realtimeapp_operator.reconcile.writer import Writer
from realtimeapp_operator.render.facts import Facts
from realtimeapp_operator.render.objects import render

if TYPE_CHECKING:
    from realtimeapp_operator.api.app import RealtimeApp
    from realtimeapp_operator.reconcile.apps import AppBody, Apps
    from realtimeapp_operator.reconcile.loads import Loads
    from realtimeapp_operator.reconcile.observed import Observed
    from realtimeapp_operator.reconcile.openings import Openings
    from realtimeapp_operator.reconcile.ports import (
        Api,
        Clock,
        Events,
        Images,
        Key,
        Meter,
        Sampler,
        Surroundings,
    )


TOLD_FAILURES: Final = 3
"""Failed attempts in a row until the status says so; with the pauses between them the third ends within three seconds."""


class Reconciler:
    """Makes the cluster equal the declarations, one application at a time per key."""

    def __init__(  # noqa: PLR0913 - everything from outside is injected
        self,
        *,
        api: Api,
        events: Events,
        apps: Apps,
        observed: Observed,
        images: Images,
        surroundings: Surroundings = NOWHERE,
        loads: Loads,
        sampler: Sampler,
        openings: Openings,
        clock: Clock,
        meter: Meter,
    ) -> None:
        self._api = api
        self._events = events
        self._apps = apps
        self._observed = observed
        self._facts = Facts(
            runtime_image=images.runtime,
            redis_image=images.redis,
            pull_policy=images.pull_policy,
            operator_namespace=surroundings.namespace,
            metrics_url=surroundings.metrics_url,
        )
        self._loads = loads
        self._openings = openings
        self._clock = clock
        self._meter = meter
        self._failed: dict[Key, int] = {}
        self._scaler = Scaler(
            api=api, events=events, observed=observed, loads=loads, sampler=sampler, clock=clock
        )

    async def reconcile(self, key: Key) -> Outcome:
        """Bring the application at `key` one step closer to its declaration, and say where it stands.

        Raises what trying again later may solve; what a person has to solve is in the status instead.
        """
        body = self._apps.get(key)
        if body is None or body.deleting:
            self._observed.settle_loss(key)
            self._let_go(key)
            return DONE  # The garbage collector removes the children.
        if self._observed.has_loss(key) and not await self._is_declared(body):
            self._forget(body)
            return DONE
        try:
            app = parse(body.as_object())
        except InvalidSpec as invalid:
            return await self._refuse(body, invalid)
        try:
            situation = await self._write_children(app, body)
        except NamespaceEnding:
            return DONE
        self._follow(key, situation)
        situation = self._look_at_way_in(key, situation)
        if self._is_worth_telling(key, situation):
            await self._write_status(body, build_status(situation, body.status, self._clock.now()))
        if situation.failure is not None:
            raise situation.failure  # The queue comes back to it, ever more slowly.
        return self._look_again(situation)

    async def _is_declared(self, body: AppBody) -> bool:
        """Ask whether the application still is, before what somebody took away is put back.

        A watch that was cut off while it was deleted never says so; its children then go to the garbage collector,
        and would be created for an owner that is gone, over and over.
        """
        found = await self._api.get_metadata(_ref(body.key))
        self._observed.settle_loss(body.key)
        return found is not None and found["metadata"].get("uid") == body.uid

    def _forget(self, body: AppBody) -> None:
        self._apps.forget(body)
        self._let_go(body.key)

    def _let_go(self, key: Key) -> None:
        self._loads.forget(key)
        self._openings.forget(key)
        self._meter.forget(key)
        self._failed.pop(key, None)

    def _follow(self, key: Key, situation: Situation) -> None:
        """Have the connections counted as often as what is under way asks for."""
        how = choose_sampling(situation)
        if how is None:
            self._loads.forget(key)
        else:
            self._loads.follow(key, how)

    def _look_at_way_in(self, key: Key, situation: Situation) -> Situation:
        """Have a WebSocket opened through the ingress where that is due, and add what came of it."""
        knock = find_knock(situation)
        if knock is None or has_opened(knock, situation.before):
            self._openings.forget(key)
            return replace(situation, knock=knock)
        tries = self._openings.follow(key, knock, possible=is_served(situation))
        return replace(situation, knock=knock, tries=tries)

    async def _write_children(self, app: RealtimeApp, body: AppBody) -> Situation:
        owner, family = body.uid, self._observed.family(body.key)
        facts, class_known = gather_facts(
            app, family=family, base=self._facts, observed=self._observed, status=body.status
        )
        before = Look(family=family, owner=owner, status=body.status, monotonic=self._clock.monotonic())
        desired = choose_attempts(render(app, facts), look=before, now=self._clock.now())
        desired = choose_pace(
            desired,
            web=family.get("Deployment", names.web(app.metadata.name), owner=owner),
            spec=app.spec,
            loads=self._loads.of(body.key),
            now=self._clock.monotonic(),
        )
        stages, next_step = await self._scaler.scale(desired, key=body.key, app=app, family=family)
        family = self._observed.family(body.key)  # It may have taken a moment.
        gate = read_gate(desired=desired, family=family, app=app)
        writer = Writer(api=self._api, observed=self._observed, app=body.key, owner=owner)
        for desired in stages:
            family = self._observed.family(body.key)
            todo = plan(desired=desired, family=family, app=app, gate=gate, look=self._observed.get)
            if problems := await writer.carry_out(todo):
                break
        family = self._observed.family(body.key)
        now = self._clock.monotonic()
        missing = await find_missing(self._api, desired=desired, family=family, now=now)
        after = Look(family=family, owner=owner, status=body.status, monotonic=now)
        migration, check = (
            read_attempt(part.component, desired=desired, look=after, stuck=missing.get(part))
            for part in (MIGRATION, CHECK)
        )
        return Situation(
            app=app,
            desired=desired,
            family=family,
            gate=read_gate(desired=desired, family=family, app=app),
            migration=migration,
            check=check,
            before=body.status,
            held=frozenset(address_of(item) for item in todo.held),
            problems=problems,
            failure=writer.failure,
            missing=missing,
            edge=facts.edge,
            class_known=class_known,
            now=now,
            at=self._clock.now(),
            loads=self._loads.of(body.key),
            next_step=next_step,
        )

    def _is_worth_telling(self, key: Key, situation: Situation) -> bool:
        """Whether the status is written: not for a failed write alone, until it has failed a few times in a row."""
        if situation.failure is None:
            self._failed.pop(key, None)
            return True
        self._failed[key] = self._failed.get(key, 0) + 1
        alone = situation.problems[0].reason is Reason.WRITE_FAILED
        return not alone or self._failed[key] >= TOLD_FAILURES

    async def _refuse(self, body: AppBody, invalid: InvalidSpec) -> Outcome:
        """Say why the declaration is not accepted; what runs is left alone until it is another one."""
        status = build_refusal(
            generation=body.generation,
            refusals=[str(refusal) for refusal in invalid.refusals],
            before=body.status,
            now=self._clock.now(),
        )
        await self._write_status(body, status)
        return DONE

    async def _write_status(self, body: AppBody, status: dict[str, Any]) -> None:
        """Write the status if it says something new, and tell in Events what a person should hear of it."""
        current = self._apps.get(body.key)
        if current is None or (current.uid, current.generation) != (body.uid, body.generation):
            return  # It speaks of a declaration that is over; the queue has the key again already.
        self._meter.conditions(body.key, {item["type"]: item["status"] for item in status["conditions"]})
        patch = merge_patch(current.status, status)
        if not patch:
            return
        try:
            with self._apps.writing(body.key, status):
                answer = await self._api.patch_status(body.key.namespace, body.key.name, patch, None)
        except NotFound:
            self._forget(body)
            return
        self._apps.note_status(body.key, answer)
        ref = _ref(body.key)
        for story in tell(current.status, status):
            await self._events.emit(
                app=ref, uid=body.uid, kind=story.kind, reason=story.reason, message=story.message
            )

    def _look_again(self, situation: Situation) -> Outcome:
        """Events wake us; time alone only matters while pods hang, or until a failed Job is tried again."""
        if situation.problems:
            return REFUSED
        pods = [record for record in situation.family.records if isinstance(record.detail, PodState)]
        attempts = (situation.migration, situation.check)
        waits = [
            seconds_to_next_look(pods, now=self._clock.monotonic()),
            situation.next_step,
            None
            if situation.tries is None
            else handshake.seconds_to_next_look(situation.tries, now=self._clock.monotonic()),
            *(attempt.seconds_to_retry(now=self._clock.now()) for attempt in attempts),
            *(
                seconds_to_telling(trouble, situation, now=self._clock.monotonic())
                for trouble in (find_blind_autoscaler(situation), find_held_autoscaler(situation))
            ),
        ]
        after = min((wait for wait in waits if wait is not None), default=None)
        return DONE if after is None else Outcome(after=after)


def _ref(key: Key) -> Ref:
    return Ref(names.API_VERSION, names.KIND, key.namespace, key.name)
