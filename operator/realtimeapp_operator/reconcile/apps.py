"""The RealtimeApps as last seen: what a reconcile starts from.

Keeps of each body only what is read (no managedFields, no annotations), and tells whether an event is news: the echo of
the operator's own status write is not.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from realtimeapp_operator.reconcile.observed import is_newer
from realtimeapp_operator.reconcile.ports import Key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class AppBody:
    """A RealtimeApp as sent by the API server: `spec` unparsed, `status` as last read or written."""

    key: Key
    uid: str
    generation: int
    version: str
    deleting: bool
    spec: Mapping[str, Any]
    status: Mapping[str, Any]

    def as_object(self) -> dict[str, Any]:
        """Give the shape the parser takes."""
        metadata = {
            "name": self.key.name,
            "namespace": self.key.namespace,
            "uid": self.uid,
            "generation": self.generation,
            "resourceVersion": self.version,
        }
        return {"metadata": metadata, "spec": self.spec}


class Apps:
    """The bodies, by key."""

    def __init__(self) -> None:
        self._bodies: dict[Key, AppBody] = {}
        self._being_written: dict[Key, Mapping[str, Any]] = {}

    def take(self, event_type: str | None, body: Mapping[str, Any]) -> Key | None:
        """Take in one watch event (None: a listed object); return the key when there is something to look at."""
        metadata = body["metadata"]
        key = Key(metadata["namespace"], metadata["name"])
        known = self._bodies.get(key)
        if event_type == "DELETED":
            if known is None or known.uid != metadata.get("uid"):
                return None
            del self._bodies[key]
            return key
        new = _read(key, body)
        if known is not None and known.uid == new.uid:
            if not is_newer(new.version, known.version):
                return None
            self._bodies[key] = new
            return key if self._is_news(known, new) else None
        self._bodies[key] = new
        return key

    @contextmanager
    def writing(self, key: Key, status: Mapping[str, Any]) -> Iterator[None]:
        """Know `status` as our own while it is written: the watch may bring it before the answer comes."""
        self._being_written[key] = status
        try:
            yield
        finally:
            del self._being_written[key]

    def note_status(self, key: Key, body: Mapping[str, Any]) -> None:
        """Take in the answer to our own status write: only the status, the spec comes through the watch."""
        known = self._bodies.get(key)
        new = _read(key, body)
        if known is None or known.uid != new.uid or not is_newer(new.version, known.version):
            return
        version = new.version if new.generation == known.generation else known.version
        self._bodies[key] = AppBody(
            key=key,
            uid=known.uid,
            generation=known.generation,
            version=version,
            deleting=known.deleting,
            spec=known.spec,
            status=new.status,
        )

    def forget(self, body: AppBody) -> None:
        """Drop an application that a write has proven gone."""
        known = self._bodies.get(body.key)
        if known is not None and known.uid == body.uid:
            del self._bodies[body.key]

    def get(self, key: Key) -> AppBody | None:
        """Return the body, None when the application is gone."""
        return self._bodies.get(key)

    def _is_news(self, known: AppBody, new: AppBody) -> bool:
        if (known.generation, known.deleting) != (new.generation, new.deleting):
            return True
        return new.status not in (known.status, self._being_written.get(new.key))


def _read(key: Key, body: Mapping[str, Any]) -> AppBody:
    metadata = body["metadata"]
    return AppBody(
        key=key,
        uid=metadata["uid"],
        generation=metadata.get("generation", 0),
        version=metadata.get("resourceVersion", ""),
        deleting=bool(metadata.get("deletionTimestamp")),
        spec=body.get("spec") or {},
        status=body.get("status") or {},
    )
