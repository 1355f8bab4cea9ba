"""Requests as the API server wrote them into its audit log: the exact bill of whoever made them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


@dataclass(frozen=True, kw_only=True)
class Request:
    """One finished request, or a watch that was begun."""

    verb: str
    resource: str
    subresource: str
    namespace: str
    name: str
    code: int
    agent: str

    @property
    def is_write(self) -> bool:
        """Whether it could change something."""
        return self.verb in WRITES


@dataclass(kw_only=True)
class Audit:
    """The log of one user from the moment of `mark()` on."""

    path: Path
    user: str
    _offset: int = 0

    def mark(self) -> None:
        """Forget everything up to now."""
        self._offset = self.path.stat().st_size

    def requests(self) -> list[Request]:
        """What the user asked since the mark: one entry per request; leases are not counted."""
        with self.path.open("rb") as log:
            log.seek(self._offset)
            entries = [json.loads(line) for line in log if line.endswith(b"\n")]
        ours = [entry for entry in entries if entry["user"]["username"] == self.user]
        found = [request_of(entry) for entry in ours if entry["stage"] == stage_that_counts(entry)]
        return [request for request in found if request.resource != "leases"]

    def writes(self) -> list[Request]:
        """The writes among them; events are counted apart, by `events()`."""
        return [request for request in self.requests() if request.is_write and request.resource != "events"]

    def events(self) -> list[Request]:
        """Events written for people."""
        return [request for request in self.requests() if request.is_write and request.resource == "events"]


def stage_that_counts(entry: dict[str, Any]) -> str:
    """A watch is counted when it begins, every other request when it is complete."""
    return "ResponseStarted" if entry["verb"] == "watch" else "ResponseComplete"


def request_of(entry: dict[str, Any]) -> Request:
    """One audit entry as a Request."""
    reference = entry.get("objectRef", {})
    return Request(
        verb=entry["verb"],
        resource=reference.get("resource", entry["requestURI"]),
        subresource=reference.get("subresource", ""),
        namespace=reference.get("namespace", ""),
        name=reference.get("name", ""),
        code=entry.get("responseStatus", {}).get("code", 0),
        agent=entry.get("userAgent", ""),
    )
