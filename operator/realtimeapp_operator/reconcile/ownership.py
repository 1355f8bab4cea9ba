"""Which fields of an object are the operator's, as the API server keeps book of it.

Server-side apply records per manager the fields it set. Whoever changes one of them with another value takes it out of
our entry, in whatever way he wrote; so an entry that still names every field of the manifest means that nobody touched
it. This finds drift of any kind, also of kinds without `metadata.generation` and of changes made while no operator
ran, without keeping bodies and without knowing a schema. It decides nothing.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakValueDictionary

import orjson

from realtimeapp_operator import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

UNTRACKED: Final = frozenset({"name", "namespace", "uid", "resourceVersion", "ownerReferences"})
"""Metadata outside the comparison: the address, the guards of a write, and the owner, which is compared by uid."""

REMEMBERED: Final = 1024
"""Manifests a shape remembers to cover; looking is the most costly part of a reconcile that finds nothing to do."""


class OwnedFields:
    """The operator's entry of one shape; objects of the same shape share one instance."""

    __slots__ = ("__weakref__", "_covered", "_tree")

    def __init__(self, tree: Mapping[str, Any]) -> None:
        self._tree = tree
        self._covered: set[str] = set()

    def cover(self, manifest: Mapping[str, Any], *, digest: str) -> bool:
        """Whether every field of `manifest` is still ours; `digest` identifies the manifest."""
        if digest in self._covered:
            return True
        covered = self._cover(manifest)
        if covered:
            if len(self._covered) >= REMEMBERED:
                self._covered.clear()
            self._covered.add(digest)
        return covered

    def name(self, *path: str) -> bool:
        """Whether the field at `path`, through maps only, is still ours."""
        tree: Mapping[str, Any] | None = self._tree
        for part in path:
            tree = tree.get(f"f:{part}") if tree is not None else None
        return tree is not None

    def _cover(self, manifest: Mapping[str, Any]) -> bool:
        for key, value in manifest.items():
            if key in {"apiVersion", "kind"}:
                continue
            wanted = value
            if key == "metadata":
                wanted = {name: part for name, part in value.items() if name not in UNTRACKED}
                if not wanted:
                    continue
            fields = self._tree.get(f"f:{key}")
            if fields is None or not _cover(fields, wanted):
                return False
        return True


NOTHING: Final = OwnedFields({})

_shapes: WeakValueDictionary[bytes, OwnedFields] = WeakValueDictionary()


def owned_fields(metadata: Mapping[str, Any]) -> OwnedFields:
    """Read the operator's entry out of an object's metadata."""
    for entry in metadata.get("managedFields") or ():
        if entry.get("manager") == names.FIELD_MANAGER and entry.get("operation") == "Apply":
            return _shape(entry.get("fieldsV1") or {})
    return NOTHING


def _shape(tree: dict[str, Any]) -> OwnedFields:
    # The owner's uid would make every entry differ; without it applications of the same shape share one.
    inner = tree.get("f:metadata")
    if inner is not None and "f:ownerReferences" in inner:
        rest = {key: value for key, value in inner.items() if key != "f:ownerReferences"}
        tree = tree | {"f:metadata": rest}
    text = orjson.dumps(tree)
    shape = _shapes.get(text)
    if shape is None:
        shape = OwnedFields(tree)
        _shapes[text] = shape
    return shape


def _cover(fields: Mapping[str, Any], value: object) -> bool:
    if not fields:
        return True  # A leaf: a scalar, or a map or list the server treats as one value.
    if isinstance(value, dict):
        for key, part in value.items():
            inner = fields.get(f"f:{key}")
            if inner is None or not _cover(inner, part):
                return False
        return True
    if isinstance(value, list):
        return all(_cover_item(fields, item) for item in value)
    return True


def _cover_item(fields: Mapping[str, Any], item: object) -> bool:
    if not isinstance(item, dict):
        return f"v:{orjson.dumps(item).decode()}" in fields
    return any(_cover(inner, item) for inner in _matching(fields, item))


def _matching(fields: Mapping[str, Any], item: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """Entries whose keys are those of `item`; a key the manifest leaves out has the server's default."""
    for name, inner in fields.items():
        if name.startswith("k:") and all(item.get(key, wanted) == wanted for key, wanted in _keys(name)):
            yield inner


@lru_cache(maxsize=REMEMBERED)
def _keys(name: str) -> tuple[tuple[str, Any], ...]:
    """Read an entry's name such as `k:{"containerPort":80,"protocol":"TCP"}`; every container has the same few."""
    return tuple(orjson.loads(name[2:]).items())
