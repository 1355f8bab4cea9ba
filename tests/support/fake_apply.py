"""Server-side apply on plain dicts, as far as the operator's own kinds need it: who set which field, and what goes.

A field set has the shape of `fieldsV1`. Lists are merged by key where Kubernetes does so for these kinds, and are one
value otherwise. One manager applies; everybody else's writes only take fields away from it.
"""

from __future__ import annotations

import copy
import json
from typing import Any

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
    identity = {key: item.get(key, "TCP" if key == "protocol" else None) for key in keys}
    return "k:" + json.dumps(identity, separators=(",", ":"))


def merge(live: dict[str, Any], manifest: dict[str, Any]) -> None:
    """Write every field of `manifest` into `live`."""
    for key, value in manifest.items():
        old = live.get(key)
        if isinstance(value, dict) and isinstance(old, dict) and key not in ATOMIC_MAPS:
            merge(old, value)
        elif isinstance(value, list) and isinstance(old, list) and (keys := list_keys(key, value or old)):
            _merge_list(old, value, keys)
        else:
            live[key] = copy.deepcopy(value)


def _merge_list(live: list[Any], wanted: list[Any], keys: tuple[str, ...]) -> None:
    for item in wanted:
        same = next((old for old in live if _item_key(old, keys) == _item_key(item, keys)), None)
        if same is None:
            live.append(copy.deepcopy(item))
        else:
            merge(same, item)


def remove(live: dict[str, Any], old: Fields, new: Fields) -> None:
    """Take fields out of `live` that `old` claims and `new` does not any more."""
    for name, inner in old.items():
        if not name.startswith("f:"):
            continue
        key = name[2:]
        if name not in new:
            live.pop(key, None)
        elif isinstance(live.get(key), dict):
            remove(live[key], inner, new[name])
        elif isinstance(live.get(key), list) and any(part.startswith("k:") for part in inner):
            _remove_items(live, key, inner, new[name])


def _remove_items(live: dict[str, Any], key: str, old: Fields, new: Fields) -> None:
    items = live[key]
    keys = list_keys(key, items)
    kept = []
    for item in items:
        name = _item_key(item, keys)
        if name in old and name not in new:
            continue
        if name in old:
            remove(item, old[name], new[name])
        kept.append(item)
    if kept:
        live[key] = kept
    else:
        del live[key]


def lose(fields: Fields, before: object, after: object) -> Fields:
    """What is left of a field set when somebody else turns `before` into `after`."""
    left: Fields = {}
    for name, inner in fields.items():
        if name == ".":
            left[name] = inner
            continue
        found = [_part(name, value) for value in (before, after)]
        old, new = found
        if new is _ABSENT:
            continue
        if not inner:
            if old == new:
                left[name] = inner
        elif rest := lose(inner, old, new):
            left[name] = rest
    return left


_ABSENT = object()


def _part(name: str, value: object) -> object:
    if name.startswith("f:"):
        return value.get(name[2:], _ABSENT) if isinstance(value, dict) else _ABSENT
    if isinstance(value, list):
        keys = tuple(json.loads(name[2:]))
        return next((item for item in value if _item_key(item, keys) == name), _ABSENT)
    return _ABSENT
