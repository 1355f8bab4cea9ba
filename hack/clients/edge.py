"""Somebody who keeps asking for a page through the edge while something happens, and remembers every answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Self

import aiohttp

from hack.clients.waiting import eventually_async

URL = "http://127.0.0.1"
NO_ROUTE = b"404 page not found\n"
"""Traefik's whole answer to a host it does not know."""


async def ask(host: str, path: str = "/") -> int:
    """Return the status of one request through the edge, 0 when nothing answers."""
    async with aiohttp.ClientSession() as session:
        try:
            async with session.get(URL + path, headers={"Host": host}) as response:
                return response.status
        except aiohttp.ClientError:
            return 0


async def await_edge(host: str, path: str = "/") -> None:
    """Wait until the edge has a route to an application without WebSockets.

    Where there are some, Ready says so: the operator has opened one. Otherwise Ready speaks of the pods; the ingress
    controller learns of the first at the same moment and takes a little longer (Traefik has no route at all, and
    answers 404, while a Service has no endpoints).
    """

    async def answers() -> bool:
        return await ask(host, path) == HTTPStatus.OK

    await eventually_async(answers, within=20, what=f"http://{host}{path} answers 200")


async def await_route(host: str) -> None:
    """As `await_edge`, for an application of which no path is known: anything but the edge's own answers is enough."""

    async def is_routed() -> bool:
        async with aiohttp.ClientSession() as session:
            try:
                async with session.get(URL, headers={"Host": host}, allow_redirects=False) as response:
                    body = await response.read()
                    return response.status < HTTPStatus.INTERNAL_SERVER_ERROR and body != NO_ROUTE
            except aiohttp.ClientError:
                return False

    await eventually_async(is_routed, within=20, what=f"the edge has a route to {host}")


@dataclass(kw_only=True)
class Visitor:
    """Asks `path` of `host` `rate` times a second; with `sticky` it keeps the affinity cookie, else it is new each time."""

    host: str
    path: str = "/"
    rate: float = 20.0
    sticky: bool = False
    answers: Counter[str] = field(default_factory=Counter)
    _task: asyncio.Task[None] | None = None
    _requests: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._visit())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    @property
    def total(self) -> int:
        """Requests answered, or failed."""
        return self.answers.total()

    @property
    def errors(self) -> dict[str, int]:
        """Everything that was not a 200, by status or exception."""
        return {answer: count for answer, count in self.answers.items() if answer != str(HTTPStatus.OK.value)}

    async def _visit(self) -> None:
        jar = aiohttp.CookieJar(unsafe=True) if self.sticky else aiohttp.DummyCookieJar()
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        async with aiohttp.ClientSession(cookie_jar=jar, connector=connector) as session:
            try:
                while True:
                    request = asyncio.create_task(self._ask(session))
                    self._requests.add(request)
                    request.add_done_callback(self._requests.discard)
                    await asyncio.sleep(1 / self.rate)
            finally:
                await asyncio.gather(*self._requests, return_exceptions=True)

    async def _ask(self, session: aiohttp.ClientSession) -> None:
        try:
            timeout = aiohttp.ClientTimeout(total=10)
            async with session.get(URL + self.path, headers={"Host": self.host}, timeout=timeout) as response:
                await response.read()
                self.answers[str(response.status)] += 1
        except (aiohttp.ClientError, TimeoutError) as error:
            self.answers[type(error).__name__] += 1
