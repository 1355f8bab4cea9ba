"""djust's own protocol: a page over its WebSocket, over server-sent events, and over plain POSTs.

Only what a page of the counter needs is understood: the first rendering, text that is replaced, and the state the server
signs for the page to bring back.
"""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

from hack.clients.sockets import LastingSocket
from hack.examples.driver import ExampleError
from hack.examples.drivers.tools import WITHIN_SECONDS, is_true

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from websockets.asyncio.client import ClientConnection

    from hack.clients.person import Person

Frame = dict[str, Any]

SOCKET = "/ws/live/"
ANSWER_SECONDS = 75.0
"""An event is answered at once, or its connection ends and another one is there after 30 s of pause at most."""
RENDERED_COUNT = re.compile(r'id="count"[^>]*>(?P<count>-?\d+)<')


def mount_frame(*, view: str, path: str, prerendered: bool) -> Frame:
    """What the client sends first on every connection."""
    return {
        "type": "mount",
        "view": view,
        "params": {},
        "url": path,
        "has_prerendered": prerendered,
        "client_timezone": "UTC",
    }


def read_count(frame: Frame) -> int | None:
    """The count a frame brings, None when it brings none.

    It stands in rendered HTML, in the text of a patch (the count is the only text of the counter's page that is nothing
    but a number), or in the signed state of a mount, which ends in its signature.
    """
    if found := RENDERED_COUNT.search(str(frame.get("html", ""))):
        return int(found["count"])
    for patch in frame.get("patches") or ():
        if patch.get("type") == "SetText" and re.fullmatch(r"-?\d+", patch.get("text", "")):
            return int(patch["text"])
    if signed := frame.get("state_snapshot_signed"):
        envelope, _ = json.JSONDecoder().raw_decode(signed)
        count = json.loads(envelope["state"]).get("count")
        return int(count) if isinstance(count, int) else None
    return None


@dataclass(kw_only=True)
class LivePage:
    """A page of djust that stays connected the way djust's client does."""

    person: Person
    view: str
    """Dotted name of the LiveView."""
    path: str
    mounted: Callable[[Frame], None] = lambda _frame: None
    """Called with the answer to the mount of every connection."""
    pushed: Callable[[Frame], None] = lambda _frame: None
    """Called with every frame that answers no event of this page."""
    socket: LastingSocket = field(init=False)
    _answers: dict[int, asyncio.Future[Frame | None]] = field(default_factory=dict)
    _reference: int = 0
    _connected: AsyncExitStack = field(default_factory=AsyncExitStack)

    def __post_init__(self) -> None:
        self.socket = LastingSocket(
            host=self.person.host,
            path=SOCKET,
            number=self.person.number,
            edge=self.person.edge,
            opened=self._mount,
            received=self._receive,
        )

    async def load(self) -> str:
        """GET the page, as a browser does before it connects; the HTML."""
        answer = await self.person.get(self.path)
        return answer.text

    async def connect(self) -> None:
        """Connect, and stay connected until `disconnect`."""
        self.socket.headers = self.person.handshake_headers()
        await self._connected.enter_async_context(self.socket)
        await is_true(lambda: self.is_connected or self.socket.broken, what=f"{self.path} is connected")

    async def disconnect(self) -> None:
        """Leave the page."""
        await self._connected.aclose()

    @property
    def is_connected(self) -> bool:
        """Whether the page is mounted on a connection at this moment."""
        return self.socket.connection is not None

    async def send_event(self, event: str, /, **parameters: str) -> Frame | None:
        """Send an event and return its answer; None when the connection ended before the answer came."""
        self._reference += 1
        reference = self._reference
        frame = {"type": "event", "event": event, "params": parameters, "ref": reference}
        answer: asyncio.Future[Frame | None] = asyncio.get_running_loop().create_future()
        self._answers[reference] = answer
        try:
            await self.socket.send(json.dumps(frame))  # unsent or unanswered: the next connection says None
            return await asyncio.wait_for(answer, ANSWER_SECONDS)
        except TimeoutError:
            raise ExampleError(f"no answer to the event {event} within {ANSWER_SECONDS:.0f} s") from None
        finally:
            self._answers.pop(reference, None)

    async def _mount(self, connection: ClientConnection) -> None:
        for answer in self._answers.values():
            answer.set_result(None)
        self._answers = {}
        await expect_frame(connection, "connect")
        await connection.send(json.dumps(mount_frame(view=self.view, path=self.path, prerendered=True)))
        self.mounted(await expect_frame(connection, "mount"))

    async def _receive(self, raw: str | bytes) -> None:
        frame = json.loads(raw)
        if frame.get("type") == "error":
            raise ExampleError(f"djust answered {str(frame)[:300]}")
        answer = self._answers.get(frame.get("ref"))
        if answer is not None and not answer.done():
            answer.set_result(frame)
        else:
            self.pushed(frame)


async def expect_frame(connection: ClientConnection, kind: str) -> Frame:
    """The next frame, which has to be of a kind."""
    frame: Frame = json.loads(await connection.recv())
    if frame.get("type") != kind:
        raise ExampleError(f"expected djust's frame {kind}; found: {str(frame)[:300]}")
    return frame


@dataclass(kw_only=True)
class StreamedPage:
    """The same page for a browser that gets no WebSocket: an event stream, and a POST for everything it says."""

    person: Person
    view: str
    path: str
    _address: str = field(default_factory=lambda: f"/djust/sse/{uuid.uuid4()}/")

    def open(self) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """The stream, for `async with`; it lasts longer than any request."""
        url = self.person.url(f"{self._address}?view={self.view}")
        forever = aiohttp.ClientTimeout(total=None)
        return self.person.session.get(url, headers={"Accept": "text/event-stream"}, timeout=forever)

    async def say(self, frame: Frame) -> None:
        """POST a frame; the answer comes over the stream."""
        answer = await self.person.post_json(f"{self._address}message/", frame)
        if json.loads(answer.text or "null") != {"ok": True}:
            raise ExampleError(f"expected that djust takes an event by POST; found: {answer}")

    async def mount(self) -> None:
        """Say which page this is, as the client does when its stream is open."""
        await self.say(mount_frame(view=self.view, path=self.path, prerendered=False))

    async def await_count(self, stream: aiohttp.ClientResponse, wanted: int) -> None:
        """Read the stream until it brings a count."""
        found: object = None
        try:
            async with asyncio.timeout(WITHIN_SECONDS):
                while line := await stream.content.readline():
                    if not line.startswith(b"data: "):
                        continue
                    found = read_count(json.loads(line.removeprefix(b"data: ")))
                    if found == wanted:
                        return
        except TimeoutError:
            pass
        raise ExampleError(f"expected the count {wanted} in the event stream; the last one was {found}")
