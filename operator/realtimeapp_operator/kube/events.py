"""Kubernetes Events on a RealtimeApp: what `kubectl describe` tells a person about it.

The same happening (object, reason, message) is one Event whose count grows, as its name is made from exactly these.
Refuses to fail: an Event that cannot be written is a line in the log and never holds up a reconcile.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from realtimeapp_operator import names
from realtimeapp_operator.kube import kinds
from realtimeapp_operator.kube.errors import AlreadyExists, ApiError, NotFound
from realtimeapp_operator.kube.kinds import Ref

if TYPE_CHECKING:
    from collections.abc import Callable

    from realtimeapp_operator.kube.client import ApiClient

logger = logging.getLogger(__name__)

MESSAGE_MAX: Final = 1024
"""Characters the API server takes in an Event's message."""
NAME_MAX: Final = 253
QUIET_SECONDS: Final = 60.0
"""A repeated Event is counted here and written at most this often."""
REMEMBERED: Final = 1024


@dataclass(slots=True)
class _Written:
    """An Event we wrote: its count on the server, those not written yet, and when it was written last."""

    count: int
    pending: int
    at: float


class EventWriter:
    """Writes Events in the name of `component`, running as `instance` (the pod's name)."""

    def __init__(
        self,
        client: ApiClient,
        *,
        instance: str,
        component: str = names.MANAGED_BY,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._component = component
        self._instance = instance
        self._now = now
        self._monotonic = monotonic
        self._written: OrderedDict[str, _Written] = OrderedDict()

    async def emit(
        self, *, app: Ref, uid: str, kind: Literal["Normal", "Warning"], reason: str, message: str
    ) -> None:
        """Tell that `reason` (CamelCase) happened to the object `app`; `message` is a sentence for a person."""
        text = message if len(message) <= MESSAGE_MAX else message[: MESSAGE_MAX - 1] + "…"
        name = event_name(app.name, uid=uid, reason=reason, message=text)
        ref = Ref(kinds.EVENT.api_version, kinds.EVENT.kind, app.namespace, name)
        known = self._written.get(name)
        if known is not None and self._monotonic() - known.at < QUIET_SECONDS:
            known.pending += 1
            return
        try:
            if known is None or not await self._repeat(ref, count=known.count + known.pending + 1):
                await self._create(ref, app=app, uid=uid, kind=kind, reason=reason, message=text)
        except ApiError as error:
            logger.info("cannot write the event %s of %s: %s", reason, app, error.message)

    async def _create(  # noqa: PLR0913 - the fields of an Event
        self, ref: Ref, *, app: Ref, uid: str, kind: str, reason: str, message: str
    ) -> None:
        stamp = self._stamp()
        manifest: dict[str, Any] = {
            "apiVersion": ref.api_version,
            "kind": ref.kind,
            "metadata": {"name": ref.name, "namespace": ref.namespace},
            "involvedObject": {
                "apiVersion": app.api_version,
                "kind": app.kind,
                "namespace": app.namespace,
                "name": app.name,
                "uid": uid,
            },
            "type": kind,
            "reason": reason,
            "message": message,
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "count": 1,
            "source": {"component": self._component},
            "reportingComponent": self._component,
            "reportingInstance": self._instance,
        }
        try:
            await self._client.create_event(manifest)
        except AlreadyExists:
            # An earlier process wrote it; go on counting where it stopped.
            found = await self._client.get(ref)
            await self._repeat(ref, count=int((found or {}).get("count") or 0) + 1)
        else:
            self._remember(ref.name, count=1)

    async def _repeat(self, ref: Ref, *, count: int) -> bool:
        """Raise the count of an Event; False when it is gone, as Events are kept for an hour."""
        try:
            await self._client.patch(ref, {"count": count, "lastTimestamp": self._stamp()})
        except NotFound:
            self._written.pop(ref.name, None)
            return False
        self._remember(ref.name, count=count)
        return True

    def _remember(self, name: str, *, count: int) -> None:
        self._written[name] = _Written(count=count, pending=0, at=self._monotonic())
        self._written.move_to_end(name)
        while len(self._written) > REMEMBERED:
            self._written.popitem(last=False)

    def _stamp(self) -> str:
        return self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def event_name(app: str, *, uid: str, reason: str, message: str) -> str:
    """Return the Event's name: the app's, and a hash of what makes it the same happening."""
    digest = hashlib.sha256(f"{uid}\x00{reason}\x00{message}".encode()).hexdigest()[:16]
    return f"{app[: NAME_MAX - 17]}.{digest}"
