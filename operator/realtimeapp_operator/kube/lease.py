"""One writer at a time: a coordination.k8s.io Lease held by the process that may act.

Refuses to guess: a process that could not renew in time raises LeaseLost and must exit, whatever it was doing, because
another may have taken over. Expiry of somebody else's lease is judged by our own monotonic clock from the moment we saw
the record change, never by comparing clocks of two machines.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Never

from realtimeapp_operator.kube import kinds
from realtimeapp_operator.kube.errors import ApiError, Conflict, NotFound
from realtimeapp_operator.kube.kinds import Ref

if TYPE_CHECKING:
    from collections.abc import Callable

    from realtimeapp_operator.kube.client import ApiClient

logger = logging.getLogger(__name__)


class LeaseLost(Exception):
    """The lease is somebody else's, or could not be renewed in time: stop now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds. `renew_within` is shorter than `duration` so that the holder gives up before a follower may start."""

    duration: int = 15
    renew_every: float = 5.0
    renew_within: float = 10.0
    retry_every: float = 2.0


DEFAULT_TIMING: Final = Timing()


@dataclass(frozen=True, slots=True)
class _Record:
    """What the lease says, and when we first saw it say so (monotonic seconds)."""

    holder: str
    duration: int
    transitions: int
    resource_version: str
    since: float


class Lease:
    """A lease `namespace/name` wanted by `identity` (unique per process, for example the pod's name).

    Use in this order: `acquire()`, then `hold()` until it raises, `release()` on a clean stop.
    """

    def __init__(  # noqa: PLR0913 - the lease's address, and three clocks' worth of injection
        self,
        client: ApiClient,
        namespace: str,
        name: str,
        identity: str,
        *,
        timing: Timing = DEFAULT_TIMING,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._ref = Ref(kinds.LEASE.api_version, kinds.LEASE.kind, namespace, name)
        self._identity = identity
        self._timing = timing
        self._monotonic = monotonic
        self._now = now
        self._seen: _Record | None = None
        self._renewed = float("-inf")
        self._held = False

    @property
    def held(self) -> bool:
        """Whether this process is the holder, as far as its own clock can tell."""
        return self._held and self._monotonic() < self._renewed + self._timing.duration

    @property
    def standing_by(self) -> bool:
        """Whether another process was seen to hold the lease."""
        return not self._held and self._seen is not None and self._seen.holder not in ("", self._identity)

    async def acquire(self) -> None:
        """Wait until the lease is ours. The API server being away is waited out."""
        told = ""
        while True:
            try:
                if await self._try_acquire():
                    logger.info("holding the lease %s as %s", self._ref, self._identity)
                    return
                holder = self._seen.holder if self._seen else ""
                if holder != told:
                    logger.info("standing by: the lease %s is held by %s", self._ref, holder)
                    told = holder
            except ApiError as error:
                logger.warning("cannot ask for the lease %s: %s", self._ref, error.message)
            await asyncio.sleep(self._jittered(self._timing.retry_every))

    async def hold(self) -> Never:
        """Renew for ever; raise LeaseLost as soon as somebody else holds it or renewing takes too long."""
        while True:
            await asyncio.sleep(self._jittered(self._timing.renew_every))
            try:
                async with asyncio.timeout(self._renewed + self._timing.renew_within - self._monotonic()):
                    await self._renew()
            except TimeoutError:
                self._held = False
                raise LeaseLost(
                    f"the lease {self._ref} could not be renewed for {self._timing.renew_within:g} s"
                ) from None
            except LeaseLost:
                self._held = False
                raise

    async def release(self) -> None:
        """Give the lease back so that the next process need not wait for it to expire; never raises ApiError."""
        if not self._held:
            return
        self._held = False
        try:
            try:
                await self._client.patch(self._ref, self._surrender())
            except Conflict:
                # A renewal that was cut off half-way may have reached the server; only give back what is ours.
                found = await self._client.get(self._ref)
                if found is not None and self._observe(found).holder == self._identity:
                    await self._client.patch(self._ref, self._surrender())
        except ApiError as error:
            logger.warning("cannot release the lease %s: %s", self._ref, error.message)

    async def _try_acquire(self) -> bool:
        started = self._monotonic()
        found = await self._client.get(self._ref)
        try:
            if found is None:
                answer = await self._client.create(self._manifest())
            else:
                record = self._observe(found)
                if not self._free(record):
                    return False
                answer = await self._client.patch(self._ref, self._takeover(record))
        except (Conflict, NotFound):
            return False  # Another was quicker; look again.
        self._take(answer, started)
        return True

    def _free(self, record: _Record) -> bool:
        if record.holder in ("", self._identity):
            return True
        return self._monotonic() >= record.since + record.duration

    async def _renew(self) -> None:
        """Renew once, trying again until it succeeds; raise LeaseLost when another holds the lease."""
        while True:
            started = self._monotonic()
            try:
                answer = await self._client.patch(self._ref, self._renewal())
            except Conflict:
                await self._check_holder()
            except NotFound:
                raise LeaseLost(f"the lease {self._ref} was deleted") from None
            except ApiError as error:
                logger.warning("cannot renew the lease %s, trying again: %s", self._ref, error.message)
                await asyncio.sleep(self._jittered(self._timing.retry_every / 2))
            else:
                self._take(answer, started)
                return

    async def _check_holder(self) -> None:
        """Look who holds the lease after a conflict: somebody may only have put a label on it."""
        try:
            found = await self._client.get(self._ref)
        except ApiError as error:
            logger.warning("cannot read the lease %s: %s", self._ref, error.message)
            await asyncio.sleep(self._jittered(self._timing.retry_every / 2))
            return
        if found is None:
            raise LeaseLost(f"the lease {self._ref} was deleted")
        record = self._observe(found)
        if record.holder != self._identity:
            raise LeaseLost(f"the lease {self._ref} is now held by {record.holder or 'nobody'}")

    def _observe(self, lease: dict[str, Any]) -> _Record:
        """Remember what the lease says; the time stays that of the first sight of this version."""
        version = lease["metadata"]["resourceVersion"]
        if self._seen is None or self._seen.resource_version != version:
            spec = lease.get("spec") or {}
            self._seen = _Record(
                holder=spec.get("holderIdentity") or "",
                duration=spec.get("leaseDurationSeconds") or self._timing.duration,
                transitions=spec.get("leaseTransitions") or 0,
                resource_version=version,
                since=self._monotonic(),
            )
        return self._seen

    def _take(self, lease: dict[str, Any], started: float) -> None:
        """Count the time from before the request: the server may have stamped it at any moment since."""
        self._observe(lease)
        self._renewed = started
        self._held = True

    def _manifest(self) -> dict[str, Any]:
        stamp = self._stamp()
        return {
            "apiVersion": self._ref.api_version,
            "kind": self._ref.kind,
            "metadata": {"name": self._ref.name, "namespace": self._ref.namespace},
            "spec": {
                "holderIdentity": self._identity,
                "leaseDurationSeconds": self._timing.duration,
                "acquireTime": stamp,
                "renewTime": stamp,
                "leaseTransitions": 0,
            },
        }

    def _takeover(self, record: _Record) -> dict[str, Any]:
        stamp = self._stamp()
        return {
            "metadata": {"resourceVersion": record.resource_version},
            "spec": {
                "holderIdentity": self._identity,
                "leaseDurationSeconds": self._timing.duration,
                "acquireTime": stamp,
                "renewTime": stamp,
                "leaseTransitions": record.transitions + (record.holder != self._identity),
            },
        }

    def _renewal(self) -> dict[str, Any]:
        return {
            "metadata": {"resourceVersion": self._version()},
            "spec": {"holderIdentity": self._identity, "renewTime": self._stamp()},
        }

    def _surrender(self) -> dict[str, Any]:
        return {
            "metadata": {"resourceVersion": self._version()},
            "spec": {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": self._stamp()},
        }

    def _version(self) -> str | None:
        return self._seen.resource_version if self._seen else None

    def _stamp(self) -> str:
        """Return the time as the API's MicroTime."""
        return self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    @staticmethod
    def _jittered(seconds: float) -> float:
        return seconds * random.uniform(0.8, 1.2)  # noqa: S311 - spreading load, not a secret
