"""Keeps somebody told about every object of one kind: list once, watch from there, list again when the thread is lost.

Stores no bodies: only what tells, after a gap, which objects changed or went away unseen. Writes nothing and decides
nothing; what an object means is the business of `on_change`.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Never

from realtimeapp_operator.kube.errors import ApiError, Gone

if TYPE_CHECKING:
    from collections.abc import Callable

    from realtimeapp_operator.kube.client import ApiClient
    from realtimeapp_operator.kube.kinds import Kind

logger = logging.getLogger(__name__)

BACKOFF_FIRST_SECONDS: Final = 0.5
BACKOFF_MAX_SECONDS: Final = 30.0
PAUSE_SECONDS: Final = 0.1
"""Between two watches, so that a proxy that ends every one at once is not asked in a tight loop."""


class _Seen(NamedTuple):
    uid: str
    resource_version: str


class Informer:
    """Calls `on_change(type, object)` with ADDED, MODIFIED or DELETED for each object of `kind`, one at a time.

    `namespace` None means all; `selector` is a label selector, `fields` a field selector. An object that went away during a gap is reported as
    DELETED with its apiVersion, kind and the metadata name, namespace and uid alone. An unchanged one is not reported.
    `on_change` must be quick and not block; what it raises is logged and does not stop the others.
    """

    def __init__(  # noqa: PLR0913 - what to watch, and whom to tell
        self,
        client: ApiClient,
        kind: Kind,
        namespace: str | None,
        selector: str,
        on_change: Callable[[str, dict[str, Any]], None],
        *,
        fields: str = "",
    ) -> None:
        self.kind = kind
        self._client = client
        self._namespace = namespace
        self._selector = selector
        self._fields = fields
        self._on_change = on_change
        self._seen: dict[tuple[str, str], _Seen] = {}
        self._synced = asyncio.Event()
        self._version: str | None = None
        self._failures = 0

    @property
    def has_synced(self) -> bool:
        """Whether everything that existed at start has been reported."""
        return self._synced.is_set()

    async def synced(self) -> None:
        """Wait until everything that existed at start has been reported."""
        await self._synced.wait()

    async def run(self) -> Never:
        """List and watch for ever; failures of the API server are waited out."""
        while True:
            try:
                if self._version is None:
                    self._version = await self._list()
                    self._synced.set()
                await self._watch(self._version)
                self._failures = 0
                await asyncio.sleep(PAUSE_SECONDS)
            except Gone as error:
                self._version = None
                if self._failures:
                    await self._back_off(error)
                self._failures += 1
            except ApiError as error:
                # A broken stream goes on from the last version seen, without a new list.
                await self._back_off(error)

    async def _list(self) -> str:
        gone = set(self._seen)
        version = ""
        async for page in self._client.list_pages(
            self.kind, self._namespace, self._selector, fields=self._fields
        ):
            version = page.resource_version
            for item in page.items:
                gone.discard(self._take(item))
            await asyncio.sleep(0)  # Let others run between pages of a long list.
        for key in gone:
            self._report("DELETED", self._tombstone(key))
            del self._seen[key]
        return version

    def _take(self, item: dict[str, Any]) -> tuple[str, str]:
        key, now = _identify(item)
        before = self._seen.get(key)
        if before == now:
            return key
        if before is not None and before.uid != now.uid:
            self._report("DELETED", self._tombstone(key))
            before = None
        self._seen[key] = now
        self._report("ADDED" if before is None else "MODIFIED", item)
        return key

    async def _watch(self, version: str) -> None:
        """Report changes from `version` on until the server ends the watch."""
        async for event, item in self._client.watch(
            self.kind, self._namespace, self._selector, resource_version=version, fields=self._fields
        ):
            self._failures = 0
            self._version = item["metadata"]["resourceVersion"]
            if event == "BOOKMARK":
                continue
            key, now = _identify(item)
            if event == "DELETED":
                self._seen.pop(key, None)
            else:
                self._seen[key] = now
            self._report(event, item)

    def _report(self, event: str, item: dict[str, Any]) -> None:
        try:
            self._on_change(event, item)
        except Exception:
            # One object that cannot be understood must not hide the others.
            metadata = item.get("metadata", {})
            logger.exception(
                "cannot take in %s of %s",
                event,
                self.kind.kind,
                extra={"namespace": metadata.get("namespace"), "object": metadata.get("name")},
            )

    def _tombstone(self, key: tuple[str, str]) -> dict[str, Any]:
        namespace, name = key
        metadata = {"name": name, "uid": self._seen[key].uid}
        if namespace:
            metadata["namespace"] = namespace
        return {"apiVersion": self.kind.api_version, "kind": self.kind.kind, "metadata": metadata}

    async def _back_off(self, error: ApiError) -> None:
        delay = min(BACKOFF_FIRST_SECONDS * 2**self._failures, BACKOFF_MAX_SECONDS)
        delay *= random.uniform(0.5, 1.0)  # noqa: S311 - spreading load, not a secret
        self._failures = min(self._failures + 1, 10)
        level = logging.WARNING if self._failures > 1 else logging.INFO
        logger.log(level, "cannot watch %s, again in %.1f s: %s", self.kind.plural, delay, error.message)
        await asyncio.sleep(delay)


def _identify(item: dict[str, Any]) -> tuple[tuple[str, str], _Seen]:
    metadata = item["metadata"]
    key = (metadata.get("namespace", ""), metadata["name"])
    return key, _Seen(metadata["uid"], metadata["resourceVersion"])
