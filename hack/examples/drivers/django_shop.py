"""Drives the shop: visitors, orders whose tasks are counted in SQL, exports through the pooler, ticks, a clean-up."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import aiohttp

from hack.clients.waiting import eventually_async
from hack.examples.driver import Object, Support, Tally
from hack.examples.drivers import shop_books
from hack.examples.drivers.cleanup import run_cronjob
from hack.examples.drivers.database import query, query_number
from hack.examples.drivers.expect import expect
from hack.examples.drivers.shop_customer import Customer, Unexpected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from hack.examples.driver import Target

T = TypeVar("T")

CUSTOMERS = 6
ORDERS = 200
"""Tasks a load consists of at least."""
PAUSE = 0.5
"""Seconds between two orders of one customer: about six a second of all, with the answers, and the manifest's workers handle eight."""
VISITS_PER_PAGE = 4
ORDERED_SECONDS = 120.0
"""Until the customers have ordered enough, after the disruption."""
EXPORTS = 8
STOCK = 3000
"""Orders in an export: many chunks of the view's 100, so that a cursor would be used over many transactions."""
HANDLED_SECONDS = 150.0
"""Until the last task is done: what is in the queue, and once Redis's visibility timeout of 45 s for a lost worker."""
LIVE_SESSIONS = "SELECT count(*) FROM django_session WHERE expire_date > now()"
FAILURES = (aiohttp.ClientError, TimeoutError, Unexpected)


@dataclass(frozen=True)
class ShopDriver:
    """See hack.examples.driver.Driver."""

    support: frozenset[Support] = frozenset({Support.POSTGRES, Support.PGBOUNCER})
    planned_codes: frozenset[int] = frozenset()

    def prepare(self, *, target: Target) -> Sequence[Object]:  # noqa: ARG002 - the protocol's signature
        """Nothing beside what the harness makes."""
        return ()

    async def work(self, *, target: Target) -> str:
        """Visit, order, wait for the goods, export, look at the schedule, clean up."""
        async with Customer(target) as customer:
            await look_around(customer)
            await buy(customer, target)
            await count_visits(customer)
        await export_all(target)
        await watch_schedule(target)
        await clean_up(target)
        return f"order shipped, {EXPORTS} pooled exports, session, ticks, clean-up"

    def load(self, *, target: Target) -> AbstractAsyncContextManager[ShopLoad]:
        """Customers who visit and order."""
        return open_load(target)


async def look_around(customer: Customer) -> None:
    """Load the shop's and the admin's pages with files whose names carry hashes, which browsers may keep."""
    style_sheet = await customer.open_shop()
    _, response = await customer.get(style_sheet)
    caching = response.headers.get("Cache-Control", "")
    expect("immutable" in caching, f"{style_sheet} may not be kept: Cache-Control {caching!r}")
    page, _ = await customer.get("/admin/login/")
    expect("/static/admin/css/base." in page, "the admin's page names no style sheet of its own")


async def buy(customer: Customer, target: Target) -> None:
    """Order something and wait until a task has handled it and the consumer has shipped it."""
    order = await customer.order("a lamp")

    async def shipped() -> bool:
        rows = await query(target.kubectl, "SELECT state FROM orders_order WHERE id = :'order'", order=order)
        return rows == [["shipped"]]

    await eventually_async(shipped, within=30, what=f"order {order} shipped")
    runs = await shop_books.count_runs(target.kubectl, [order])
    expect(runs == shop_books.Runs(unfinished=0, repeated=0), f"the task of order {order}: {runs}")


async def count_visits(customer: Customer) -> None:
    """The session counts on, whichever process of whichever pod answers."""
    first = await customer.visit()
    later = [await customer.visit() for _ in range(12)]
    expect(later == list(range(first + 1, first + 13)), f"after visit {first} came the visits {later}")


async def export_all(target: Target) -> None:
    """Stream all orders to several customers at once; no connection to the database but the pooler's is used."""
    await query(
        target.kubectl,
        "INSERT INTO orders_order (item, state, created_at)"
        " SELECT 'stock', 'shipped', now() FROM generate_series(1, :'stock'::int)",
        stock=STOCK,
    )
    expected = await query_number(target.kubectl, "SELECT count(*) FROM orders_order") + 1
    async with contextlib.AsyncExitStack() as stack:
        customers = [await stack.enter_async_context(Customer(target)) for _ in range(EXPORTS)]
        exports = await asyncio.gather(*(customer.export() for customer in customers))
    lengths = [len(lines) for lines in exports]
    expect(lengths == [expected] * EXPORTS, f"exports of {expected} lines had {lengths}")
    pooler = await asyncio.to_thread(target.kubectl.items, "pods", "app.kubernetes.io/name=pgbouncer")
    addresses = {pod["status"]["podIP"] for pod in pooler}
    clients = await query(
        target.kubectl,
        "SELECT DISTINCT host(client_addr) FROM pg_stat_activity WHERE datname = 'app' AND usename = 'app'",
    )
    strangers = {row[0] for row in clients} - addresses
    expect(not strangers, f"{sorted(strangers)} are connected to the database past the pooler")


async def watch_schedule(target: Target) -> None:
    """Wait for three ticks; one scheduler has sent them."""
    since = await shop_books.read_clock(target.kubectl)

    async def ticked() -> list[shop_books.Tick]:
        ticks = await shop_books.read_ticks(target.kubectl, since=since)
        return ticks if len(ticks) > 2 else []  # noqa: PLR2004 - as documented

    ticks = await eventually_async(ticked, within=30, what="three ticks")
    faults = shop_books.find_double_ticks(ticks)
    expect(not faults, "; ".join(faults))


async def clean_up(target: Target) -> None:
    """Run the daily clean-up: an expired session goes, the others stay."""
    async with Customer(target) as old, Customer(target) as new:
        await old.visit()
        await new.visit()
        ((expired,),) = await query(
            target.kubectl,
            "UPDATE django_session SET expire_date = now() - interval '1 hour' WHERE session_key ="
            " (SELECT session_key FROM django_session ORDER BY session_key LIMIT 1) RETURNING session_key",
        )
        live = await query_number(target.kubectl, LIVE_SESSIONS)
        expect(live > 0, "there is no live session that clearsessions could spare")
        await run_cronjob(target.kubectl, f"{target.app}-clearsessions")
        kept = await query(
            target.kubectl, "SELECT 1 FROM django_session WHERE session_key = :'key'", key=expired
        )
        expect(not kept, "an expired session is still there after clearsessions")
        left = await query_number(target.kubectl, LIVE_SESSIONS)
        expect(left == live, f"of {live} live sessions {left} are left after clearsessions")


@dataclass(kw_only=True)
class ShopLoad:
    """Customers at work; see hack.examples.driver.Load."""

    target: Target
    since: datetime
    accepted: list[int] = field(default_factory=list)
    requests: Counter[str] = field(default_factory=Counter)
    """Outcomes: "ok", or why not."""
    forgotten: int = 0
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    customers: list[asyncio.Task[None]] = field(default_factory=list)

    async def shop(self, number: int) -> None:
        """One customer: opens the shop, comes by, orders, until told to stop."""
        async with Customer(self.target) as customer:
            known = 0
            for turn in itertools.count():
                if self.stopping.is_set() and len(self.accepted) >= ORDERS:
                    return
                if turn % VISITS_PER_PAGE == 0:
                    await self._ask("front page", customer.open_shop())
                visit = await self._ask("visit", customer.visit())
                if visit is not None:
                    self.forgotten += visit <= known
                    known = visit
                order = await self._ask("order", customer.order(f"{number}/{turn}"))
                if order is not None:
                    self.accepted.append(order)
                await asyncio.sleep(PAUSE)

    async def finish(self) -> Tally:
        """Stop ordering, wait until every task is done, count in the database."""
        self.stopping.set()
        await asyncio.wait(self.customers, timeout=ORDERED_SECONDS)
        for customer in self.customers:
            customer.cancel()
        expect(self.accepted, f"no order was accepted: {dict(self.requests)}")
        runs = await self._await_runs()
        ticks = await shop_books.read_ticks(self.target.kubectl, since=self.since)
        faults = shop_books.find_double_ticks(ticks)
        expect(not faults, f"the schedule ran twice: {'; '.join(faults)}")
        return Tally(
            unit="tasks",
            sent=len(self.accepted),
            lost=runs.unfinished,
            doubled=runs.repeated,
            requests=self.requests.total(),
            http_errors=self.requests.total() - self.requests["ok"],
            state_losses=self.forgotten,
        )

    async def _await_runs(self) -> shop_books.Runs:
        """How the tasks went once all are done; what is not done at the deadline is lost."""
        deadline = time.monotonic() + HANDLED_SECONDS
        while True:
            runs = await shop_books.count_runs(self.target.kubectl, self.accepted)
            if not runs.unfinished or time.monotonic() > deadline:
                return runs
            await asyncio.sleep(0.5)

    async def _ask(self, what: str, request: Awaitable[T]) -> T | None:
        """Await one thing a customer does and note how it went; None where it failed."""
        try:
            answer = await request
        except FAILURES as error:
            self.requests[f"{what}: {error!r}"[:120]] += 1
            return None
        self.requests["ok"] += 1
        return answer


@contextlib.asynccontextmanager
async def open_load(target: Target) -> AsyncIterator[ShopLoad]:
    """Start the customers, wait for the first orders; end them whatever happens."""
    load = ShopLoad(target=target, since=await shop_books.read_clock(target.kubectl))
    async with asyncio.TaskGroup() as group:
        load.customers = [group.create_task(load.shop(number)) for number in range(CUSTOMERS)]
        try:
            await eventually_async(
                lambda: asyncio.sleep(0, len(load.accepted) >= CUSTOMERS), within=30, what="the first orders"
            )
            yield load
        finally:
            for customer in load.customers:
                customer.cancel()


DRIVER = ShopDriver()
