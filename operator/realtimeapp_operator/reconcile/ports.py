"""What the reconciler needs from the world, as protocols, and the small values that pass between its parts.

The real world is `kube` and the process's clock; the tests' is a cluster in memory and a clock that is moved by hand.
Nothing here does anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from realtimeapp_operator import names

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from realtimeapp_operator.kube.kinds import Ref
    from realtimeapp_operator.probe.websocket import Target, Verdict
    from realtimeapp_operator.reconcile.loads import AppLoads


class Key(NamedTuple):
    """Address of a RealtimeApp; what the queue holds."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a reconcile ended when it did not raise.

    Done; or to be looked at again `after` that many seconds; or `refused`: the cluster does not let something be
    written, which the status says already, and it is tried again with the growing pauses of an error.
    """

    after: float | None = None
    refused: bool = False


DONE = Outcome()
REFUSED = Outcome(refused=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Images:
    """Images this version of the operator brings along, and how nodes pull them."""

    runtime: str
    redis: str
    pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """Where this operator runs, as far as the applications' objects have to know."""

    namespace: str | None = None
    """Its own namespace; None where it runs outside of the cluster."""
    metrics_url: str | None = None
    """Where KEDA reads the number of connections, without a `/` at the end; None where nothing is served."""


NOWHERE = Surroundings()


class Clock(Protocol):
    """Time, injected."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""

    def now(self) -> datetime:
        """Wall-clock time with a time zone, for what people read."""

    async def sleep(self, seconds: float) -> None:
        """Suspend the caller."""


class Api(Protocol):
    """The API server. Objects are plain dicts; errors are those of `kube.errors`."""

    async def apply(
        self, manifest: Mapping[str, Any], *, manager: str = names.FIELD_MANAGER, force: bool = True
    ) -> dict[str, Any]:
        """Server-side apply; returns the object as it now is. Without `force` Conflict when a field is another's."""

    async def create(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """POST; raises AlreadyExists."""

    async def patch(self, ref: Ref, changes: Mapping[str, Any]) -> dict[str, Any]:
        """JSON merge patch; Conflict when a resourceVersion in `changes` does not hold any more."""

    async def get_metadata(self, ref: Ref) -> dict[str, Any] | None:
        """The object as PartialObjectMetadata (`{"metadata": ...}`), None when there is none."""

    async def delete(self, ref: Ref, *, uid: str | None, propagation: str = "Background") -> bool:
        """Delete the object with that uid; False when it is gone already, Conflict when it is another one."""

    async def patch_status(
        self, namespace: str, name: str, status: Mapping[str, Any], resource_version: str | None
    ) -> dict[str, Any]:
        """Merge patch of a RealtimeApp's status; a key given as None is removed."""


class Doorbell(Protocol):
    """The way the users take in."""

    async def open(self, target: Target) -> Verdict:
        """Open a WebSocket and close it; takes some seconds at most, never raises for what a network does."""


class Events(Protocol):
    """Where a person reads what happened; never raises for a failing API server."""

    async def emit(
        self, *, app: Ref, uid: str, kind: Literal["Normal", "Warning"], reason: str, message: str
    ) -> None:
        """Tell that `reason` happened to `app`; repeats are counted, not written again."""


class Sampler(Protocol):
    """Who asks the pods for their connections."""

    async def refresh(self, key: Key) -> AppLoads:
        """Ask all web pods of an application now; what is known then, which may be incomplete. Never raises."""


class Meter(Protocol):
    """Where the queue's figures go; every call must be quick."""

    def depth(self, keys: int) -> None:
        """Keys waiting for a worker now."""

    def waited(self, seconds: float) -> None:
        """A key left the queue after waiting that long."""

    def worked(self, seconds: float, outcome: Literal["done", "again", "error"]) -> None:
        """A reconcile ended."""

    def forget(self, key: Key) -> None:
        """The application is gone; drop its series."""

    def conditions(self, key: Key, conditions: Mapping[str, str]) -> None:
        """Status by condition type of an application, after each reconcile."""
