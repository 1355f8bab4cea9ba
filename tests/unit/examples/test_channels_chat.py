"""The chat's client against rooms that lose, repeat and forget: it has to notice, and to lose nothing itself."""

from __future__ import annotations

import contextlib
import json
from collections import defaultdict
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from hack.clients.person import Person
from hack.examples.driver import ExampleError
from hack.examples.drivers import channels_chat
from hack.examples.drivers.channels_chat import ChatLoad, Member
from hack.examples.drivers.tools import is_true

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@dataclass(kw_only=True)
class FakeRoom:
    """One room in memory that speaks the chat's frames."""

    deaf_to: int = 0
    """Number of a message that nobody is ever given."""
    repeats: int = 0
    """Number of a message that everybody is given twice."""
    closes_before_answer: set[int] = field(default_factory=set)
    """Messages that are stored and not acknowledged: the connection ends with 1012."""
    name: str = "Person 0"
    messages: list[dict[str, Any]] = field(default_factory=list)
    said: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """How often each key was said."""
    _seen: dict[ServerConnection, int] = field(default_factory=dict)
    """Last number given to each open connection."""

    async def serve(self, connection: ServerConnection) -> None:
        """One connection."""
        assert connection.request is not None
        after = int(parse_qs(urlsplit(connection.request.path).query)["after"][0])
        await connection.send(json.dumps({"type": "welcome", "name": self.name, "hostname": "pod-1"}))
        self._seen[connection] = after
        try:
            await self._catch_up(connection)
            async for raw in connection:
                await self._take(connection, json.loads(raw))
        except ConnectionClosed:
            pass
        finally:
            del self._seen[connection]

    async def _take(self, connection: ServerConnection, frame: dict[str, Any]) -> None:
        key = frame["key"]
        self.said[key] += 1
        if not any(message["key"] == key for message in self.messages):
            number = len(self.messages) + 1
            self.messages.append({"type": "message", "number": number, "key": key, "text": frame["text"]})
        for other in list(self._seen):
            with contextlib.suppress(ConnectionClosed):
                await self._catch_up(other)
        number = next(message["number"] for message in self.messages if message["key"] == key)
        if number in self.closes_before_answer:
            self.closes_before_answer.discard(number)
            await connection.close(1012)
        await connection.send(json.dumps({"type": "stored", "key": key, "number": number}))

    async def _catch_up(self, connection: ServerConnection) -> None:
        for message in self.messages[self._seen[connection] :]:
            self._seen[connection] = message["number"]
            if message["number"] != self.deaf_to:
                for _ in range(2 if message["number"] == self.repeats else 1):
                    await connection.send(json.dumps(message))


@asynccontextmanager
async def visit(room: FakeRoom, *, people: int = 1) -> AsyncIterator[ChatLoad]:
    """People in a room; all of them have the name the room knows, unless it has forgotten it."""
    async with serve(room.serve, "127.0.0.1", 0) as server, AsyncExitStack() as stack:
        edge = next(iter(server.sockets)).getsockname()
        members = []
        for number in range(people):
            person = await stack.enter_async_context(Person(host="chat.localhost", number=number, edge=edge))
            member = Member(person=person, name="Person 0", room="lobby")
            stack.push_async_callback(member.leave)
            await member.connect()
            members.append(member)
        yield ChatLoad(members)


async def test_what_is_not_acknowledged_is_said_again_and_counts_once() -> None:
    room = FakeRoom(closes_before_answer={2})
    async with visit(room, people=2) as load:
        keys = [await load.members[0].say(f"message {number}") for number in range(3)]
        tally = await load.finish()
    assert room.said[keys[1]] == 2
    assert (tally.sent, tally.lost, tally.doubled) == (3, 0, 0)
    assert tally.closes == {1012: 1}
    assert tally.state_losses == 0


async def test_a_message_that_reaches_nobody_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels_chat, "ARRIVE_SECONDS", 1.0)
    async with visit(FakeRoom(deaf_to=2), people=2) as load:
        for number in range(3):
            await load.members[0].say(f"message {number}")
        tally = await load.finish()
    assert (tally.sent, tally.lost) == (3, 1)


async def test_a_message_that_comes_twice_is_counted() -> None:
    async with visit(FakeRoom(repeats=1)) as load:
        await load.members[0].say("hello")
        tally = await load.finish()
    assert tally.doubled >= 1


async def test_a_name_that_is_forgotten_is_a_loss_of_state() -> None:
    async with visit(FakeRoom(name="somebody")) as load:
        await load.members[0].say("hello")
        tally = await load.finish()
    assert tally.state_losses == 1


async def test_a_reconnect_goes_on_after_the_last_message() -> None:
    room = FakeRoom()
    async with visit(room, people=2) as load:
        ann, ben = load.members
        key = await ann.say("hello")
        await is_true(lambda: key in ben.received, what="heard")
        await ben.leave()
        missed = await ann.say("missed")
        await ben.connect()
        await is_true(lambda: missed in ben.received, what="caught up")
        assert ben.received == {key: 1, missed: 1}


async def test_silence_proves_nothing() -> None:
    async with visit(FakeRoom()) as load:
        with pytest.raises(ExampleError, match="nobody said anything"):
            await load.finish()
