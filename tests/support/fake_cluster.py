"""An API server in memory: what the operator writes, and what others do to it, without a network or a clock.

Server-side apply, guards, watches with a label selector, status patches and garbage collection behave as on a real API
server; `tests/api/test_fake_*_like_real.py` run the same scenarios against both. Controllers do not exist: a test says
what they would have written.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

from realtimeapp_operator import names
from realtimeapp_operator.kube.errors import AlreadyExists, ApiError, Conflict, Invalid, NotFound
from realtimeapp_operator.kube.kinds import Ref
from tests.support import fake_book as book
from tests.support.fake_apply import fields_of, merge
from tests.support.wire import copied

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from realtimeapp_operator.reconcile.ports import Key

Object = dict[str, Any]

WITHOUT_GENERATION = frozenset({"ConfigMap", "Secret", "Service", "ServiceAccount", "Pod", "IngressClass"})
STARTS_AT = 100


class Killed(BaseException):
    """The operator's process ended: the write happened, its answer was never read."""


class Request(NamedTuple):
    """One line of the request log."""

    verb: str
    kind: str
    name: str


class FakeCluster:
    """Implements reconcile.ports.Api; the rest is for tests."""

    def __init__(self) -> None:
        self.objects: dict[Ref, Object] = {}
        self.log: list[Request] = []
        self.events: list[tuple[str, Object]] = []
        self.refuse: Callable[[str, Ref], ApiError | None] = lambda _verb, _ref: None
        self.before: Callable[[str, Ref], None] = lambda _verb, _ref: None
        """Called before each request takes effect: somebody else may be quicker."""
        self.after: Callable[[], None] = lambda: None
        """Called when a write took effect, before its answer: the watch may be quicker."""
        self.writes_until_death: int | None = None
        self._versions = itertools.count(STARTS_AT)
        self._uids = itertools.count(1)

    # What the operator calls.

    async def apply(
        self, manifest: Mapping[str, Any], *, manager: str = names.FIELD_MANAGER, force: bool = True
    ) -> Object:
        """Server-side apply by a field manager of the operator."""
        ref = self._begin("apply", Ref.of(manifest))
        wanted = copied(dict(manifest))
        guard_version = wanted["metadata"].pop("resourceVersion", None)
        guard_uid = wanted["metadata"].pop("uid", None)
        live = self.objects.get(ref)
        if live is None:
            if guard_uid is not None:
                raise Conflict(status=409, reason="Conflict", message=f"uid mismatch: {ref} does not exist")
            live = {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": {}}
            merge(live, wanted)
            book.write(live, {book.Manager(manager, "Apply"): fields_of(wanted)})
            return self._end(self._insert(live))
        if guard_version is not None and guard_version != live["metadata"]["resourceVersion"]:
            raise Conflict(status=409, reason="Conflict", message="the object has been modified")
        if guard_uid is not None and guard_uid != live["metadata"]["uid"]:
            raise Invalid(
                status=422,
                reason="Invalid",
                message="metadata.uid: field is immutable",
                details={"causes": [{"field": "metadata.uid"}]},
            )
        new = copied(live)
        book.apply(new, wanted, manager=manager, force=force)
        return self._end(self._replace(ref, new))

    async def create(self, manifest: Mapping[str, Any]) -> Object:
        """POST."""
        ref = self._begin("create", Ref.of(manifest))
        if ref in self.objects:
            raise AlreadyExists(status=409, reason="AlreadyExists", message=f"{ref} already exists")
        return self._end(self._insert(copied(dict(manifest))))

    async def patch(self, ref: Ref, changes: Mapping[str, Any]) -> Object:
        """JSON merge patch of metadata, as far as the operator patches any: the book of managers."""
        live = self.objects[self._begin("patch", ref)]
        if changes["metadata"].get("resourceVersion") != live["metadata"]["resourceVersion"]:
            raise Conflict(status=409, reason="Conflict", message="the object has been modified")
        new = copied(live)
        new["metadata"]["managedFields"] = copied(changes["metadata"]["managedFields"])
        return self._end(self._replace(ref, new))

    async def get_metadata(self, ref: Ref) -> Object | None:
        """GET as PartialObjectMetadata."""
        self._begin("get", ref)
        live = self.objects.get(ref)
        return None if live is None else {"metadata": copied(live["metadata"])}

    async def delete(self, ref: Ref, *, uid: str | None, propagation: str = "Background") -> bool:
        """DELETE with a precondition."""
        if propagation != "Background":
            raise NotImplementedError(propagation)
        self._begin("delete", ref)
        live = self.objects.get(ref)
        if live is None:
            return False
        if uid is not None and live["metadata"]["uid"] != uid:
            raise Conflict(status=409, reason="Conflict", message="Precondition failed: UID in precondition")
        self._drop(ref)
        self._end({})
        return True

    async def patch_status(
        self, namespace: str, name: str, status: Mapping[str, Any], resource_version: str | None
    ) -> Object:
        """JSON merge patch of a RealtimeApp's status."""
        ref = self._begin("patch", Ref(names.API_VERSION, names.KIND, namespace, name))
        live = self.objects.get(ref)
        if live is None:
            raise NotFound(status=404, reason="NotFound", message=f"{ref} not found")
        if resource_version is not None and resource_version != live["metadata"]["resourceVersion"]:
            raise Conflict(status=409, reason="Conflict", message="the object has been modified")
        new = copied(live)
        new["status"] = _merge_patch(new.get("status") or {}, status)
        return self._end(self._replace(ref, new))

    # What others do.

    def put(self, obj: Object) -> Object:
        """Somebody creates an object, or replaces its spec and metadata."""
        ref = Ref.of(obj)
        if ref not in self.objects:
            return self._insert(copied(obj))
        return self.edit(ref, lambda live: live.update({key: obj[key] for key in obj if key != "metadata"}))

    def edit(self, ref: Ref, change: Callable[[Object], object], *, manager: str = book.SOMEBODY) -> Object:
        """Somebody changes an object in place: `change` mutates a copy; what he changes is his from then on."""
        live = self.objects[ref]
        new = copied(live)
        change(new)
        book.update(live, new, manager=manager)
        return self._replace(ref, new)

    def set_status(self, ref: Ref, status: Mapping[str, Any]) -> Object:
        """A controller writes a status (merged over the one before)."""
        return self.edit(ref, lambda live: live.setdefault("status", {}).update(copied(dict(status))))

    def remove(self, ref: Ref) -> None:
        """Somebody deletes an object; the garbage collector has not run yet."""
        self._drop(ref)

    def collect(self) -> None:
        """Run the garbage collector: what has a controller that does not exist goes, and what that owned."""
        while True:
            living = {obj["metadata"]["uid"] for obj in self.objects.values()}
            orphans = [
                ref
                for ref, obj in self.objects.items()
                if any(owner["uid"] not in living for owner in obj["metadata"].get("ownerReferences") or ())
            ]
            if not orphans:
                return
            for ref in orphans:
                self._drop(ref)

    # What a test asks.

    def get(self, kind: str, name: str) -> Object | None:
        """The object of that kind and name, in any namespace."""
        found = (obj for ref, obj in self.objects.items() if (ref.kind, ref.name) == (kind, name))
        return next(found, None)

    def ref(self, kind: str, name: str) -> Ref:
        """The address of an object that exists."""
        return next(ref for ref in self.objects if (ref.kind, ref.name) == (kind, name))

    def children(self, key: Key) -> list[Object]:
        """Everything in the namespace of `key` but the RealtimeApp itself."""
        return [
            obj
            for ref, obj in self.objects.items()
            if ref.namespace == key.namespace and ref.kind != names.KIND
        ]

    def writes(self) -> list[Request]:
        """The log without reads."""
        return [request for request in self.log if request.verb != "get"]

    def take_events(self) -> list[tuple[str, Object]]:
        """Watch events since the last call, as an informer with the managed-by selector sees them."""
        events, self.events = self.events, []
        return events

    # Inside.

    def _begin(self, verb: str, ref: Ref) -> Ref:
        if self.writes_until_death is not None and self.writes_until_death <= 0:
            raise Killed
        self.log.append(Request(verb, ref.kind, ref.name))
        self.before(verb, ref)
        if (error := self.refuse(verb, ref)) is not None:
            raise error
        return ref

    def _end(self, obj: Object) -> Object:
        if self.writes_until_death is not None:
            self.writes_until_death -= 1
            if self.writes_until_death <= 0:
                raise Killed
        answer = copied(obj)
        self.after()
        return answer

    def _insert(self, obj: Object) -> Object:
        _default(obj)
        metadata = obj["metadata"]
        metadata["uid"] = f"uid-{next(self._uids)}"
        metadata["resourceVersion"] = str(next(self._versions))
        if obj["kind"] not in WITHOUT_GENERATION:
            metadata["generation"] = 1
        self.objects[Ref.of(obj)] = obj
        self._emit("ADDED", obj)
        return obj

    def _replace(self, ref: Ref, new: Object) -> Object:
        _default(new)
        old = self.objects[ref]
        if _without_times(old) == _without_times(new):
            return old
        if new["kind"] not in WITHOUT_GENERATION and _intent(new) != _intent(old):
            new["metadata"]["generation"] = old["metadata"]["generation"] + 1
        new["metadata"]["resourceVersion"] = str(next(self._versions))
        self.objects[ref] = new
        if _is_watched(new):
            self._emit("MODIFIED" if _is_watched(old) else "ADDED", new)
        elif _is_watched(old):
            self._emit("DELETED", old)
        return new

    def _drop(self, ref: Ref) -> None:
        self._emit("DELETED", self.objects.pop(ref))

    def _emit(self, event: str, obj: Object) -> None:
        if _is_watched(obj):
            self.events.append((event, copied(obj)))


def _intent(obj: Object) -> tuple[Any, Any]:
    """What moves the generation: the spec, and of a Deployment also the annotations."""
    return obj.get("spec"), obj["metadata"].get("annotations") if obj["kind"] == "Deployment" else None


def _is_watched(obj: Object) -> bool:
    if obj["kind"] in {names.KIND, "IngressClass"}:
        return True
    labels = obj["metadata"].get("labels") or {}
    return obj["kind"] != "Secret" and labels.get(names.LABEL_MANAGED_BY) == names.MANAGED_BY


def _default(obj: Object) -> None:
    """What the server fills in where nobody says anything, as far as the operator relies on it."""
    if obj["kind"] == "Deployment":
        obj["spec"].setdefault("replicas", 1)


def _without_times(obj: Object) -> Object:
    metadata = {key: value for key, value in obj["metadata"].items() if key != "resourceVersion"}
    return {**obj, "metadata": metadata}


def _merge_patch(old: Mapping[str, Any], patch: Mapping[str, Any]) -> Object:
    new = dict(old)
    for key, value in patch.items():
        if value is None:
            new.pop(key, None)
        elif isinstance(value, dict):
            before = new.get(key)
            new[key] = _merge_patch(before if isinstance(before, dict) else {}, value)
        else:
            new[key] = copied(value)
    return new
