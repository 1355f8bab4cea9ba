"""What the drivers of applications with WebSockets share."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, TypeVar

from hack.clients.waiting import INTERVAL, eventually_async
from hack.examples.driver import ExampleError
from hack.examples.drivers.expect import expect

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from hack.clients.sockets import LastingSocket

T = TypeVar("T")

WITHIN_SECONDS = 15.0
TRIES = 12
"""Browsers without an affinity cookie until two are on different pods; the edge takes the pods in turn."""


def expect_found(holds: object, what: str, found: object) -> None:
    """As `expect`, with what came instead."""
    expect(holds, f"expected: {what}; found: {str(found)[:300]}")


async def is_true(look: Callable[[], bool], *, what: str, within: float = WITHIN_SECONDS) -> None:
    """Wait for something a client will have seen."""

    async def looked() -> bool:
        return look()

    await eventually_async(looked, within=within, what=what)


async def find_two_pods(enter: Callable[[int], Awaitable[T]], *, hostname: Callable[[T], str]) -> tuple[T, T]:
    """Let people enter, numbered from 0, until two of them are served by different pods; those two."""
    first = await enter(0)
    for number in range(1, TRIES):
        other = await enter(number)
        if hostname(other) != hostname(first):
            return first, other
        await asyncio.sleep(INTERVAL)
    raise ExampleError(f"{TRIES} clients all came to the pod {hostname(first)}")


def add_up_closes(sockets: Iterable[LastingSocket]) -> dict[int, int]:
    """Closes of all clients by code."""
    return dict(Counter(int(close.code) for socket in sockets for close in socket.closes))


def is_refused(socket: LastingSocket) -> bool:
    """Whether a handshake of this client was answered with 403, which an application does to whom it does not know."""
    return any("HTTP 403" in reason for _, reason in socket.refusals)
