"""A fleet of WebSocket clients that stays connected the way real pages do, and counts every close by its code.

Each client has a loopback address of its own, so the edge and the application see as many people as there are sockets.
Reconnects follow djust's own client: half of the first retries after 0.5 s, then full jitter up to 30 s.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

EDGE = ("127.0.0.1", 80)


@dataclass(frozen=True, kw_only=True)
class Close:
    """One connection that ended: who, when (monotonic seconds), the code as the client saw it."""

    client: int
    at: float
    code: int


@dataclass(kw_only=True)
class Fleet:
    """`size` clients of `ws://host/path` through the edge."""

    host: str
    path: str
    size: int
    seed: int = 0
    closes: list[Close] = field(default_factory=list)
    refusals: list[tuple[float, str]] = field(default_factory=list)
    downtimes: list[float] = field(default_factory=list)
    _open: dict[int, ClientConnection] = field(default_factory=dict)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _stopping: bool = False

    async def __aenter__(self) -> Self:
        random_source = random.Random(self.seed)  # noqa: S311 - reproducible jitter, not a secret
        self._tasks = [asyncio.create_task(self._live(i, random_source)) for i in range(self.size)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def connected(self) -> int:
        """Sockets open now."""
        return len(self._open)

    def codes(self) -> dict[int, int]:
        """Closes by code since the fleet started."""
        return dict(Counter(close.code for close in self.closes))

    def closes_by_client(self) -> Counter[int]:
        """How often each client was closed."""
        return Counter(close.client for close in self.closes)

    def peak_per_second(self) -> int:
        """Most closes within any window of one second."""
        times = sorted(close.at for close in self.closes)
        return max((sum(1 for t in times[i:] if t < start + 1) for i, start in enumerate(times)), default=0)

    def spread(self) -> float:
        """Seconds from the first close to the last."""
        times = [close.at for close in self.closes]
        return max(times) - min(times) if times else 0.0

    async def _live(self, number: int, random_source: random.Random) -> None:
        attempt, lost_at = 0, None
        while not self._stopping:
            try:
                connection = await self._connect(number)
            except (OSError, InvalidHandshake, TimeoutError) as error:
                self.refusals.append((time.monotonic(), str(error)))
                attempt += 1
            else:
                if lost_at is not None:
                    self.downtimes.append(time.monotonic() - lost_at)
                attempt = 0
                code = await self._hold(number, connection)
                lost_at = time.monotonic()
                self.closes.append(Close(client=number, at=lost_at, code=code))
                attempt = 1
            ceiling = min(2 ** max(attempt - 1, 0), 30)
            await asyncio.sleep(max(0.5, random_source.uniform(0, ceiling)))

    async def _connect(self, number: int) -> ClientConnection:
        address = f"127.0.{1 + number // 250}.{1 + number % 250}"
        return await connect(
            f"ws://{self.host}{self.path}",
            host=EDGE[0],
            port=EDGE[1],
            local_addr=(address, 0),
            origin=f"http://{self.host}",  # type: ignore[arg-type]  # a NewType of str
            compression=None,
            ping_interval=None,
            open_timeout=10,
            proxy=None,
        )

    async def _hold(self, number: int, connection: ClientConnection) -> int:
        self._open[number] = connection
        try:
            with contextlib.suppress(ConnectionClosed):
                async for _ in connection:
                    pass
        finally:
            self._open.pop(number, None)
            if self._stopping:
                await connection.close()
        return connection.close_code if connection.close_code is not None else 1006
