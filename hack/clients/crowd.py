"""Ten thousand WebSocket clients in one process: what `sockets.Fleet` is, without a task and a queue per client.

Each client comes back the way djust's own does, keeps the edge's affinity cookie as a browser would, and remembers
every close with its code. The protocol is that of the websockets package, driven by asyncio's transports.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Self

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

from hack.clients.sockets import EDGE, NO_CLOSE_FRAME, Close, count_peak, loopback_address, pause_before

if TYPE_CHECKING:
    from collections.abc import Iterator

AT_ONCE = 40
"""Handshakes under way while the crowd gathers; more would time out on a small machine."""
HANDSHAKE_SECONDS = 10.0


@dataclass(slots=True, kw_only=True)
class Member:
    """One client. `pod` is the server that answered last, as the application names it."""

    number: int
    cookie: str = ""
    pod: str = ""
    attempt: int = 0
    lost_at: float | None = None
    line: Line | None = None
    """The connection now, when its handshake is done."""


@dataclass(kw_only=True)
class Crowd:
    """`size` clients of `ws://host/path` through the edge, whose application names its server in the first message.

    An async context; `gather` lets them in. Moments are monotonic seconds.
    """

    host: str
    path: str
    size: int
    edge: tuple[str, int] = EDGE
    seed: int = 0
    sticky: bool = True
    closes: list[Close] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)
    """Handshakes that failed, by HTTP status or what happened instead."""
    downtimes: list[float] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _random: random.Random = field(default_factory=random.Random)
    _leaving: bool = False

    async def __aenter__(self) -> Self:
        self._random = random.Random(self.seed)  # noqa: S311 - reproducible jitter, not a secret
        self.members = [Member(number=number) for number in range(self.size)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._leaving = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.scatter()

    async def gather(self, *, within: float) -> None:
        """Connect everybody who is not; AssertionError when some are still outside after `within` seconds."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def enter(member: Member) -> None:
            while member.line is None:
                async with gate:
                    await self._try(member)
                if member.line is None:
                    await asyncio.sleep(0.5)

        try:
            async with asyncio.timeout(within):
                await asyncio.gather(*(enter(member) for member in self.members if member.line is None))
        except TimeoutError:
            missing = self.size - self.connected
            reasons = dict(self.refusals.most_common(3))
            raise AssertionError(
                f"{missing} of {self.size} sockets not open within {within:.0f} s; refused: {reasons}"
            ) from None

    def scatter(self) -> None:
        """Cut every connection without a word, and forget the cookies: the next gathering finds its pods anew."""
        for member in self.members:
            if member.line is not None:
                member.line.abandon()
                member.line = None
            member.cookie, member.lost_at, member.attempt = "", None, 0

    def leave_from(self, pod: str, *, keep: int) -> int:
        """Let clients of `pod` go home until `keep` are left there; return how many are left."""
        there = [member for member in self.members if member.line is not None and member.pod == pod]
        for member in there[keep:]:
            assert member.line is not None
            member.line.abandon()
            member.line = None
        return min(keep, len(there))

    @property
    def connected(self) -> int:
        """Sockets open now."""
        return sum(member.line is not None for member in self.members)

    def by_pod(self) -> Counter[str]:
        """Open sockets by the server that holds them."""
        return Counter(member.pod for member in self.members if member.line is not None)

    def forget(self) -> None:
        """Begin to count anew."""
        self.closes.clear()
        self.refusals.clear()
        self.downtimes.clear()

    def codes(self) -> dict[int, int]:
        """Closes by code."""
        return dict(Counter(close.code for close in self.closes))

    def peak(self, seconds: float = 1.0) -> int:
        """Most closes within any window of so many seconds."""
        return count_peak((close.at for close in self.closes), seconds=seconds)

    def seconds_of_closing(self) -> float:
        """From the first close to the last."""
        times = [close.at for close in self.closes]
        return max(times) - min(times) if times else 0.0

    def opened(self, member: Member, line: Line) -> None:
        """Take a connection whose handshake is done."""
        member.line = line
        if member.lost_at is not None:
            self.downtimes.append(time.monotonic() - member.lost_at)
        member.attempt, member.lost_at = 1, None

    def lost(self, member: Member, code: int) -> None:
        """Note an open connection's end, and send its client on the way back."""
        now = time.monotonic()
        self.closes.append(Close(client=member.number, at=now, code=code))
        member.line, member.lost_at, member.attempt = None, now, 1
        if not self._leaving:
            task = asyncio.get_running_loop().create_task(self._return(member))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _return(self, member: Member) -> None:
        while member.line is None and member.lost_at is not None:
            await asyncio.sleep(pause_before(member.attempt, self._random))
            await self._try(member)
            member.attempt += 1

    async def _try(self, member: Member) -> None:
        loop = asyncio.get_running_loop()
        line = Line(crowd=self, member=member, done=loop.create_future())
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                await loop.create_connection(
                    lambda: line, *self.edge, local_addr=(loopback_address(member.number), 0)
                )
                refusal = await line.done
        except (OSError, TimeoutError) as error:
            line.abandon()
            refusal = type(error).__name__
        if refusal:
            self.refusals[refusal] += 1


class Line(asyncio.Protocol):
    """One connection of a member. `done` gets why the handshake was refused, or an empty text once it is open."""

    __slots__ = ("_crowd", "_member", "_open", "_protocol", "_transport", "done")

    def __init__(self, *, crowd: Crowd, member: Member, done: asyncio.Future[str]) -> None:
        self._crowd = crowd
        self._member = member
        self._open = False
        self._transport: asyncio.Transport | None = None
        self.done = done
        uri = parse_uri(f"ws://{crowd.host}{crowd.path}")
        self._protocol = ClientProtocol(uri, origin=f"http://{crowd.host}")  # type: ignore[arg-type]  # a NewType of str

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the handshake."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        request = self._protocol.connect()
        if self._member.cookie and self._crowd.sticky:
            request.headers["Cookie"] = self._member.cookie
        self._protocol.send_request(request)
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Answer what the protocol answers by itself (pings, the close), and read what is left."""
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Response):
                self._read_answer(event)
            elif isinstance(event, Frame) and event.opcode is Opcode.TEXT and not self._member.pod:
                self._member.pod = str(json.loads(bytes(event.data))["hostname"])
        self._flush()

    def eof_received(self) -> bool:
        """The other side has finished; so do we."""
        self._protocol.receive_eof()
        self._flush()
        return False

    def connection_lost(self, _error: Exception | None) -> None:
        """Tell the crowd with which code an open connection ended."""
        if not self.done.done():
            self.done.set_result("closed without an answer")
        if self._open:
            self._open = False
            code = self._protocol.close_code
            self._crowd.lost(self._member, NO_CLOSE_FRAME if code is None else code)

    def abandon(self) -> None:
        """Cut the connection; its end is not counted."""
        self._open = False
        if not self.done.done():
            self.done.cancel()
        if self._transport is not None:
            self._transport.abort()

    def _read_answer(self, response: Response) -> None:
        self._member.cookie = merge_cookies(self._member.cookie, response.headers.get_all("Set-Cookie"))
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            if not self.done.done():
                self.done.set_result(str(response.status_code))
            return
        self._open = True
        self._member.pod = ""
        self._crowd.opened(self._member, self)
        if not self.done.done():
            self.done.set_result("")

    def _flush(self) -> None:
        assert self._transport is not None
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._transport.close()


def merge_cookies(header: str, set_cookies: list[str]) -> str:
    """Return the Cookie header after a response; a cookie of no age is forgotten, as a browser does."""
    kept = dict(_read_pairs(header))
    for text in set_cookies:
        jar: SimpleCookie = SimpleCookie()
        try:
            jar.load(text)
        except CookieError:
            continue
        for name, morsel in jar.items():
            if morsel["max-age"] and int(morsel["max-age"]) <= 0:
                kept.pop(name, None)
            else:
                kept[name] = morsel.value
    return "; ".join(f"{name}={value}" for name, value in kept.items())


def _read_pairs(header: str) -> Iterator[tuple[str, str]]:
    for part in header.split("; "):
        name, equals, value = part.partition("=")
        if equals:
            yield name, value
