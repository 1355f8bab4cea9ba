"""WebSocket clients that stay connected the way real pages do, and keep every close with its code.

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
from typing import TYPE_CHECKING, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

EDGE = ("127.0.0.1", 80)
NO_CLOSE_FRAME = 1006


@dataclass(frozen=True, kw_only=True)
class Close:
    """One connection that ended: who, when (monotonic seconds), the code as the client saw it."""

    client: int
    at: float
    code: int


@dataclass(kw_only=True)
class LastingSocket:
    """One client of `ws://host/path` through the edge: reconnects for as long as its context lasts.

    `opened` runs on every new connection before anything else is done with it (log in, join, ask for what was missed);
    `received` runs for every frame. What either raises ends the client, and comes out where the context ends.
    """

    host: str
    path: str
    number: int = 0
    """Which client this is; also decides its loopback address."""
    edge: tuple[str, int] = EDGE
    headers: dict[str, str] = field(default_factory=dict)
    """Sent with every handshake, as they are at that moment (a cookie, a token)."""
    opened: Callable[[ClientConnection], Awaitable[None]] | None = None
    received: Callable[[str | bytes], Awaitable[None]] | None = None
    random_source: random.Random = field(default_factory=random.Random)
    closes: list[Close] = field(default_factory=list)
    refusals: list[tuple[float, str]] = field(default_factory=list)
    downtimes: list[float] = field(default_factory=list)
    connection: ClientConnection | None = None
    """The connection now, when there is one and `opened` is done with it."""
    _task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._live())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    @property
    def broken(self) -> bool:
        """Whether the client itself failed; the reason comes out at the end of the context."""
        return self._task is not None and self._task.done()

    async def send(self, message: str | bytes) -> bool:
        """Send on the connection of now; False when there is none or it ends under the message.

        True says that it was written, not that anybody has read it: what must arrive is acknowledged by the
        application, or sent again.
        """
        if self.connection is None:
            return False
        try:
            await self.connection.send(message)
        except ConnectionClosed:
            return False
        return True

    async def _live(self) -> None:
        attempt, lost_at = 0, None
        while True:
            try:
                connection = await self._connect()
            except (OSError, InvalidHandshake, TimeoutError) as error:
                self.refusals.append((time.monotonic(), str(error)))
                attempt += 1
            else:
                if lost_at is not None:
                    self.downtimes.append(time.monotonic() - lost_at)
                code = await self._hold(connection)
                lost_at = time.monotonic()
                self.closes.append(Close(client=self.number, at=lost_at, code=code))
                attempt = 1
            await asyncio.sleep(pause_before(attempt, self.random_source))

    async def _connect(self) -> ClientConnection:
        return await connect(
            f"ws://{self.host}{self.path}",
            host=self.edge[0],
            port=self.edge[1],
            local_addr=(loopback_address(self.number), 0),
            origin=f"http://{self.host}",  # type: ignore[arg-type]  # a NewType of str
            additional_headers=self.headers,
            compression=None,
            ping_interval=None,
            open_timeout=10,
            proxy=None,
        )

    async def _hold(self, connection: ClientConnection) -> int:
        try:
            with contextlib.suppress(ConnectionClosed):
                if self.opened is not None:
                    await self.opened(connection)
                self.connection = connection
                async for message in connection:
                    if self.received is not None:
                        await self.received(message)
        except BaseException:
            await connection.close()
            raise
        finally:
            self.connection = None
        return connection.close_code if connection.close_code is not None else NO_CLOSE_FRAME


@dataclass(kw_only=True)
class Fleet:
    """`size` clients of `ws://host/path` through the edge that only listen."""

    host: str
    path: str
    size: int
    seed: int = 0
    _sockets: list[LastingSocket] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        random_source = random.Random(self.seed)  # noqa: S311 - reproducible jitter, not a secret
        self._sockets = [
            LastingSocket(host=self.host, path=self.path, number=number, random_source=random_source)
            for number in range(self.size)
        ]
        for socket in self._sockets:
            await socket.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(socket.__aexit__() for socket in self._sockets), return_exceptions=True)

    @property
    def connected(self) -> int:
        """Sockets open now."""
        return sum(socket.connection is not None for socket in self._sockets)

    @property
    def closes(self) -> list[Close]:
        """Every close since the fleet started, in order."""
        return sorted((close for s in self._sockets for close in s.closes), key=lambda close: close.at)

    @property
    def refusals(self) -> list[tuple[float, str]]:
        """Every handshake that failed: when, why."""
        return sorted(refusal for socket in self._sockets for refusal in socket.refusals)

    @property
    def downtimes(self) -> list[float]:
        """Seconds from each close to the client's next connection."""
        return [seconds for socket in self._sockets for seconds in socket.downtimes]

    def since(self, moment: float) -> list[Close]:
        """Closes from a moment (monotonic seconds) on, in order."""
        return [close for close in self.closes if close.at >= moment]

    def codes(self, since: float = 0.0) -> dict[int, int]:
        """Closes by code."""
        return dict(Counter(close.code for close in self.since(since)))

    def closes_by_client(self, since: float = 0.0) -> Counter[int]:
        """How often each client was closed."""
        return Counter(close.client for close in self.since(since))

    def peak_per_second(self, since: float = 0.0) -> int:
        """Most closes within any window of one second."""
        return count_peak(close.at for close in self.since(since))

    def spread(self, since: float = 0.0) -> float:
        """Seconds from the first close to the last."""
        times = [close.at for close in self.since(since)]
        return max(times) - min(times) if times else 0.0


def loopback_address(number: int) -> str:
    """The address of client `number`: as many people as there are sockets, and a port range for each."""
    return f"127.0.{1 + number // 250}.{1 + number % 250}"


def pause_before(attempt: int, source: random.Random) -> float:
    """Seconds djust's client waits before its `attempt`th try (1 after a loss): at least 0.5, full jitter up to 30."""
    return max(0.5, source.uniform(0, min(2 ** max(attempt - 1, 0), 30)))


def count_peak(moments: Iterable[float], *, seconds: float = 1.0) -> int:
    """Most of `moments` within any window of `seconds`."""
    times = sorted(moments)
    peak = first = 0
    for last, moment in enumerate(times):
        while moment - times[first] >= seconds:
            first += 1
        peak = max(peak, last - first + 1)
    return peak
