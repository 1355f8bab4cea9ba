"""The book of managers in an object's metadata: who applied or changed which field, as the API server keeps it.

A field belongs to everybody who applied it with the value it has. Whoever changes a value takes it from all others; an
apply without force is refused instead. A field goes when its last owner, by an apply, does not name it any more.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from realtimeapp_operator.kube.errors import Conflict
from tests.support.fake_apply import Fields, fields_of, gained, lose, merge, minus, remove
from tests.support.wire import copied

Object = dict[str, Any]

SOMEBODY = "somebody"
"""Who changes what the test does not say who changes it."""


class Manager(NamedTuple):
    """One line of the book."""

    name: str
    operation: Literal["Apply", "Update"]


Book = dict[Manager, Fields]


def read(obj: Object) -> Book:
    """The book of an object."""
    return {
        Manager(entry["manager"], entry["operation"]): entry["fieldsV1"]
        for entry in obj["metadata"].get("managedFields") or ()
    }


def write(obj: Object, entries: Book) -> None:
    """Put the book into an object."""
    lines = [
        {"manager": who.name, "operation": who.operation, "fieldsType": "FieldsV1", "fieldsV1": fields}
        for who, fields in sorted(entries.items())
        if fields
    ]
    if lines:
        obj["metadata"]["managedFields"] = lines
    else:
        obj["metadata"].pop("managedFields", None)


def apply(obj: Object, manifest: Object, *, manager: str, force: bool) -> None:
    """Apply `manifest` to `obj` in place."""
    who, claimed = Manager(manager, "Apply"), fields_of(manifest)
    entries = read(obj)
    before = copied(obj)
    old = entries.pop(who, {})
    given_up = minus(old, claimed)
    for fields in entries.values():
        given_up = minus(given_up, fields)
    remove(obj, given_up)
    merge(obj, manifest)
    left = {other: lose(fields, before, obj) for other, fields in entries.items()}
    if not force and left != entries:
        obj.clear()
        obj.update(before)
        raise Conflict(
            status=409,
            reason="Conflict",
            message="Apply failed with 1 conflict",
            details={"causes": [{"reason": "FieldManagerConflict"}]},
        )
    write(obj, {who: claimed, **left})


def update(before: Object, after: Object, *, manager: str) -> None:
    """Note in `after` that `manager` made it of `before`, in any way but an apply."""
    who, entries = Manager(manager, "Update"), read(before)
    left = {other: lose(fields, before, after) for other, fields in entries.items()}
    write(after, {**left, who: gained(left.get(who, {}), before, after)})
