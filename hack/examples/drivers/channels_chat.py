"""The chat on Channels: people with a name in rooms, who say everything until it is stored and catch up by number."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hack.clients.person import Person
from hack.clients.sockets import LastingSocket
from hack.clients.waiting import eventually_async
from hack.examples.driver import GOING_AWAY, ExampleError, Support, Tally
from hack.examples.drivers.tools import add_up_closes, expect_found, find_two_pods, is_refused, is_true

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from websockets.asyncio.client import ClientConnection

    from hack.examples.driver import Object, Target

PEOPLE = 8
ROOMS = 2
SAY_SECONDS = 1.0
PAGE_SECONDS = 2.0
ARRIVE_SECONDS = 60.0
"""More than twice the longest pause of a client between two attempts to connect."""


@dataclass(kw_only=True)
class Member:
    """One person in one room, with a client that behaves as the room's own page does."""

    person: Person
    name: str
    room: str
    socket: LastingSocket = field(init=False)
    hostname: str = ""
    """Pod that serves the connection of now, or served the last one."""
    waiting: dict[str, str] = field(default_factory=dict)
    """Text by key: said, and not known to be stored."""
    stored: dict[str, int] = field(default_factory=dict)
    """Number by key, as the application acknowledged it."""
    received: Counter[str] = field(default_factory=Counter)
    """How often each key arrived."""
    numbers: Counter[int] = field(default_factory=Counter)
    seen: int = 0
    """Number of the last message; where the next connection goes on."""
    forgotten: int = 0
    """Connections on which the application did not know the name any more."""
    _connected: AsyncExitStack = field(default_factory=AsyncExitStack)

    def __post_init__(self) -> None:
        self.socket = LastingSocket(
            host=self.person.host,
            path=self._path(),
            number=self.person.number,
            edge=self.person.edge,
            opened=self._greet,
            received=self._receive,
        )

    async def enter(self, stack: AsyncExitStack) -> None:
        """Say a name at the door and connect to the room; both last as long as `stack`."""
        answer = await self.person.submit("/", {"name": self.name, "room": self.room})
        expect_found(answer.location.endswith(f"/rooms/{self.room}/"), f"the door let {self.name} in", answer)
        stack.push_async_callback(self.leave)
        await self.connect()

    async def connect(self) -> None:
        """Go into the room, after the last message seen."""
        self.socket.headers = self.person.handshake_headers()
        await self._connected.enter_async_context(self.socket)
        await is_true(lambda: self.socket.connection is not None, what=f"{self.name} is in the room")

    async def leave(self) -> None:
        """Close the page."""
        await self._connected.aclose()

    async def say(self, text: str) -> str:
        """Say something; it is said again on every new connection until it is stored. The key it got."""
        key = str(uuid.uuid4())
        self.waiting[key] = text
        await self.repeat(key, text)
        return key

    async def repeat(self, key: str, text: str) -> None:
        """Say it (again)."""
        await self.socket.send(json.dumps({"type": "say", "key": key, "text": text}))

    def _path(self) -> str:
        return f"/ws/chat/{self.room}/?after={self.seen}"

    async def _greet(self, connection: ClientConnection) -> None:
        welcome = json.loads(await connection.recv())
        self.forgotten += welcome.get("name") != self.name
        self.hostname = welcome.get("hostname", "")
        for key, text in list(self.waiting.items()):
            await connection.send(json.dumps({"type": "say", "key": key, "text": text}))

    async def _receive(self, raw: str | bytes) -> None:
        frame: dict[str, Any] = json.loads(raw)
        if frame["type"] == "message":
            self.received[frame["key"]] += 1
            self.numbers[frame["number"]] += 1
            self.seen = max(self.seen, frame["number"])
            self.socket.path = self._path()
        elif frame["type"] == "stored":
            self.waiting.pop(frame["key"], None)
            self.stored[frame["key"]] = frame["number"]
        else:
            raise ExampleError(f"{self.name} did not expect the frame {frame}")


class ChatLoad:
    """People who talk in rooms, and look at the room's page from time to time."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = members
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        """Start to talk and to look."""
        for act, pause in ((self._talk, SAY_SECONDS), (self._look, PAGE_SECONDS)):
            self._tasks += [asyncio.create_task(act(member, pause)) for member in self.members]

    async def end(self) -> None:
        """Stop talking and looking; what is said and not stored is still repeated by the sockets."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks = []

    async def finish(self) -> Tally:
        """See `Load`."""
        await self.end()
        with contextlib.suppress(AssertionError):  # what has not arrived by then is counted as lost
            await is_true(
                lambda: not self._missing(), what="everything said has arrived", within=ARRIVE_SECONDS
            )
        sent = {key for member in self.members for key in (*member.stored, *member.waiting)}
        if not sent:
            raise ExampleError("nobody said anything, so nothing was shown")
        return Tally(
            unit="messages",
            sent=len(sent),
            lost=len(self._missing()),
            doubled=len(find_doubled(self.members)),
            closes=add_up_closes(member.socket for member in self.members),
            requests=sum(member.person.requests for member in self.members),
            http_errors=sum(len(member.person.failures) for member in self.members),
            state_losses=sum(lost_name(member) for member in self.members),
        )

    def _missing(self) -> set[str]:
        """Keys that are not stored, or not with everybody in the room."""
        missing = {key for member in self.members for key in member.waiting}
        for member in self.members:
            for other in self.members:
                if other.room == member.room:
                    missing |= {key for key in member.stored if key not in other.received}
        return missing

    async def _talk(self, member: Member, pause: float) -> None:
        count = 0
        while True:
            count += 1
            await member.say(f"{member.name} {count}")
            await asyncio.sleep(pause)

    async def _look(self, member: Member, pause: float) -> None:
        while True:
            await member.person.get(f"/rooms/{member.room}/")
            await asyncio.sleep(pause)


def find_doubled(members: Sequence[Member]) -> set[str]:
    """Keys that anybody got twice, or that have two numbers."""
    doubled = {key for member in members for key, count in member.received.items() if count > 1}
    for member in members:
        if any(count > 1 for count in member.numbers.values()):
            doubled.add(f"{member.room}: a number")
    return doubled


def lost_name(member: Member) -> bool:
    """Whether the application had forgotten who this was."""
    return member.forgotten > 0 or is_refused(member.socket)


@dataclass(frozen=True)
class ChannelsChat:
    """See `hack.examples.driver.Driver`."""

    support: frozenset[Support] = frozenset({Support.POSTGRES})
    planned_codes: frozenset[int] = GOING_AWAY

    def prepare(self, *, target: Target) -> Sequence[Object]:
        """Nothing beside the database."""
        del target
        return ()

    async def work(self, *, target: Target) -> str:
        """Talk over two pods, repeat, leave and catch up, and see the worker count."""
        room = f"work-{uuid.uuid4().hex[:8]}"
        async with AsyncExitStack() as stack:
            await refuse_a_stranger(target, room=room)
            ann, ben = await find_two_pods(
                lambda number: enter(stack, target=target, number=number, room=room),
                hostname=lambda member: member.hostname,
            )
            key = await ann.say("hello")
            await is_true(
                lambda: key in ann.stored and key in ben.received, what="the other pod got the message"
            )
            number = ann.stored.pop(key)
            await ann.repeat(key, "hello")
            await is_true(lambda: ann.stored.get(key) == number, what="a repeated message keeps its number")

            await ben.leave()
            missed = [await ann.say(f"missed {count}") for count in range(3)]
            await is_true(lambda: all(key in ann.stored for key in missed), what="stored while one was away")
            await ben.connect()
            await is_true(lambda: all(key in ben.received for key in missed), what="caught up by number")
            last = await ben.say("thanks")
            await is_true(lambda: last in ann.received, what="an answer")
            expect_found(not find_doubled([ann, ben]), "nothing arrived twice", ann.received)
            await await_tally(ann, messages=len(missed) + 2, authors=2)
        return "two pods, repeat stored once, catch-up, worker's tally"

    @asynccontextmanager
    async def load(self, *, target: Target) -> AsyncIterator[ChatLoad]:
        """See `Driver`."""
        prefix = f"load-{uuid.uuid4().hex[:8]}"
        async with AsyncExitStack() as stack:
            members = [
                await enter(stack, target=target, number=number, room=f"{prefix}-{number % ROOMS}")
                for number in range(PEOPLE)
            ]
            load = ChatLoad(members)
            stack.push_async_callback(load.end)
            load.begin()
            await is_true(lambda: all(member.stored for member in members), what="everybody said something")
            yield load


async def enter(stack: AsyncExitStack, *, target: Target, number: int, room: str) -> Member:
    """A new person in a room, for as long as `stack`."""
    person = Person(host=target.host, number=number, edge=target.edge)
    await stack.enter_async_context(person)
    member = Member(person=person, name=f"Person {number}", room=room)
    await member.enter(stack)
    return member


async def refuse_a_stranger(target: Target, *, room: str) -> None:
    """Check that a visitor who gave no name gets no WebSocket."""
    async with LastingSocket(host=target.host, path=f"/ws/chat/{room}/", edge=target.edge) as socket:
        await is_true(lambda: bool(socket.refusals or socket.connection), what="an answer to a handshake")
    expect_found(is_refused(socket), "a visitor without a name is refused with 403", socket.refusals)


async def await_tally(member: Member, *, messages: int, authors: int) -> None:
    """Wait until the worker has counted."""

    async def counted() -> bool:
        answer = await member.person.get(f"/rooms/{member.room}/tally/")
        found = json.loads(answer.text) if answer.status else {}
        return bool(found.get("messages") == messages and found.get("authors") == authors)

    await eventually_async(
        counted, within=20, what=f"the worker counted {authors} authors of {messages} messages"
    )


DRIVER = ChannelsChat()
