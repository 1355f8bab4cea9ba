"""The children as last seen: from the watches, and from the answers to the operator's own writes.

Answers "what exists for this application" without a request, and tells which applications an event concerns; an event
that changes nothing the operator looks at concerns none. Never goes back to an older version of the same object.
"""

from __future__ import annotations

import dataclasses
import math
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

from realtimeapp_operator.reconcile.echoes import Echoes
from realtimeapp_operator.reconcile.pod_state import PodState
from realtimeapp_operator.reconcile.records import (
    Address,
    IngressState,
    Record,
    address_of,
    applied,
    is_unschedulable,
    read,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from realtimeapp_operator.reconcile.ports import Clock, Key

TOMBSTONES: Final = 1024
"""Uids remembered after a deletion, so that a late answer to a write does not bring a child back."""


class Observed:
    """Records of all children, by address and by application.

    `announce` is called with an application whose event was held back during a write and was more than its echo.
    """

    def __init__(self, *, clock: Clock, announce: Callable[[Key], None]) -> None:
        self._clock = clock
        self._echoes = Echoes(announce=announce)
        self._records: dict[Address, Record] = {}
        self._families: dict[Key, dict[Address, Record]] = {}
        self._gone: OrderedDict[str, None] = OrderedDict()
        self._classes: dict[str, str] = {}
        self._bereaved: set[Key] = set()

    def observe(self, event_type: str | None, obj: Mapping[str, Any]) -> tuple[Key, ...]:
        """Take in one watch event (ADDED, MODIFIED, DELETED, or None for a listed object); return whom it concerns."""
        if obj["kind"] == "IngressClass":
            return self._observe_class(event_type, obj)
        if event_type == "DELETED":
            return self._remove(obj)
        concerned = self._put(obj, listed=event_type is None)
        address, version = address_of(obj), obj["metadata"].get("resourceVersion", "")
        return tuple(key for key in concerned if not self._echoes.hold_back(key, address, version))

    def expect(self, app: Key, address: Address) -> None:
        """Note that `app` begins to write a child; `note` or `give_up` has to follow."""
        self._echoes.expect(app, address)

    def note(self, app: Key, obj: Mapping[str, Any]) -> None:
        """Take in the answer to one of our own writes."""
        self._put(obj)
        known = self._records.get(address_of(obj))
        if known is not None:
            self._store(applied(known, obj))
        self._echoes.settle(app, address_of(obj), obj["metadata"].get("resourceVersion", ""))

    def give_up(self, app: Key, address: Address) -> None:
        """Note that a write has failed, or nobody knows."""
        self._echoes.settle(app, address, None)

    def note_deletion(self, record: Record) -> None:
        """Remember that we asked for the deletion of a child, until the watch says it is gone."""
        if self._records.get(record.address) == record:
            self._store(dataclasses.replace(record, deleting=True))

    def forget_deletion(self, record: Record) -> None:
        """Take `note_deletion` back: the request failed."""
        marked = self._records.get(record.address)
        if marked is not None and marked.uid == record.uid:
            self._store(record)

    def has_loss(self, key: Key) -> bool:
        """Whether a child of the application went away, not by our hand, since `settle_loss`."""
        return key in self._bereaved

    def settle_loss(self, key: Key) -> None:
        """Note that somebody has looked into it."""
        self._bereaved.discard(key)

    def forget(self, address: Address) -> None:
        """Drop a record that a write has proven wrong."""
        record = self._records.pop(address, None)
        if record is not None:
            self._leave_family(record)

    def get(self, address: Address) -> Record | None:
        """Return what is known of one object that carries our label, whoever owns it."""
        return self._records.get(address)

    def family(self, key: Key) -> Family:
        """Return the children and pods of an application as they are now."""
        return Family(tuple(self._families.get(key, {}).values()))

    def controller_of(self, class_name: str) -> str | None:
        """Return the controller of an IngressClass; None when there is no such class."""
        return self._classes.get(class_name)

    def _put(self, obj: Mapping[str, Any], *, listed: bool = False) -> tuple[Key, ...]:
        metadata = obj["metadata"]
        if metadata.get("uid") in self._gone:
            return ()
        known = self._records.get(address_of(obj))
        version = metadata.get("resourceVersion", "")
        if known is not None and known.uid == metadata.get("uid") and not is_newer(version, known.version):
            return ()
        record = read(obj, since=self._clock.monotonic(), known=known)
        if is_unschedulable(record) and (listed or (known is not None and is_unschedulable(known))):
            # The scheduler's words change with every node; what counts is how long none takes the pod.
            record = dataclasses.replace(record, since=known.since if known is not None else -math.inf)
        if known == record:
            record = dataclasses.replace(record, since=known.since)
            self._store(record)
            return ()
        if known is not None:
            self._leave_family(known)
        self._store(record)
        return _keys(known, record)

    def _remove(self, obj: Mapping[str, Any]) -> tuple[Key, ...]:
        uid = obj["metadata"].get("uid", "")
        self._gone[uid] = None
        if len(self._gone) > TOMBSTONES:
            self._gone.popitem(last=False)
        known = self._records.get(address_of(obj))
        if known is None or known.uid != uid:
            return ()
        self.forget(known.address)
        if known.app is not None and not known.deleting and known.former:
            self._bereaved.add(known.app)
        return _keys(known)

    def _observe_class(self, event_type: str | None, obj: Mapping[str, Any]) -> tuple[Key, ...]:
        name = obj["metadata"]["name"]
        before = self._classes.get(name)
        if event_type == "DELETED":
            self._classes.pop(name, None)
        else:
            self._classes[name] = (obj.get("spec") or {}).get("controller") or ""
        if self._classes.get(name) == before:
            return ()
        users = (
            record
            for record in self._records.values()
            if isinstance(record.detail, IngressState) and record.detail.class_name == name
        )
        return _keys(*users)

    def _store(self, record: Record) -> None:
        self._records[record.address] = record
        if record.app is not None:
            self._families.setdefault(record.app, {})[record.address] = record

    def _leave_family(self, record: Record) -> None:
        if record.app is None:
            return
        family = self._families.get(record.app)
        if family is not None:
            family.pop(record.address, None)
            if not family:
                del self._families[record.app]


class Family:
    """The records of one application at one moment."""

    def __init__(self, records: tuple[Record, ...]) -> None:
        self.records = records
        self._by_name = {(record.address.kind, record.address.name): record for record in records}

    def get(self, kind: str, name: str, *, owner: str) -> Record | None:
        """Return the child of that kind and name if `owner` (the application's uid) controls it."""
        record = self._by_name.get((kind, name))
        return record if record is not None and record.owner_uid == owner else None

    def owned(self, owner: str) -> Iterator[Record]:
        """Yield the children controlled by `owner`; pods are controlled by others."""
        return (record for record in self.records if record.owner_uid == owner)

    def pods(self, component: str, worker: str = "") -> tuple[Record, ...]:
        """Return the pods of a component, in the order of their names."""
        found = (
            record
            for record in self.records
            if isinstance(record.detail, PodState)
            and record.detail.component == component
            and record.detail.worker == worker
        )
        return tuple(sorted(found, key=lambda record: record.address.name))


def is_newer(version: str, known: str) -> bool:
    """Whether `version` of an object is later than `known`.

    Kubernetes promises since 1.35 (KEP-5504) what held before: within one resource versions are decimal numbers that
    grow. Something else than a number counts as newer when it differs, which at worst costs one look too many.
    """
    if version.isdecimal() and known.isdecimal():
        return int(version) > int(known)
    return version != known


def _keys(*records: Record | None) -> tuple[Key, ...]:
    return tuple({record.app: None for record in records if record is not None and record.app is not None})
