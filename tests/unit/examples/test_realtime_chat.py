"""The messenger's client against a chat that loses answers, pushes and rooms: it has to notice, and to lose nothing itself."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from hack.clients.person import Person
from hack.examples.driver import ExampleError
from hack.examples.drivers import realtime_chat, realtime_friend
from hack.examples.drivers.realtime_chat import GroupLoad
from hack.examples.drivers.realtime_friend import Friend, is_stored_already
from hack.examples.drivers.tools import is_true

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

EXISTS = {"code": 4003, "detail": {"id": ["message with this id already exists."]}}


@dataclass(kw_only=True)
class FakeMessenger:
    """One group in memory that speaks the package's events."""

    closes_before_push: set[int] = field(default_factory=set)
    """Numbers of messages that are stored and pushed to nobody: the connection ends with 4012."""
    forgets: set[int] = field(default_factory=set)
    """Numbers of messages that are neither stored nor answered."""
    pushes: bool = True
    keeps: bool = True
    """Otherwise a message is gone when its sender has been told."""
    looks: int = 0
    """How often somebody asked for the room's messages."""
    messages: list[dict[str, Any]] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)
    sent: int = 0
    _sockets: set[ServerConnection] = field(default_factory=set)

    async def serve(self, connection: ServerConnection) -> None:
        """One connection."""
        self._sockets.add(connection)
        try:
            async for raw in connection:
                event = json.loads(raw)
                if event["event_type"] == "message.send":
                    await self._store(connection, event["data"])
                elif event["event_type"] == "message.acknowledged":
                    self.acknowledged |= set(event["data"]["message_id"])
                elif event["event_type"] == "room.messages":
                    self.looks += 1
                    await connection.send(self._page(**event["data"]["paginate"]))
        finally:
            self._sockets.discard(connection)

    async def _store(self, connection: ServerConnection, data: dict[str, Any]) -> None:
        identity = data["extra_fields"]["id"]
        if any(message["id"] == identity for message in self.messages):
            await connection.send(json.dumps({"error": EXISTS}))
            return
        self.sent += 1
        if self.sent in self.forgets:
            return
        message = {"id": identity, "content": data["content"], "sender": {"id": id(connection)}}
        if not self.keeps:
            await connection.send(json.dumps({"eventType": "message.dispatch", "data": message}))
            return
        self.messages.insert(0, message)
        if self.sent in self.closes_before_push:
            await connection.close(4012)
        elif self.pushes:
            for socket in list(self._sockets):
                await socket.send(json.dumps({"eventType": "message.dispatch", "data": message}))
        else:
            await connection.send(json.dumps({"error": EXISTS}))

    def _page(self, *, page: int, size: int) -> str:
        start = (page - 1) * size
        found = self.messages[start : start + size]
        more = len(self.messages) > start + size
        data = {"has_next": more, "next_page_number": page + 1, "data": {"messages": found}}
        return json.dumps({"eventType": "roommessages.dispatch", "data": data})


@asynccontextmanager
async def visit(messenger: FakeMessenger, *, people: int = 2) -> AsyncIterator[GroupLoad]:
    """Friends in the group."""
    async with serve(messenger.serve, "127.0.0.1", 0) as server, AsyncExitStack() as stack:
        edge = next(iter(server.sockets)).getsockname()
        friends = []
        for number in range(people):
            person = await stack.enter_async_context(Person(host="chat.localhost", number=number, edge=edge))
            friend = Friend(person=person, name=f"friend-{number}", room="room")
            stack.push_async_callback(friend.leave)
            await friend.connect()
            friends.append(friend)
        yield GroupLoad(friends)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here takes longer than one reconnect."""
    monkeypatch.setattr(realtime_chat, "ARRIVE_SECONDS", 3.0)
    monkeypatch.setattr(realtime_chat, "PUSH_SECONDS", 2.0)
    monkeypatch.setattr(realtime_friend, "TIDY_SECONDS", 0.1)
    monkeypatch.setattr(realtime_friend, "AGAIN_SECONDS", 0.5)


async def test_messages_go_one_after_the_other_and_are_acknowledged() -> None:
    messenger = FakeMessenger()
    async with visit(messenger) as load:
        said = [await load.friends[0].say(f"message {number}") for number in range(3)]
        await is_true(lambda: set(said) <= messenger.acknowledged, what="acknowledged")
        tally = await load.finish()
    assert [message["id"] for message in reversed(messenger.messages)][:3] == said
    assert (tally.sent, tally.lost, tally.doubled, tally.state_losses) == (3, 0, 0, 0)
    assert tally.closes == {}


async def test_what_is_stored_and_pushed_to_nobody_is_fetched() -> None:
    async with visit(FakeMessenger(closes_before_push={1}), people=1) as load:
        await load.friends[0].say("hello")
        tally = await load.finish()
    assert (tally.sent, tally.lost, tally.state_losses) == (1, 0, 0)
    assert tally.closes == {4012: 1}


async def test_what_nobody_answers_is_said_again() -> None:
    messenger = FakeMessenger(forgets={1})
    async with visit(messenger) as load:
        await load.friends[0].say("hello")
        tally = await load.finish()
    assert (tally.sent, tally.lost) == (1, 0)
    assert [message["content"] for message in messenger.messages].count("hello") == 1


async def test_what_was_pushed_to_nobody_is_there_for_who_looks_again() -> None:
    messenger = FakeMessenger(closes_before_push={1})
    async with visit(messenger) as load:
        await is_true(lambda: messenger.looks == len(load.friends), what="both pages are open")
        await load.friends[0].say("hello")  # the other is connected, and asks for nothing
        tally = await load.finish()
    assert (tally.sent, tally.lost) == (1, 0)


async def test_a_message_that_is_pushed_to_its_sender_alone_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(realtime_chat, "ARRIVE_SECONDS", 0.5)
    async with visit(FakeMessenger(keeps=False)) as load:
        await load.friends[0].say("hello")
        tally = await load.finish()
    assert (tally.sent, tally.lost) == (1, 1)


async def test_who_is_pushed_nothing_has_lost_the_group_even_when_a_fetch_hides_it() -> None:
    async with visit(FakeMessenger(pushes=False), people=1) as load:
        await load.friends[0].say("hello")
        tally = await load.finish()
    assert (tally.sent, tally.lost, tally.state_losses) == (1, 0, 1)


async def test_a_long_absence_is_caught_up_page_by_page() -> None:
    messenger = FakeMessenger()
    messenger.messages = [{"id": str(number), "content": "", "sender": {"id": 0}} for number in range(45)]
    async with visit(messenger, people=1) as load:
        await is_true(lambda: len(load.friends[0].known) == 45, what="everything seen")


@pytest.mark.parametrize(
    ("error", "stored"),
    [
        (EXISTS, True),
        ({"code": 4005, "detail": "Database constraint violated."}, True),
        ({"code": 4003, "detail": {"content": ["This field is required."]}}, False),
        ({"code": 4003, "detail": ["Invalid room_id type"]}, False),
        ({"code": 4006, "detail": "Internal server error."}, False),
    ],
)
def test_two_errors_mean_that_a_message_is_stored_and_no_other(
    error: dict[str, Any], *, stored: bool
) -> None:
    assert is_stored_already(error) is stored


async def test_any_other_error_ends_the_client() -> None:
    friend = Friend(person=Person(host="chat.localhost"), name="Ann")
    with pytest.raises(ExampleError, match="4006"):
        await friend._receive(json.dumps({"error": {"code": 4006, "detail": "Internal server error."}}))  # noqa: SLF001 - what a frame does
