"""Carries out a plan: concurrently what is independent, in order what is not.

Takes over nothing: a name in somebody else's hands comes back as a problem, however late it got there. Stops before the
workloads when anything their pods use could not be written: then pods may go, but none starts.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any

from realtimeapp_operator import names
from realtimeapp_operator.api.reasons import Reason
from realtimeapp_operator.kube.errors import AlreadyExists, ApiError, Conflict, Invalid
from realtimeapp_operator.kube.kinds import Ref
from realtimeapp_operator.reconcile.plan import WORKLOADS, guarded
from realtimeapp_operator.reconcile.problems import name_conflict, problem_of, write_failed
from realtimeapp_operator.reconcile.records import address_of
from realtimeapp_operator.reconcile.rollback import take_over
from realtimeapp_operator.render.secrets import fill

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Mapping

    from realtimeapp_operator.reconcile.observed import Observed
    from realtimeapp_operator.reconcile.plan import Plan
    from realtimeapp_operator.reconcile.ports import Api, Key
    from realtimeapp_operator.reconcile.problems import Problem
    from realtimeapp_operator.reconcile.records import Record
    from realtimeapp_operator.render.facts import Manifest

TOKEN_BYTES = 32


class Writer:
    """Writes children of the application at `app` with uid `owner`; answers go into `observed`."""

    def __init__(self, *, api: Api, observed: Observed, app: Key, owner: str) -> None:
        self._api = api
        self._observed = observed
        self._app = app
        self._owner = owner
        self.failure: ApiError | None = None
        """The first failure that trying again may mend."""

    async def carry_out(self, plan: Plan) -> tuple[Problem, ...]:
        """Write what `plan` says; return what stands in the way, first what a person has to solve."""
        if plan.leaving:
            ref = _ref(plan.leaving[0])
            return (self._fail(self._leaving(ref.name), ref),)
        problems = await self._write(plan)
        return tuple(sorted(problems, key=lambda found: found.reason is Reason.WRITE_FAILED))

    async def _write(self, plan: Plan) -> tuple[Problem, ...]:
        problems = tuple(name_conflict(Ref.of(item)) for item in plan.conflicts)
        problems += await self._delete_all(plan.retire)
        inputs = [item for item in plan.apply if item["kind"] not in WORKLOADS | names.AUTOSCALERS]
        found = await _together(
            [
                *(self._attempt(self._create(item), Ref.of(item)) for item in plan.create),
                *(self._attempt(self._apply(item), Ref.of(item)) for item in inputs),
            ]
        )
        if found or any(item["kind"] not in WORKLOADS | names.AUTOSCALERS for item in plan.conflicts):
            return problems + found + await self._count_all(plan.lower)
        found = await self._count_all(plan.counts) + await _together(
            self._attempt(self._reclaim(record), _ref(record)) for record in plan.reclaim
        )
        if found:
            return problems + found
        found = await self._apply_all(item for item in plan.apply if item["kind"] in WORKLOADS)
        if not found:
            found = await self._delete_all(plan.delete)
        # After the deletion of one of the other engine: two on one workload are refused, or both stand still.
        autoscalers = (item for item in plan.apply if item["kind"] in names.AUTOSCALERS)
        return problems + found + await self._apply_all(autoscalers)

    async def _delete_all(self, records: Iterable[Record]) -> tuple[Problem, ...]:
        return await _together(self._attempt(self._delete(record), _ref(record)) for record in records)

    async def _count_all(self, counts: Iterable[Manifest]) -> tuple[Problem, ...]:
        return await _together(self._attempt(self._count(item), Ref.of(item)) for item in counts)

    async def _apply_all(self, manifests: Iterable[Manifest]) -> tuple[Problem, ...]:
        return await _together(self._attempt(self._apply(item), Ref.of(item)) for item in manifests)

    async def _attempt(self, write: Awaitable[Problem | None], ref: Ref) -> Problem | None:
        """Keep one failing write from hiding what the others met."""
        try:
            return await write
        except ApiError as error:
            return self._fail(error, ref)

    def _fail(self, error: ApiError, ref: Ref) -> Problem:
        self.failure = self.failure or error
        return write_failed(error, ref)

    async def _create(self, manifest: Manifest) -> Problem | None:
        """Create a Secret with generated content, once; one that is there already is kept."""
        ref = Ref.of(manifest)
        try:
            await self._api.create(fill(manifest, lambda: secrets.token_urlsafe(TOKEN_BYTES)))
        except AlreadyExists:
            found = await self._api.get_metadata(ref)
            return self._judge(found, ref)
        except ApiError as error:
            return problem_of(error, ref)
        return None

    async def _count(self, manifest: Manifest) -> Problem | None:
        """Apply a number of replicas alone; a Conflict says that the Deployment is not what it was read as."""
        try:
            await self._send(manifest, manager=names.MANAGER_COUNT)
        except (Conflict, Invalid) as error:
            raise Conflict(status=409, message=error.message) from error
        return None

    async def _reclaim(self, record: Record) -> Problem | None:
        """Become the owner of what an undo brought back, so that the next apply can take it away."""
        ref = _ref(record)
        found = await self._api.get_metadata(ref)
        if found is None or found["metadata"].get("uid") != record.uid:
            raise Conflict(status=409, message=f"{ref} is gone")
        changes = {
            "resourceVersion": found["metadata"]["resourceVersion"],
            "managedFields": take_over(found["metadata"].get("managedFields") or ()),
        }
        address = record.address
        self._observed.expect(self._app, address)
        try:
            answer = await self._api.patch(ref, {"metadata": changes})
        except BaseException:
            self._observed.give_up(self._app, address)
            raise
        self._observed.note(self._app, answer)
        return None

    async def _apply(self, manifest: Manifest) -> Problem | None:
        try:
            await self._send(manifest)
        except Conflict:
            return await self._apply_to_other(manifest)
        except Invalid as error:
            if _is_about_uid(error):
                return await self._apply_to_other(manifest)
            return problem_of(error, Ref.of(manifest))
        except ApiError as error:
            return problem_of(error, Ref.of(manifest))
        return None

    async def _send(self, manifest: Manifest, *, manager: str = names.FIELD_MANAGER) -> None:
        address = address_of(manifest)
        self._observed.expect(self._app, address)
        try:
            answer = await self._api.apply(manifest, manager=manager)
        except BaseException:
            self._observed.give_up(self._app, address)
            raise
        self._observed.note(self._app, answer)

    async def _apply_to_other(self, manifest: Manifest) -> Problem | None:
        """The guard held: what is there is not what we thought. Ours (its label was taken off), gone, or foreign."""
        ref = Ref.of(manifest)
        self._observed.forget(address_of(manifest))
        found = await self._api.get_metadata(ref)
        if (problem := self._judge(found, ref)) is not None:
            return problem
        bare = {
            **manifest,
            "metadata": {
                key: value
                for key, value in manifest["metadata"].items()
                if key not in {"uid", "resourceVersion"}
            },
        }
        uid = found["metadata"]["uid"] if found is not None else None
        try:
            await self._send(guarded(bare, uid=uid))
        except Conflict:
            raise  # It changed hands once more; the queue comes back to it.
        except ApiError as error:
            return problem_of(error, ref)
        return None

    async def _delete(self, record: Record) -> Problem | None:
        ref = _ref(record)
        self._observed.note_deletion(record)
        try:
            await self._api.delete(ref, uid=record.uid)
        except Conflict:
            self._observed.forget(
                record.address
            )  # Another object has the name by now; it is not ours to delete.
        except ApiError as error:
            self._observed.forget_deletion(record)
            return problem_of(error, ref)
        return None

    def _judge(self, found: Mapping[str, Any] | None, ref: Ref) -> Problem | None:
        """Return the problem with an object that has a wanted name, None when it is ours or there is none."""
        if found is None:
            return None
        for owner in found["metadata"].get("ownerReferences") or ():
            if owner.get("controller") and owner.get("uid") == self._owner:
                return None
            if owner.get("controller") and (owner.get("kind"), owner["name"]) == (names.KIND, self._app.name):
                raise self._leaving(ref.name)
        return name_conflict(ref)

    def _leaving(self, name: str) -> Conflict:
        """Return the error of a child whose application was deleted and declared again under the same name."""
        return Conflict(status=409, message=f"{name} of the deleted {self._app} is still being removed")


async def _together(writes: Iterable[Awaitable[Problem | None]]) -> tuple[Problem, ...]:
    """Wait for all writes; raise the first unexpected failure only after the others have ended."""
    results = await asyncio.gather(*writes, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return tuple(result for result in results if result is not None and not isinstance(result, BaseException))


def _ref(record: Record) -> Ref:
    address = record.address
    return Ref(record.api_version, address.kind, address.namespace, address.name)


def _is_about_uid(error: Invalid) -> bool:
    return any(cause.get("field") == "metadata.uid" for cause in error.details.get("causes") or ())
