"""Watches KEDA's ScaledObjects where the cluster has them: most do not, and a watch of what is not served only fails.

One question at start; where the answer is no, none until an application wants KEDA, and then one a minute at last until
somebody has installed it: then those who want it are woken, because their own attempts have become seldom by then.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

from realtimeapp_operator import names
from realtimeapp_operator.kube import kinds
from realtimeapp_operator.kube.errors import ApiError
from realtimeapp_operator.kube.informer import Informer
from realtimeapp_operator.reconcile.ports import Key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from realtimeapp_operator.kube.client import ApiClient

logger = logging.getLogger(__name__)

PAUSE_FIRST_SECONDS: Final = 5.0
PAUSE_MAX_SECONDS: Final = 60.0


class ScaledObjects:
    """Tells `see` of our ScaledObjects in `namespaces` (empty: all), like the informers of the other children.

    `wake` gets the applications that had to do without until the kind came.
    """

    kind: Final = kinds.SCALED_OBJECT

    def __init__(
        self,
        client: ApiClient,
        namespaces: tuple[str, ...],
        see: Callable[[str, dict[str, Any]], None],
        *,
        wake: Callable[[Key], None],
    ) -> None:
        self._client = client
        self._informers = tuple(
            Informer(client, self.kind, namespace, names.MANAGED_SELECTOR, see)
            for namespace in namespaces or (None,)
        )
        self._wake = wake
        self._wanting: set[Key] = set()
        self._wanted = asyncio.Event()
        self._known = asyncio.Event()

    @property
    def has_synced(self) -> bool:
        """Whether everything that existed at start has been reported, or the cluster knows no such kind."""
        return self._known.is_set()

    async def synced(self) -> None:
        """Wait for the same."""
        await self._known.wait()

    def look(self, app: Mapping[str, Any]) -> None:
        """Take notice of a RealtimeApp as it was declared."""
        web = (app.get("spec") or {}).get("web") or {}
        if (web.get("autoscaling") or {}).get("engine") == "KEDA":
            meta = app["metadata"]
            self._wanting.add(Key(meta["namespace"], meta["name"]))
            self._wanted.set()

    async def run(self) -> None:
        """Find out whether they are served, then watch for as long as the caller lives."""
        came_later = await self._await_served()
        async with asyncio.TaskGroup() as group:
            for informer in self._informers:
                group.create_task(informer.run())
            for informer in self._informers:
                await informer.synced()
            self._known.set()
            for key in self._wanting if came_later else ():
                self._wake(key)

    async def _await_served(self) -> bool:
        """Return whether the kind was not there at first."""
        pause = PAUSE_FIRST_SECONDS
        while True:
            try:
                if await self._client.serves(self.kind):
                    return self._known.is_set()
                self._known.set()
                await self._wanted.wait()
            except ApiError as error:
                logger.warning("cannot ask for %s, again in %.0f s: %s", self.kind.kind, pause, error.message)
            await asyncio.sleep(pause)
            pause = min(2 * pause, PAUSE_MAX_SECONDS)
