"""Server-side apply on plain dicts, as far as the operator's own kinds need it: who set which field, and what goes.

A field set has the shape of `fieldsV1`. Lists are merged by key where Kubernetes does so for these kinds, and are one
value otherwise.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import orjson

from tests.support.wire import copied

Fields = dict[str, Any]

LIST_KEYS: dict[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "volumes": ("name",),
    "env": ("name",),
    "volumeMounts": ("mountPath",),
    "imagePullSecrets": ("name",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "ownerReferences": ("uid",),
}
ATOMIC_MAPS = frozenset({"selector", "nodeSelector", "podSelector", "namespaceSelector"})
UNTRACKED = frozenset({"name", "namespace", "uid", "resourceVersion"})


def fields_of(manifest: dict[str, Any]) -> Fields:
    """The field set an apply of `manifest` claims."""
    body = {key: value for key, value in manifest.items() if key not in {"apiVersion", "kind"}}
    metadata = {key: value for key, value in body.pop("metadata", {}).items() if key not in UNTRACKED}
    if metadata:
        body["metadata"] = metadata
    return _fields(body)


def _fields(value: dict[str, Any]) -> Fields:
    return {f"f:{key}": _field(key, part) for key, part in value.items()}


def _field(name: str, value: object) -> Fields:
    if isinstance(value, dict) and name not in ATOMIC_MAPS:
        return _fields(value)
    if isinstance(value, list) and (keys := list_keys(name, value)):
        return {_item_key(item, keys): {".": {}, **_fields(item)} for item in value}
    return {}


def list_keys(name: str, value: list[Any]) -> tuple[str, ...]:
    """The fields that identify an item of a list merged by key; empty for a list that is one value."""
    if name == "ports" and value and isinstance(value[0], dict):
        return ("containerPort", "protocol") if "containerPort" in value[0] else ("port", "protocol")
    return LIST_KEYS.get(name, ())


def _item_key(item: dict[str, Any], keys: tuple[str, ...]) -> str:
    return "k:" + orjson.dumps({key: _key_part(item, key) for key in keys}).decode()


def _key_part(item: dict[str, Any], key: str) -> Any:  # noqa: ANN401 - a name or a number
    return item.get(key, "TCP" if key == "protocol" else None)


@cache
def _identity(name: str) -> dict[str, Any]:
    """The keys and values in the name of an item."""
    identity: dict[str, Any] = orjson.loads(name[2:])
    return identity


def merge(live: dict[str, Any], manifest: dict[str, Any]) -> None:
    """Write every field of `manifest` into `live`."""
    for key, value in manifest.items():
        old = live.get(key)
        if isinstance(value, dict) and isinstance(old, dict) and key not in ATOMIC_MAPS:
            merge(old, value)
        elif isinstance(value, list) and isinstance(old, list) and (keys := list_keys(key, value or old)):
            _merge_list(old, value, keys)
        else:
            live[key] = copied(value)


def _merge_list(live: list[Any], wanted: list[Any], keys: tuple[str, ...]) -> None:
    for item in wanted:
        same = next((old for old in live if _item_key(old, keys) == _item_key(item, keys)), None)
        if same is None:
            live.append(copied(item))
        else:
            merge(same, item)


def minus(fields: Fields, others: Fields) -> Fields:
    """The fields that `others` do not name."""
    left: Fields = {}
    for name, inner in fields.items():
        if name not in others:
            left[name] = inner
        elif inner and (rest := minus(inner, others[name])):
            left[name] = rest
    return left


def remove(live: dict[str, Any], fields: Fields) -> None:
    """Take `fields` out of `live`, and what is empty without them."""
    for name, inner in fields.items():
        key = name[2:]
        part = live.get(key)
        if not inner:
            live.pop(key, None)
        elif isinstance(part, dict):
            remove(part, inner)
        elif isinstance(part, list):
            keys = list_keys(key, part)
            part[:] = [item for item in part if not _is_removed(item, keys, inner)]
        if part in ({}, []):
            live.pop(key, None)


def _is_removed(item: dict[str, Any], keys: tuple[str, ...], fields: Fields) -> bool:
    given_up = fields.get(_item_key(item, keys), {})
    if "." in given_up:
        return True
    remove(item, given_up)
    return False


def gained(fields: Fields, before: dict[str, Any], after: dict[str, Any]) -> Fields:
    """The field set of somebody who had `fields` and turned `before` into `after`."""
    return _gained(fields, _body(before), _body(after))


def _body(obj: dict[str, Any]) -> dict[str, Any]:
    body = {key: value for key, value in obj.items() if key not in {"apiVersion", "kind", "status"}}
    metadata = body.pop("metadata", {})
    body["metadata"] = {key: metadata[key] for key in ("labels", "annotations") if key in metadata}
    return body


def _gained(fields: Fields, before: dict[str, Any], after: dict[str, Any]) -> Fields:
    result = dict(fields)
    for key, value in after.items():
        name, old = f"f:{key}", before.get(key)
        if value == old:
            continue
        if isinstance(value, dict) and isinstance(old, dict) and key not in ATOMIC_MAPS:
            result[name] = _gained(result.get(name, {}), old, value)
        elif isinstance(value, list) and isinstance(old, list) and (keys := list_keys(key, value or old)):
            result[name] = _gained_items(result.get(name, {}), old, value, keys)
        else:
            result[name] = _field(key, value)
    return {name: inner for name, inner in result.items() if inner or name in fields or name[2:] in after}


def _gained_items(fields: Fields, before: list[Any], after: list[Any], keys: tuple[str, ...]) -> Fields:
    result = dict(fields)
    known = {_item_key(item, keys): item for item in before}
    for item in after:
        name = _item_key(item, keys)
        if name not in known:
            result[name] = {".": {}, **_fields(item)}
        elif known[name] != item:
            result[name] = _gained(result.get(name, {}), known[name], item)
    return result


def lose(fields: Fields, before: object, after: object) -> Fields:
    """What is left of a field set when somebody else turns `before` into `after`."""
    left: Fields = {}
    for name, inner in fields.items():
        if name == ".":
            left[name] = inner
            continue
        old, new = _part(name, before), _part(name, after)
        if new is _ABSENT:
            continue
        if old == new:
            left[name] = inner
        elif inner and (rest := lose(inner, old, new)):
            left[name] = rest
    return left


_ABSENT = object()


def _part(name: str, value: object) -> object:
    if name.startswith("f:"):
        return value.get(name[2:], _ABSENT) if isinstance(value, dict) else _ABSENT
    if isinstance(value, list):
        wanted = _identity(name).items()
        found = (item for item in value if all(_key_part(item, key) == part for key, part in wanted))
        return next(found, _ABSENT)
    return _ABSENT
