"""A client of django-realtime-chat-messaging, with all that the package leaves to its clients.

Heartbeats, an acknowledgement for what arrives, an id of its own for every message so that it can be said again, one
message on its way at a time, and `room.messages` after every connect.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import uuid
from collections import Counter, deque
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hack.clients.sockets import LastingSocket
from hack.examples.driver import ExampleError
from hack.examples.drivers.tools import expect_found, is_true

if TYPE_CHECKING:
    from collections.abc import Iterable

    from websockets.asyncio.client import ClientConnection

    from hack.clients.person import Person

Event = dict[str, Any]

TIDY_SECONDS = 1.0
"""Between two looks at what has to be acknowledged or said again."""
AGAIN_SECONDS = 15.0
"""A message that is not seen in the room by then is said again."""
HEARTBEAT_SECONDS = 20.0
"""The package's documentation asks for 15 to 30."""
PAGE_SIZE = 20
WHOLE_ROOM = 1000
EVENTS_KEPT = 200
INVALID = 4003
"""The package's error for what it does not accept, a second message with the same id among it."""
CONSTRAINT = 4005
"""Its error when the database refuses a row: the same message came over two connections at the same time."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """A message on its way."""

    room: str
    content: str


@dataclass(kw_only=True)
class Friend:
    """One account with a page that is open."""

    person: Person
    name: str
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(12), repr=False)
    """Password of the account."""
    identity: int = 0
    """Id of the account."""
    hostname: str = ""
    room: str = ""
    """Room that is fetched after every connect; none yet."""
    socket: LastingSocket = field(init=False)
    waiting: dict[str, Said] = field(default_factory=dict)
    """By message id, in order: said, and not seen in the room. Only the first is on its way."""
    accepted: set[str] = field(default_factory=set)
    """Ids of own messages that the application has."""
    dispatched: Counter[str] = field(default_factory=Counter)
    """How often each message id was pushed to this page."""
    known: set[str] = field(default_factory=set)
    """Ids seen at all: pushed, or fetched after a connect."""
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=EVENTS_KEPT))
    """The latest of everything else that came."""
    _sent_at: float = 0.0
    """When the first of `waiting` was sent, in the loop's time."""
    _unacknowledged: list[str] = field(default_factory=list)
    _connected: AsyncExitStack = field(default_factory=AsyncExitStack)

    def __post_init__(self) -> None:
        self.socket = LastingSocket(
            host=self.person.host,
            path="/messaging/",
            number=self.person.number,
            edge=self.person.edge,
            opened=self._take_up,
            received=self._receive,
        )

    async def sign_up(self) -> None:
        """Make the account; who does is logged in."""
        form = {"username": self.name, "password1": self.secret, "password2": self.secret}
        answer = await self.person.submit("/signup/", form)
        expect_found(answer.location == "/", f"{self.name} got an account", answer)
        await self._find_out()

    async def log_in_again(self) -> None:
        """Log in as somebody whose browser has forgotten everything."""
        self.person.forget_all_but()
        answer = await self.person.submit("/login/", {"username": self.name, "password": self.secret})
        expect_found(answer.location == "/", f"{self.name} can log in", answer)
        await self._find_out()

    async def connect(self) -> None:
        """Open the page, and keep it open until `leave`."""
        self.socket.headers = self.person.handshake_headers()
        await self._connected.enter_async_context(self.socket)
        tending = asyncio.create_task(self._tend())
        self._connected.push_async_callback(stop, [tending])
        await is_true(
            lambda: self.socket.connection is not None or self.socket.broken, what=f"{self.name} is online"
        )

    async def leave(self) -> None:
        """Close the page."""
        await self._connected.aclose()

    async def send(self, kind: str, data: Event) -> bool:
        """Send one event of the package."""
        return await self.socket.send(as_event(kind, data))

    async def look_again(self) -> None:
        """Open the room anew, as somebody does who comes back to the page."""
        await self.send("room.messages", {"room_id": self.room, "paginate": {"page": 1, "size": WHOLE_ROOM}})

    async def say(self, content: str) -> str:
        """Say something in the room when all before is there, again and again until it is there too; its id."""
        identity = str(uuid.uuid4())
        self.waiting[identity] = Said(room=self.room, content=content)
        if len(self.waiting) == 1:
            await self._send_first()
        return identity

    async def expect_event(self, kind: str) -> Event:
        """Wait for the next event of a kind and take it; the data it brought."""
        await is_true(
            lambda: any(event.get("eventType") == kind for event in self.events),
            what=f"{self.name} got {kind}",
        )
        found = next(event for event in self.events if event.get("eventType") == kind)
        self.events.remove(found)
        data: Event = found["data"]
        return data

    async def _find_out(self) -> None:
        answer = await self.person.get("/whoami/")
        found = json.loads(answer.text)
        self.identity, self.hostname = found["id"], found["hostname"]

    async def _take_up(self, connection: ClientConnection) -> None:
        """Fetch what was missed and say again what is on its way, on a connection that has just been opened."""
        if self.room:
            await connection.send(as_event("room.messages", self._page(1)))
        if self.waiting:
            await connection.send(as_event("message.send", self._first()))

    async def _send_first(self) -> None:
        if self.waiting:
            await self.send("message.send", self._first())

    def _first(self) -> Event:
        self._sent_at = asyncio.get_running_loop().time()
        identity, said = next(iter(self.waiting.items()))
        return {"room_id": said.room, "content": said.content, "extra_fields": {"id": identity}}

    def _page(self, number: int) -> Event:
        return {"room_id": self.room, "paginate": {"page": number, "size": PAGE_SIZE}}

    async def _tend(self) -> None:
        """Do what the package asks of a page that is open."""
        loop = asyncio.get_running_loop()
        heartbeat = loop.time()
        while True:
            if loop.time() - heartbeat >= HEARTBEAT_SECONDS:
                heartbeat = loop.time()
                await self.send("session.heartbeat", {})
            if self._unacknowledged:
                batch, self._unacknowledged = self._unacknowledged, []
                await self.send("message.acknowledged", {"message_id": batch})
            if loop.time() - self._sent_at >= AGAIN_SECONDS:
                await self._send_first()
            await asyncio.sleep(TIDY_SECONDS)

    async def _receive(self, raw: str | bytes) -> None:
        event: Event = json.loads(raw)
        kind, data = event.get("eventType"), event.get("data")
        if "error" in event:
            if not is_stored_already(event["error"]):
                raise ExampleError(f"{self.name} got the error {event['error']}")
            await self._see(
                next(iter(self.waiting), "")
            )  # the error does not name it; it is the one on its way
        elif kind == "message.dispatch" and data is not None:
            self.dispatched[data["id"]] += 1
            if data["id"] not in self.known and data["sender"]["id"] != self.identity:
                self._unacknowledged.append(data["id"])
            await self._see(data["id"])
        elif kind == "roommessages.dispatch" and data is not None:
            await self._look_through(data)
        else:
            self.events.append(event)

    async def _see(self, identity: str) -> None:
        self.known.add(identity)
        if self.waiting.pop(identity, None) is not None:
            self.accepted.add(identity)
            await self._send_first()

    async def _look_through(self, data: Event) -> None:
        """See a page of the room; ask for the one before it where everything on this one was new."""
        found = [message["id"] for message in data["data"]["messages"]]
        new = [identity for identity in found if identity not in self.known]
        for identity in found:
            await self._see(identity)
        if found and len(new) == len(found) and data.get("has_next"):
            await self.send("room.messages", self._page(data["next_page_number"]))


def as_event(kind: str, data: Event) -> str:
    """An event of the package as it is sent."""
    return json.dumps({"event_type": kind, "data": data})


def is_stored_already(error: Event) -> bool:
    """Whether the package refused a message because it has one with this id."""
    detail = error.get("detail")
    exists = isinstance(detail, dict) and "already exists" in str(detail.get("id"))
    return error.get("code") == CONSTRAINT or (error.get("code") == INVALID and exists)


async def stop(tasks: Iterable[asyncio.Task[None]]) -> None:
    """End tasks and wait for their end; what one has raised comes out."""
    for task in tasks:
        task.cancel()
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError):
            await task
