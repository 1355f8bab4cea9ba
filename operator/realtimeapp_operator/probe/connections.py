"""How many connections a pod holds, asked of the pod itself: one GET of the runtime's metrics.

Asks inside the cluster, at the pod's own address, and never through a proxy: the runtime answers 404 to what came through
one. Refuses to raise: a pod that is away, slow or says something else gives no reading, and nobody waits longer than the
timeout for it.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import aiohttp
from yarl import URL

from realtimeapp_operator import __version__

if TYPE_CHECKING:
    from types import TracebackType

PATH: Final = "/.realtimeapp/metrics"
AT_ONCE: Final = 32
"""Pods asked at the same time, over all applications."""
TIMEOUT_SECONDS: Final = 2.0
"""From the first packet to the last byte. The runtime answers from shared memory in about a millisecond."""
ANSWER_MAX: Final = 65_536
"""Bytes read of an answer; the runtime's own has about two thousand."""

_CONNECTIONS: Final = "realtimeapp_connections{"
_DRAINING: Final = "realtimeapp_draining "
_COUNT_MAX: Final = 10_000_000


class Reading(NamedTuple):
    """What one pod said of itself."""

    connections: int
    """Open WebSockets and event streams."""
    draining: bool


class ConnectionProbe:
    """Asks pods for their connections; an async context manager that holds the session."""

    def __init__(self, *, at_once: int = AT_ONCE, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._timeout_seconds = timeout_seconds
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # trust_env stays False: a proxy of the environment is not on the way to a pod.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, force_close=True, use_dns_cache=False),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"realtimeapp-operator/{__version__}", "Accept": "text/plain"},
            raise_for_status=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def read(self, address: str, port: int) -> Reading | None:
        """Return what the pod at `address` (IPv4 or IPv6) says; None when it says nothing that can be understood.

        The timeout does not count the wait for a slot.
        """
        async with self._slots:
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    return parse(await self._get(address, port))
            except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
                return None

    async def _get(self, address: str, port: int) -> str:
        if self._session is None:
            raise RuntimeError("the probe is not open")
        url = URL.build(scheme="http", host=address, port=port, path=PATH)
        async with self._session.get(url, allow_redirects=False) as answer:
            if answer.status != HTTPStatus.OK:
                raise ValueError(f"HTTP {answer.status}")
            body = await answer.content.read(ANSWER_MAX)
            while len(body) < ANSWER_MAX and (more := await answer.content.read(ANSWER_MAX - len(body))):
                body += more
            return body.decode()


def parse(text: str) -> Reading:
    """Read the runtime's exposition text; raise ValueError when it lacks a figure, or one is no whole number.

    Only the lines the runtime writes are understood; prometheus_client's parser takes twenty times as long for them.
    """
    connections: int | None = None
    draining: bool | None = None
    for line in text.splitlines():
        if line.startswith(_CONNECTIONS):
            connections = (connections or 0) + _read_count(line)
        elif line.startswith(_DRAINING):
            draining = _read_count(line) > 0
    if connections is None or draining is None:
        raise ValueError("not the metrics of the runtime")
    return Reading(connections, draining)


def _read_count(line: str) -> int:
    text = line.rpartition(" ")[2]
    if (
        not (text.isascii() and text.isdecimal())
        or int(text[:9]) > _COUNT_MAX
        or len(text) > len(str(_COUNT_MAX))
    ):
        raise ValueError(f"not a count: {text[:20]!r}")
    return int(text)
