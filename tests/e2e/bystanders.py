"""People who use an application while something beside them is broken, and must not notice."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hack.clients.edge import Visitor, await_edge
from hack.clients.sockets import Fleet
from hack.clients.waiting import eventually_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hack.clients.kubectl import Kubectl, Object

SOCKETS = 5
PLANNED = 1012
LOOK_SECONDS = 0.5
"""Between two looks at the cluster: kubectl takes as much of a processor as the clients do."""


@dataclass(frozen=True, kw_only=True)
class Bystanders:
    """One visitor, new with each of 20 requests a second, and a few sockets that stay open."""

    visitor: Visitor
    fleet: Fleet

    def assert_undisturbed(self) -> None:
        """Every request so far was answered with 200, and no socket was closed, however politely."""
        assert self.visitor.total >= self.visitor.rate, "the visitor asked for less than a second"
        assert not self.visitor.errors, self.visitor.errors
        assert self.fleet.codes() == {}
        assert self.fleet.connected == self.fleet.size

    async def assert_moved_politely(self) -> None:
        """What was replaced since closed its sockets as planned, they are all back, and no request failed."""

        async def back() -> bool:
            return self.fleet.connected == self.fleet.size

        await eventually_async(back, within=30, what="every socket open again")
        assert not self.visitor.errors, self.visitor.errors
        assert set(self.fleet.codes()) <= {PLANNED}, self.fleet.codes()


@asynccontextmanager
async def bystanders(
    host: str, *, page: str = "/", socket: str = "/ws/listen/", sockets: int = SOCKETS
) -> AsyncIterator[Bystanders]:
    """People at work, all of them connected."""
    if not sockets:
        await await_edge(host, page)
    async with Visitor(host=host, path=page) as visitor, Fleet(host=host, path=socket, size=sockets) as fleet:

        async def at_work() -> bool:
            # A second of visits before anything happens: some conditions change faster than that.
            return fleet.connected == sockets and visitor.total >= visitor.rate

        await eventually_async(at_work, within=30, what="visitor and sockets at work")
        yield Bystanders(visitor=visitor, fleet=fleet)
        print(f"{visitor.total} requests, errors {visitor.errors}; closes by code {fleet.codes()}")


async def told(
    kubectl: Kubectl,
    app: str,
    condition: str,
    *,
    status: str = "True",
    reason: str | None = None,
    says: tuple[str, ...] = (),
    within: float = 90,
) -> Object:
    """Wait for a condition that says these words; the clients go on meanwhile."""
    found = await asyncio.to_thread(
        kubectl.await_condition,
        app,
        condition,
        status=status,
        reason=reason,
        within=within,
        interval=LOOK_SECONDS,
    )
    print(f"{condition}={found['status']} ({found['reason']}): {found['message']}")
    for words in says:
        assert words in found["message"], found["message"]
    assert "Traceback" not in found["message"], found["message"]
    return found
