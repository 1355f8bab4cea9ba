"""People behind an edge with a sticky cookie: they come back after every close, and the edge leads them by their cookie."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from hack.clients.waiting import eventually_async
from tests.runtime.clients import ORIGIN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from websockets.http11 import Response

    from tests.runtime.server import Pod

COOKIE = "realtimeapp"


@dataclass
class Edge:
    """Round robin over `pods`, but for who has the cookie of one of them; without `sticky` nobody has."""

    pods: list[Pod]
    sticky: bool = True
    _turns: Iterator[int] = field(default_factory=itertools.count)

    def choose(self, cookie: str | None) -> Pod:
        for pod in self.pods:
            if pod.name == cookie:
                return pod
        return self.pods[next(self._turns) % len(self.pods)]


@dataclass
class Visitor:
    """One client; `closes` are times and codes."""

    edge: Edge
    cookie: str | None = None
    connected: bool = False
    closes: list[tuple[float, int]] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)

    async def stay(self) -> None:
        while True:
            pod = self.edge.choose(self.cookie)
            headers = [("Cookie", f"theme=dark; {COOKIE}={self.cookie}")] if self.cookie else None
            try:
                await self._visit(pod, headers)
            except ConnectionClosed as closed:
                self.closes.append((time.monotonic(), closed.rcvd.code if closed.rcvd else 1006))
            except InvalidStatus as refusal:
                self._take_cookie(refusal.response, pod)
                self.refusals.append(refusal.response.status_code)
            self.connected = False
            await asyncio.sleep(random.uniform(0.3, 0.6))  # noqa: S311 - jitter, not a secret

    async def _visit(self, pod: Pod, headers: list[tuple[str, str]] | None) -> None:
        async with connect(
            f"ws://127.0.0.1:{pod.port}/ws/room/",
            origin=ORIGIN,
            additional_headers=headers,
            ping_interval=None,
        ) as socket:
            assert socket.response is not None
            self._take_cookie(socket.response, pod)
            self.connected = True
            while True:
                await socket.recv()

    def _take_cookie(self, response: Response, pod: Pod) -> None:
        """As a browser does with the application's deletion, and with the cookie the edge adds for who came without one."""
        deletes = f"{COOKIE}=;" in response.headers.get("Set-Cookie", "")
        self.cookie = None if deletes or not self.edge.sticky else pod.name


@asynccontextmanager
async def visit(edge: Edge, number: int) -> AsyncIterator[list[Visitor]]:
    """`number` visitors that are all connected."""
    visitors = [Visitor(edge) for _ in range(number)]
    tasks = [asyncio.create_task(visitor.stay()) for visitor in visitors]
    try:
        await eventually_async(lambda: _are_connected(visitors), within=30, what="everybody is connected")
        yield visitors
        for task in tasks:
            assert not task.done(), task.exception()
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _are_connected(visitors: list[Visitor]) -> bool:
    return all(visitor.connected for visitor in visitors)
