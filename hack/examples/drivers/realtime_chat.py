"""The messenger: people with an account in a group, over the events of django-realtime-chat-messaging."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hack.clients.person import Person
from hack.examples.driver import ExampleError, Support, Tally
from hack.examples.drivers.messenger_cleanup import clean_up
from hack.examples.drivers.realtime_friend import Friend, stop
from hack.examples.drivers.tools import add_up_closes, expect_found, find_two_pods, is_refused, is_true

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from hack.examples.driver import Object, Target

DAPHNE_GOING_AWAY = frozenset({4012})
"""Daphne's WebSocket library sends 1000 and 3000-4999 only."""
PEOPLE = 5
SAY_SECONDS = 2.5
PAGE_SECONDS = 2.0
PUSH_SECONDS = 20.0
"""For one last message from everybody, with everybody connected."""
ARRIVE_SECONDS = 75.0
"""More than twice the longest pause between two attempts to connect, and one message said again."""


class GroupLoad:
    """Friends in one group who talk, and look at a page from time to time."""

    def __init__(self, friends: Sequence[Friend]) -> None:
        self.friends = friends
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        """Start to talk and to look."""
        for act in (self._talk, self._look):
            self._tasks += [asyncio.create_task(act(friend)) for friend in self.friends]

    async def end(self) -> None:
        """Stop talking and looking."""
        tasks, self._tasks = self._tasks, []
        await stop(tasks)

    async def finish(self) -> Tally:
        """See `Load`.

        The package stores a message and then tells the room; where a process dies between the two, the others see it when
        they next look at the room, so everybody does so once at the end. Whether the pushes still come is asked separately,
        with one more message from everybody: the package forgets who is in which room when its cache is lost, and a page
        that looks again would hide it.
        """
        await self.end()
        for look in (False, True):
            if look and self._missing():
                for friend in self.friends:
                    await friend.look_again()
            with contextlib.suppress(AssertionError):  # what has not arrived in the end is counted as lost
                await is_true(
                    lambda: not self._missing(), what="everything has arrived", within=ARRIVE_SECONDS
                )
        missing = self._missing()
        sent = self._sent()
        if not sent:
            raise ExampleError("nobody said anything, so nothing was shown")
        deaf = await self._find_deaf()
        return Tally(
            unit="messages",
            sent=len(sent),
            lost=len(missing),
            doubled=len({key for f in self.friends for key, count in f.dispatched.items() if count > 1}),
            closes=add_up_closes(friend.socket for friend in self.friends),
            requests=sum(friend.person.requests for friend in self.friends),
            http_errors=sum(len(friend.person.failures) for friend in self.friends),
            state_losses=sum(friend in deaf or is_refused(friend.socket) for friend in self.friends),
        )

    def _sent(self) -> set[str]:
        return {identity for friend in self.friends for identity in (*friend.accepted, *friend.waiting)}

    def _missing(self) -> set[str]:
        """Ids that are not in the room, or that a friend has not seen."""
        missing = {identity for friend in self.friends for identity in friend.waiting}
        return missing | {key for key in self._sent() for friend in self.friends if key not in friend.known}

    async def _find_deaf(self) -> list[Friend]:
        """Friends to whom nothing is pushed any more."""
        last = [await friend.say("one last thing") for friend in self.friends]

        def deaf() -> list[Friend]:
            return [friend for friend in self.friends if any(key not in friend.dispatched for key in last)]

        with contextlib.suppress(AssertionError):  # who has got nothing by then is deaf
            await is_true(lambda: not deaf(), what="a push to everybody", within=PUSH_SECONDS)
        return deaf()

    async def _talk(self, friend: Friend) -> None:
        count = 0
        while True:
            count += 1
            await friend.say(f"{friend.name} {count}")
            await asyncio.sleep(SAY_SECONDS)

    async def _look(self, friend: Friend) -> None:
        while True:
            await friend.person.get("/whoami/")
            await asyncio.sleep(PAGE_SECONDS)


@dataclass(frozen=True)
class RealtimeChat:
    """See `hack.examples.driver.Driver`."""

    support: frozenset[Support] = frozenset({Support.POSTGRES})
    planned_codes: frozenset[int] = DAPHNE_GOING_AWAY

    def prepare(self, *, target: Target) -> Sequence[Object]:
        """Nothing beside the database."""
        del target
        return ()

    async def work(self, *, target: Target) -> str:
        """Accounts, a group over two pods, delivery, a heartbeat, and what was missed."""
        async with AsyncExitStack() as stack:
            ann, ben = await find_two_pods(
                lambda number: enter(stack, target=target, number=number),
                hostname=lambda friend: friend.hostname,
            )
            await ann.leave()
            await ann.log_in_again()
            await ann.connect()
            await make_group(ann, [ben])
            await talk_and_confirm(ann, ben)
            await miss_and_catch_up(ann, ben)
            await join_channel(ann, ben)
        await clean_up(target)
        return "login, group over pods, receipts, catch-up, join, cleaned up"

    @asynccontextmanager
    async def load(self, *, target: Target) -> AsyncIterator[GroupLoad]:
        """See `Driver`."""
        async with AsyncExitStack() as stack:
            friends = [await enter(stack, target=target, number=number) for number in range(PEOPLE)]
            await make_group(friends[0], friends[1:])
            load = GroupLoad(friends)
            stack.push_async_callback(load.end)
            load.begin()
            await is_true(lambda: all(friend.accepted for friend in friends), what="everybody said something")
            yield load


async def enter(stack: AsyncExitStack, *, target: Target, number: int) -> Friend:
    """A new account with its page open, for as long as `stack`."""
    person = Person(host=target.host, number=number, edge=target.edge)
    await stack.enter_async_context(person)
    friend = Friend(person=person, name=f"friend-{number}-{uuid.uuid4().hex[:8]}")
    await friend.sign_up()
    stack.push_async_callback(friend.leave)
    await friend.connect()
    return friend


async def make_group(creator: Friend, others: Sequence[Friend]) -> None:
    """One creates a group with all, and everybody is told."""
    participants = [other.identity for other in others]
    await creator.send("room.create", {"type": "GroupChat", "name": "Friends", "participants": participants})
    for friend in (creator, *others):
        friend.room = (await friend.expect_event("roomcreate.dispatch"))["id"]


async def talk_and_confirm(ann: Friend, ben: Friend) -> None:
    """A message reaches the other pod, its sender hears of the delivery, and a heartbeat is answered."""
    message = await ann.say("hello")
    await is_true(
        lambda: message in ben.dispatched and message in ann.accepted, what="the other pod's message"
    )
    delivered = await ann.expect_event("messagedelivered.dispatch")
    expect_found(message in str(delivered), "a delivery report of the message", delivered)
    await ben.send("session.heartbeat", {})
    await is_true(lambda: {"status": "success"} in ben.events, what="an answer to a heartbeat")


async def miss_and_catch_up(ann: Friend, ben: Friend) -> None:
    """What is said while somebody is away is announced when they come back, and is in the room's messages."""
    await ben.leave()
    ben.events.clear()
    missed = [await ann.say(f"missed {count}") for count in range(2)]
    await is_true(lambda: set(missed) <= ann.accepted, what="stored while one was away")
    await ben.connect()
    announced = await ben.expect_event("chat.notifications")
    expect_found(all(key in str(announced) for key in missed), "notifications of both messages", announced)
    await is_true(lambda: set(missed) <= ben.known, what="the missed messages in the room")


async def join_channel(ann: Friend, ben: Friend) -> None:
    """Somebody joins a public channel and gets what is said there."""
    fields = {"type": "Channel", "name": "News", "extra_fields": {"is_public": True}}
    await ann.send("room.create", fields)
    ann.room = (await ann.expect_event("roomcreate.dispatch"))["id"]
    await ben.send("room.join", {"room_id": ann.room})
    await ann.expect_event("roomaddmembers.dispatch")
    news = await ann.say("news")
    await is_true(lambda: news in ben.dispatched, what="the channel's news")


DRIVER = RealtimeChat()
