"""Drives the notice board: API Gateway's requests through the edge, messages back through the management API, clean-ups."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
import time
from base64 import b64decode
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

import aiohttp

from hack.clients.waiting import eventually_async
from hack.examples.aws import objects
from hack.examples.aws.gateway import API_ID, STAGE, make_connection_id
from hack.examples.aws.person import CHANNEL, LoggedOutError, Person, Unexpected
from hack.examples.aws.posts import read_posts
from hack.examples.aws.recorder import GONE
from hack.examples.driver import Object, Support, Tally
from hack.examples.drivers.aws_cleanup import SESSIONS, clean_up
from hack.examples.drivers.database import query_number
from hack.examples.drivers.expect import expect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Sequence
    from contextlib import AbstractAsyncContextManager

    from hack.examples.driver import Target

PEOPLE = 6
MESSAGES = 20
"""Of one person over one connection; at two a second a reconnect every ten seconds, and 20 a minute are allowed."""
PAUSE = 0.5
ARRIVED_SECONDS = 30.0
STOPPED_SECONDS = 60.0
LAUNCHER = "/opt/realtimeapp/realtimeapp_runtime/launch.py"
FAILURES = (aiohttp.ClientError, TimeoutError, Unexpected)


@dataclass(frozen=True)
class NoticesDriver:
    """See hack.examples.driver.Driver."""

    support: frozenset[Support] = frozenset({Support.POSTGRES})
    planned_codes: frozenset[int] = frozenset()

    def prepare(self, *, target: Target) -> Sequence[Object]:  # noqa: ARG002 - the protocol's signature
        """What plays AWS."""
        return objects.build_objects()

    async def work(self, *, target: Target) -> str:
        """Register the gateway, let two people talk over it, refuse what must be refused, clean up."""
        await register(target)
        async with contextlib.AsyncExitStack() as stack:
            alice, bob = [
                await stack.enter_async_context(await make_person(target, name=name, number=number))
                for number, name in enumerate(("alice", "bob"))
            ]
            connections = [await person.connect() for person in (alice, bob)]
            await refuse_strangers(target, alice)
            await echo(target, alice, connections[0])
            await tell_everybody(target, alice, connections)
            await bob.disconnect(connections[1])
            await tell_everybody(target, alice, connections[:1])
            await vanish(target, bob)
            await clean_up(target, open_connection=connections[0], closed_connection=connections[1])
        return "token, connect, echo, broadcast, refusals, 3 clean-ups"

    def load(self, *, target: Target) -> AbstractAsyncContextManager[NoticesLoad]:
        """People who talk and reconnect."""
        return open_load(target)


async def register(target: Target) -> None:
    """Tell the application of the gateway, with its own command in one of its own pods."""
    await asyncio.to_thread(
        target.kubectl.run, "rollout", "status", f"deployment/{objects.NAME}", "--timeout=60s"
    )
    await asyncio.to_thread(
        target.kubectl.run,
        *("exec", f"deployment/{target.app}-web", "--container=web", "--"),
        *("python3", LAUNCHER, "manage", "register_gateway", API_ID),
        *("--stage", STAGE, "--endpoint", f"https://{target.host}/socket/"),
    )


async def make_person(target: Target, *, name: str, number: int) -> Person:
    """Somebody who is not logged in yet; the context logs nobody in either."""
    secret = await asyncio.to_thread(target.kubectl.get, "secret", objects.GATEWAY_SECRET)
    person = Person(target, name=name, number=number, secret=b64decode(secret["data"]["secret"]).decode())
    try:
        await person.sign_up()
        await person.open_board()
    except BaseException:
        await person.__aexit__()
        raise
    return person


async def refuse_strangers(target: Target, person: Person) -> None:
    """A token opens one connection, and nothing opens one without the gateway's secret and a registered id."""
    gateway, cookies = person.gateway, person.cookies
    elsewhere = {"ws_token": await person.get_token(), "channel": "elsewhere"}
    query = {"ws_token": await person.get_token(), "channel": CHANNEL}
    first = await gateway.connect(make_connection_id(), cookies=cookies, **query)
    expect(first == HTTPStatus.OK, f"$connect with a fresh token answered {first}")
    refusals = {
        "no token": await gateway.connect(make_connection_id(), cookies=cookies, channel=CHANNEL),
        "a used token": await gateway.connect(make_connection_id(), cookies=cookies, **query),
        "another channel": await gateway.connect(make_connection_id(), cookies=cookies, **elsewhere),
    }
    stranger = type(gateway)(target=target, secret="x" * 48, address=gateway.address)
    unknown = type(gateway)(
        target=target, secret=gateway.secret, address=gateway.address, api_id="zzzzzzzzzz"
    )
    for what, other in (("another secret", stranger), ("an unknown API", unknown)):
        async with other:
            refusals[what] = await other.connect(make_connection_id(), cookies=cookies, **query)
    allowed = {
        what: status
        for what, status in refusals.items()
        if status not in (HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN)
    }
    expect(not allowed, f"$connect was not refused: {allowed}")


async def echo(target: Target, person: Person, connection: str) -> None:
    """A message is answered on the connection it came from, signed for the gateway's own region and stage."""
    text = secrets.token_hex(8)
    await person.send(connection, {"handler": "default", "message": text})
    posts = [post for post in await read_posts(target.kubectl) if post.message.get("message") == text]
    found = [(post.connection, post.host, post.stage, post.signed) for post in posts]
    host = f"{API_ID}.execute-api.{objects.REGION}.amazonaws.com"
    wanted = [(connection, host, STAGE, f"{objects.REGION}/execute-api")]
    expect(found == wanted, f"the answer to one message: expected {wanted}, posted was {found}")


async def tell_everybody(target: Target, person: Person, connections: Sequence[str]) -> None:
    """A notice reaches the open connections of the channel, each once, and no others.

    Connections without anybody behind them are open as well: those of the refused strangers' fresh token.
    """
    text = secrets.token_hex(8)
    await person.send(connections[0], {"handler": "pin", "text": text})
    posts = [post.connection for post in await read_posts(target.kubectl) if post.message.get("text") == text]
    expect(
        len(posts) == len(set(posts)) and set(connections) <= set(posts),
        f"a notice for {len(connections)} connections was posted to {Counter(posts)}",
    )
    expect(text in await person.open_board(), "the notice is not on the page")


async def vanish(target: Target, person: Person) -> None:
    """A connection AWS says is gone counts as closed from then on."""
    connection = await person.connect(f"{GONE}{make_connection_id()}")
    await person.send(connection, {"handler": "default", "message": "is anybody there?"})
    open_rows = await query_number(
        target.kubectl,
        f"SELECT count(*) FROM {SESSIONS} WHERE connection_id = :'id' AND connected",  # noqa: S608 - a constant
        id=connection,
    )
    expect(open_rows == 0, "a connection that is gone still counts as open")


@dataclass(kw_only=True)
class NoticesLoad:
    """People at work; see hack.examples.driver.Load."""

    target: Target
    accepted: dict[str, str] = field(default_factory=dict)
    """Message -> the connection its echo is for."""
    requests: Counter[str] = field(default_factory=Counter)
    """Outcomes: "ok", or why not."""
    logged_out: int = 0
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    people: list[asyncio.Task[None]] = field(default_factory=list)

    async def talk(self, person: Person) -> None:
        """One person: connects, talks, disconnects, again and again until told to stop."""
        async with person:
            while not self.stopping.is_set():
                if not await self._ask(person.open_board()):
                    continue
                connection = await self._connect(person)
                if connection is None:
                    continue
                await self._talk_over(person, connection)
                await self._ask(person.disconnect(connection))

    async def finish(self) -> Tally:
        """Stop talking, wait until every answer was posted, count."""
        self.stopping.set()
        await asyncio.wait(self.people, timeout=STOPPED_SECONDS)
        expect(self.accepted, f"no message was accepted: {dict(self.requests)}")
        echoes = await self._await_echoes()
        return Tally(
            unit="messages",
            sent=len(self.accepted),
            lost=sum(not echoes[answer] for answer in self.accepted.items()),
            doubled=sum(echoes[answer] > 1 for answer in self.accepted.items()),
            requests=self.requests.total(),
            http_errors=self.requests.total() - self.requests["ok"],
            state_losses=self.logged_out,
        )

    async def _await_echoes(self) -> Counter[tuple[str, str]]:
        """How often each message was answered on its connection; what is not there at the deadline is lost."""
        deadline = time.monotonic() + ARRIVED_SECONDS
        while True:
            posts = await read_posts(self.target.kubectl)
            echoes = Counter((str(post.message.get("message")), post.connection) for post in posts)
            if all(echoes[answer] for answer in self.accepted.items()) or time.monotonic() > deadline:
                return echoes
            await asyncio.sleep(0.5)

    async def _connect(self, person: Person) -> str | None:
        connections: list[str] = []

        async def connect() -> None:
            connections.append(await person.connect())

        return connections[0] if await self._ask(connect()) else None

    async def _talk_over(self, person: Person, connection: str) -> None:
        for _ in itertools.repeat(None, MESSAGES):
            if self.stopping.is_set():
                return
            text = secrets.token_hex(8)
            if await self._ask(person.send(connection, {"handler": "default", "message": text})):
                self.accepted[text] = connection
            await asyncio.sleep(PAUSE)

    async def _ask(self, request: Awaitable[object]) -> bool:
        """Await one thing a person does and note how it went; after a failure, pause as a page does."""
        try:
            await request
        except FAILURES as error:
            self.logged_out += isinstance(error, LoggedOutError)
            self.requests[repr(error)[:120]] += 1
            await asyncio.sleep(1)
            return False
        self.requests["ok"] += 1
        return True


@contextlib.asynccontextmanager
async def open_load(target: Target) -> AsyncIterator[NoticesLoad]:
    """Sign everybody up, wait until all have talked; end them whatever happens."""
    load = NoticesLoad(target=target)
    run = secrets.token_hex(4)
    async with asyncio.TaskGroup() as group:
        try:
            for number in range(PEOPLE):
                person = await make_person(target, name=f"{run}-{number}", number=10 + number)
                load.people.append(group.create_task(load.talk(person)))

            async def all_talk() -> bool:
                return len(set(load.accepted.values())) >= PEOPLE

            await eventually_async(all_talk, within=30, what="everybody has talked")
            yield load
        finally:
            for person_at_work in load.people:
                person_at_work.cancel()


DRIVER = NoticesDriver()
