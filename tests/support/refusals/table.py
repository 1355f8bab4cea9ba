"""The shape of the tables of refused and accepted manifests, and short ways to write their rows.

A row is the smallest manifest with a few fields changed. `says` begins the offline sentence; the API server must answer
with the same sentence at the same path, except where `server` has the words of its own schema check.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from typing import Any, Final

Object = dict[str, Any]

BASE: Final[Object] = {
    "apiVersion": "realtimeapp.dev/v1alpha1",
    "kind": "RealtimeApp",
    "metadata": {"name": "counter"},
    "spec": {
        "image": "registry.example.com/counter:1.4.2",
        "framework": "Djust",
        "django": {"settingsModule": "counter.settings"},
        "ingress": {"className": "traefik", "hosts": ["counter.example.com"]},
    },
}


class Absent:
    """Takes a field out of the manifest."""


ABSENT: Final = Absent()


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A manifest that is refused."""

    change: Object
    path: str
    says: str
    server: str = ""
    """Words of the API server's own, where the schema alone refuses."""
    server_path: str = ""
    """Its path, where it differs."""


def manifest(change: Object, base: Object = BASE) -> Object:
    """The smallest manifest with the fields in `change` (dotted path -> value) set or, with ABSENT, taken out."""
    result = copy.deepcopy(base)
    for path, value in change.items():
        *parents, last = re.split(r"(?<!\\)\.", path)
        target = result
        for parent in parents:
            target = target.setdefault(parent, {})
        if isinstance(value, Absent):
            target.pop(last, None)
        else:
            target[last] = value
    return result


def env(name: str, **source: Any) -> Object:  # noqa: ANN401 - any shape of a variable
    """A change that adds one environment variable; a literal unless `source` says otherwise."""
    return {"spec.env": [{"name": name, **(source or {"value": "1"})}]}


def worker(kind: str, **fields: Any) -> Object:  # noqa: ANN401 - any field of a worker
    """A change that adds one worker of the type `kind`."""
    return {"spec.workers": [{"name": "w", "type": kind, **fields}]}


def volume(name: str = "media", path: str = "/srv/media", **fields: Any) -> Object:  # noqa: ANN401 - any source
    """A change that adds a volume and mounts it at `path`."""
    return {
        "spec.podTemplate.volumes": [{"name": name, **(fields or {"emptyDir": {}})}],
        "spec.podTemplate.volumeMounts": [{"name": name, "mountPath": path}],
    }


def peer(**fields: Any) -> Object:  # noqa: ANN401 - any shape of a peer
    """A change that adds one peer of the network policy."""
    return {"spec.networkPolicy.extraIngress": [fields]}


def toleration(**fields: Any) -> Object:  # noqa: ANN401 - any shape of a toleration
    """A change that adds one toleration."""
    return {"spec.podTemplate.tolerations": [fields]}
