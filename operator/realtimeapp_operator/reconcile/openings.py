"""Opens WebSockets beside the workers: a handshake may take seconds, and a worker has other applications to look after.

One at a time per application, few at once. What came of it is kept here and the application queued; what it means is
decided in `handshake`.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from realtimeapp_operator.probe.websocket import Finding, Verdict
from realtimeapp_operator.reconcile.handshake import begin, note, seconds_to_next_try

if TYPE_CHECKING:
    from collections.abc import Callable

    from realtimeapp_operator.reconcile.handshake import Knock, Tries
    from realtimeapp_operator.reconcile.ports import Clock, Doorbell, Key

logger = logging.getLogger(__name__)

AT_ONCE: Final = 16
"""Handshakes at the same time: each is one connection and at most some seconds, and an edge serves thousands."""


class _Ring(NamedTuple):
    knock: Knock
    task: asyncio.Task[None]


class Openings:
    """Tries the WebSockets it is told to follow; `announce` is called with an application when a try has ended."""

    def __init__(self, *, doorbell: Doorbell, clock: Clock, announce: Callable[[Key], None]) -> None:
        self._doorbell = doorbell
        self._clock = clock
        self._announce = announce
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._tries: dict[Key, Tries] = {}
        self._rings: dict[Key, _Ring] = {}

    @property
    def busy(self) -> bool:
        """Whether a handshake is under way."""
        return bool(self._rings)

    def follow(self, key: Key, knock: Knock, *, possible: bool) -> Tries | None:
        """Return what is known of `knock`; begin a try if one is due and `possible`. Other knocks are forgotten."""
        tries = self._tries.get(key)
        if tries is not None and tries.knock != knock:
            self.forget(key)
            tries = None
        if not possible:
            if tries is not None and seconds_to_next_try(tries, now=self._clock.monotonic()) is not None:
                self.forget(key)  # What failed begins anew once it is possible again.
            return self._tries.get(key)
        if tries is None:
            tries = self._tries[key] = begin(knock, now=self._clock.monotonic())
        if key not in self._rings and seconds_to_next_try(tries, now=self._clock.monotonic()) == 0:
            task = asyncio.create_task(self._open(key, knock), name=f"websocket of {key}")
            self._rings[key] = _Ring(knock, task)
        return tries

    def forget(self, key: Key) -> None:
        """Drop what is known of an application, and what is under way for it."""
        self._tries.pop(key, None)
        ring = self._rings.pop(key, None)
        if ring is not None:
            ring.task.cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Break off what is under way."""
        tasks = [ring.task for ring in self._rings.values()]
        for key in list(self._rings):
            self.forget(key)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _open(self, key: Key, knock: Knock) -> None:
        async with self._slots:
            verdict = await self._ring(key, knock)
        self._rings.pop(key)
        self._tries[key] = note(
            self._tries[key], knock, verdict, now=self._clock.monotonic(), at=self._clock.now()
        )
        self._announce(key)

    async def _ring(self, key: Key, knock: Knock) -> Verdict:
        try:
            return await self._doorbell.open(knock.target)
        except Exception:  # what it is does not matter: the application must not wait for ever
            logger.exception("cannot try the WebSocket of %s", key)
            return Verdict(finding=Finding.CONNECTION, detail="the operator failed, its log says why")
