"""The djust counter: people who click and find their count again, over every transport djust has."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

from hack.clients.person import Person
from hack.examples.driver import GOING_AWAY, ExampleError, Tally
from hack.examples.drivers.djust_page import Frame, LivePage, StreamedPage, read_count
from hack.examples.drivers.tools import add_up_closes, expect_found, find_two_pods, is_true

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from hack.examples.driver import Object, Support, Target

COUNTER = "counter.views.CounterView"
BOARD = "counter.board.BoardView"
OWN_COOKIES = ("sessionid", "csrftoken")
"""What a browser keeps when the edge's affinity cookie is gone."""
CLIENT = "/static/djust/client.min.js"
CLIENT_BYTES = 50_000
"""djust's client is several times that; an error page is not."""
CLICKERS = 8
POSTERS = 2
CLICK_SECONDS = 1.0
PAGE_SECONDS = 0.5
ONLINE = re.compile(r'id="online"[^>]*>(\d+)<')
BACK_SECONDS = 60.0
"""More than twice the longest pause of djust's client between two attempts to connect."""


@dataclass(kw_only=True)
class Clicker:
    """Somebody who clicks, knows what the count has to be, and compares it after every reconnect."""

    person: Person
    count: int = 0
    """What the page shows."""
    sent: int = 0
    """Clicks the server is known to have taken."""
    lost: int = 0
    doubled: int = 0
    losses: int = 0
    """Times the count was lower than the page had shown."""
    uncertain: bool = False
    """A click is under way; if the connection ends, nobody knows whether it counted."""
    page: LivePage = field(init=False)

    def __post_init__(self) -> None:
        self.page = LivePage(person=self.person, view=COUNTER, path="/", mounted=self._compare)

    async def click(self) -> None:
        """One click; when the connection ends under it, the next mount tells what it was worth."""
        if not self.page.is_connected:
            return
        self.uncertain = True
        answer = await self.page.send_event("increment")
        if answer is not None:
            self._take(answer, at_most=self.count + 1)

    async def post(self) -> None:
        """One click of a page without a socket: a POST to its own address."""
        at_most = self.count + 1 + self.uncertain
        self.uncertain = True
        answer = await self.person.post_json("/", {}, headers={"X-Djust-Event": "increment"})
        if answer.status == HTTPStatus.OK:
            self._take(json.loads(answer.text), at_most=at_most)

    def _take(self, answer: Frame, *, at_most: int) -> None:
        shown = read_count(answer)
        if shown is None:
            raise ExampleError(f"a click was answered without a count: {str(answer)[:300]}")
        self.sent += max(1, min(shown, at_most) - self.count)
        self._account(shown, at_least=self.count + 1, at_most=at_most)

    def _compare(self, mount: Frame) -> None:
        shown = read_count(mount)
        if shown is None:
            raise ExampleError(f"the counter was mounted without its state: {str(mount)[:300]}")
        self.sent += self.uncertain and shown > self.count  # the click that nobody answered had counted
        self._account(shown, at_least=self.count, at_most=self.count + self.uncertain)

    def _account(self, shown: int, *, at_least: int, at_most: int) -> None:
        self.lost += max(0, at_least - shown)
        self.losses += shown < at_least
        self.doubled += max(0, shown - at_most)
        self.count = shown
        self.uncertain = False


class CounterLoad:
    """People who click over sockets, people who click by POST, and a stranger who looks at pages."""

    def __init__(self, *, clickers: Sequence[Clicker], posters: Sequence[Clicker], stranger: Person) -> None:
        self.clickers = clickers
        self.posters = posters
        self.stranger = stranger
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False
        self._given_up = False

    def begin(self) -> None:
        """Start to click."""
        self._tasks = [
            *(asyncio.create_task(self._click(clicker)) for clicker in self.clickers),
            *(asyncio.create_task(self._post(poster)) for poster in self.posters),
            asyncio.create_task(self._look()),
        ]

    async def end(self) -> None:
        """Stop clicking, whatever is under way; raise why somebody could not, unless `finish` has."""
        for task in self._tasks:
            task.cancel()
        told = (ExampleError,) if self._given_up else ()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError, *told):
                await task
        self._tasks = []

    async def finish(self) -> Tally:
        """See `Load`."""
        self._stopping = True
        try:
            await asyncio.gather(*self._tasks)
        except ExampleError:
            self._given_up = True
            raise
        await is_true(
            lambda: all(clicker.page.is_connected for clicker in self.clickers),
            what="every page is connected again",
            within=BACK_SECONDS,
        )
        for clicker in self.clickers:
            await clicker.click()
        everybody = [*self.clickers, *self.posters]
        sent = sum(clicker.sent for clicker in everybody)
        if not sent:
            raise ExampleError("nobody clicked, so nothing was shown")
        people = [*(clicker.person for clicker in everybody), self.stranger]
        return Tally(
            unit="clicks",
            sent=sent,
            lost=sum(clicker.lost for clicker in everybody),
            doubled=sum(clicker.doubled for clicker in everybody),
            closes=add_up_closes(clicker.page.socket for clicker in self.clickers),
            requests=sum(person.requests for person in people),
            http_errors=sum(len(person.failures) for person in people),
            state_losses=sum(clicker.losses > 0 for clicker in everybody),
        )

    async def _click(self, clicker: Clicker) -> None:
        while not self._stopping:
            await clicker.click()
            await asyncio.sleep(CLICK_SECONDS)

    async def _post(self, poster: Clicker) -> None:
        while not self._stopping:
            await poster.post()
            await asyncio.sleep(CLICK_SECONDS)

    async def _look(self) -> None:
        while not self._stopping:
            self.stranger.forget_all_but()
            await self.stranger.get("/whoami/")
            await asyncio.sleep(PAGE_SECONDS)


@dataclass(frozen=True)
class DjustCounter:
    """See `hack.examples.driver.Driver`."""

    support: frozenset[Support] = frozenset()
    planned_codes: frozenset[int] = GOING_AWAY
    clickers: int = CLICKERS

    def prepare(self, *, target: Target) -> Sequence[Object]:
        """Nothing."""
        del target
        return ()

    async def work(self, *, target: Target) -> str:
        """Every way to use the counter and the board, once."""
        async with AsyncExitStack() as stack:
            clicker = await start_clicker(stack, target=target, number=0)
            client = await clicker.person.get(CLIENT)
            expect_found(len(client.text) > CLIENT_BYTES, f"djust's client at {CLIENT}", client.text)
            await click_and_return(clicker)
            await post_to_two_pods(clicker)
        async with AsyncExitStack() as stack:
            await wave_over_two_pods(stack, target=target)
        async with Person(host=target.host, number=1, edge=target.edge) as person:
            await click_over_a_stream(person)
        return "clicks, snapshot, POST, push, presence, SSE, static"

    @asynccontextmanager
    async def load(self, *, target: Target) -> AsyncIterator[CounterLoad]:
        """See `Driver`."""
        async with AsyncExitStack() as stack:
            clickers = [
                await start_clicker(stack, target=target, number=number) for number in range(self.clickers)
            ]
            posters = [
                await start_poster(stack, target=target, number=self.clickers + number)
                for number in range(POSTERS)
            ]
            stranger = Person(host=target.host, number=self.clickers + POSTERS, edge=target.edge)
            await stack.enter_async_context(stranger)
            load = CounterLoad(clickers=clickers, posters=posters, stranger=stranger)
            stack.push_async_callback(load.end)
            load.begin()
            everybody = [*clickers, *posters]
            await is_true(lambda: all(clicker.sent for clicker in everybody), what="everybody has clicked")
            yield load


async def start_clicker(stack: AsyncExitStack, *, target: Target, number: int) -> Clicker:
    """A new visitor with the page open and connected, for as long as `stack`."""
    clicker = await start_poster(stack, target=target, number=number)
    stack.push_async_callback(clicker.page.disconnect)
    await clicker.page.connect()
    return clicker


async def start_poster(stack: AsyncExitStack, *, target: Target, number: int) -> Clicker:
    """A new visitor with the page open and no socket, for as long as `stack`."""
    person = Person(host=target.host, number=number, edge=target.edge)
    await stack.enter_async_context(person)
    clicker = Clicker(person=person)
    clicker.count = read_count({"html": await clicker.page.load()}) or 0
    expect_found(clicker.count == 0, "a new visitor's count is 0", clicker.count)
    return clicker


async def click_and_return(clicker: Clicker) -> None:
    """Click, leave, come back wherever the edge leads, and find the count.

    djust gives up saving a page's state after 150 ms and leaves it to the next event; so on a machine that is busy with
    something else a second and a third try are fair. Under load, where figures are reported, there is none.
    """
    clicks = 3
    for _ in range(clicks):
        before = clicker.count
        for _ in range(clicks):
            await clicker.click()
        expect_found(clicker.count == before + clicks, f"{clicks} clicks more than {before}", clicker.count)
        await clicker.page.disconnect()
        clicker.person.forget_all_but(*OWN_COOKIES)
        await clicker.page.connect()
        if clicker.count == before + clicks:
            return
    raise ExampleError(f"expected the count after a reconnect; it was lower {clicker.losses} times")


async def post_to_two_pods(clicker: Clicker) -> None:
    """Click by POST, with the edge choosing a pod each time."""
    wanted = clicker.count + 4
    while clicker.count < wanted:
        before = clicker.count
        clicker.person.forget_all_but(*OWN_COOKIES)
        await clicker.post()
        expect_found(
            clicker.count == before + 1,
            "a click by POST counts once",
            clicker.person.failures or clicker.count,
        )


@dataclass(kw_only=True)
class Guest:
    """Somebody on the board."""

    page: LivePage
    hostname: str = ""
    online: int = 0
    """How many are here, as the page shows it."""
    waves: int = 0

    def mounted(self, frame: Frame) -> None:
        """Read who serves, and how many are here."""
        html = str(frame.get("html", ""))
        served, online = re.search(r"served by ([^<]+)<", html), ONLINE.search(html)
        if served is None or online is None:
            raise ExampleError(f"expected a rendered board; found: {str(frame)[:300]}")
        self.hostname, self.online = served[1], int(online[1])

    def pushed(self, frame: Frame) -> None:
        """Read what the server pushes: the number of guests, or a wave."""
        for patch in frame.get("patches") or ():
            if patch.get("type") == "SetText" and patch["text"].isdigit():
                self.online = int(patch["text"])
        if online := ONLINE.search(str(frame.get("html", ""))):
            self.online = int(online[1])
        self.waves += " waves" in json.dumps(frame)


async def wave_over_two_pods(stack: AsyncExitStack, *, target: Target) -> None:
    """Two guests on different pods see each other come, wave and go."""
    guests: list[Guest] = []

    async def enter(number: int) -> Guest:
        person = Person(host=target.host, number=number, edge=target.edge)
        await stack.enter_async_context(person)
        guest = Guest(page=LivePage(person=person, view=BOARD, path="/board/"))
        guest.page.mounted, guest.page.pushed = guest.mounted, guest.pushed
        await guest.page.load()
        stack.push_async_callback(guest.page.disconnect)
        await guest.page.connect()
        guests.append(guest)
        return guest

    one, other = await find_two_pods(enter, hostname=lambda guest: guest.hostname)
    everybody = len(guests)
    await is_true(lambda: one.online == other.online == everybody, what=f"both see {everybody} guests")
    await one.page.send_event("wave", name="Ann")
    await is_true(lambda: other.waves > 0, what="the wave reached the other pod's page")
    await other.page.disconnect()
    await is_true(lambda: one.online == everybody - 1, what="the board shows that somebody left")


async def click_over_a_stream(person: Person) -> None:
    """Click twice on a page that has server-sent events instead of a socket."""
    await person.get("/")
    page = StreamedPage(person=person, view=COUNTER, path="/")
    async with page.open() as stream:
        await page.await_count(stream, 0)
        await page.mount()
        for count in (1, 2):
            await page.say({"type": "event", "event": "increment", "params": {}})
            await page.await_count(stream, count)


DRIVER = DjustCounter()
