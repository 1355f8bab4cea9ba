"""Somebody with a slow request in flight at every moment, who keeps the affinity cookie, and every answer with its pod."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Self

import aiohttp

from hack.clients.edge import URL

SPARE_SECONDS = 15.0
"""Beyond what the request takes by itself; one that takes longer has failed."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One request that ended: when (monotonic seconds), how, and which pod answered; no pod where nothing did."""

    began: float
    ended: float
    status: str
    hostname: str = ""


@dataclass(kw_only=True)
class SlowVisitor:
    """Asks `path` of `host`, again as soon as it is answered. The path's answer is JSON with a `hostname`.

    The edge keeps somebody with its cookie at the same pod, so a pod that goes away has this request in its hands.
    At the end of the context the last request is waited for.
    """

    host: str
    path: str
    seconds: float
    """What one request takes."""
    after: float = 0.0
    """Seconds before the first slow one, so that several visitors do not all end at the same moment."""
    answers: list[Answer] = field(default_factory=list)
    _ending: bool = False
    _task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._visit())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._ending = True
        await self._task

    @property
    def failures(self) -> list[str]:
        """Everything that was not a 200, by status or exception."""
        return [answer.status for answer in self.answers if answer.status != "200"]

    def count_finished(self, hostname: str, *, after: float) -> int:
        """Requests that this pod answered well after a moment."""
        return sum(
            answer.hostname == hostname and answer.status == "200" and answer.ended > after
            for answer in self.answers
        )

    async def _visit(self) -> None:
        timeout = aiohttp.ClientTimeout(total=self.seconds + SPARE_SECONDS)
        jar = aiohttp.CookieJar(unsafe=True)  # the edge's name is an address
        async with aiohttp.ClientSession(
            cookie_jar=jar, headers={"Host": self.host}, timeout=timeout
        ) as session:
            self.answers.append(await self._ask(session, seconds=0))  # for the cookie
            await asyncio.sleep(self.after)
            while not self._ending:
                self.answers.append(await self._ask(session, seconds=self.seconds))

    async def _ask(self, session: aiohttp.ClientSession, *, seconds: float) -> Answer:
        began = time.monotonic()
        try:
            async with session.get(f"{URL}{self.path}?seconds={seconds:g}") as response:
                status = str(response.status)
                hostname = (await response.json())["hostname"] if response.ok else ""
        except (aiohttp.ClientError, TimeoutError) as error:
            await asyncio.sleep(
                0.1
            )  # an edge that refuses at once is not to be asked a thousand times a second
            return Answer(began=began, ended=time.monotonic(), status=type(error).__name__)
        return Answer(began=began, ended=time.monotonic(), status=status, hostname=hostname)
