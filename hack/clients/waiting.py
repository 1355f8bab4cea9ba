"""Waiting on a condition with a deadline: the only way a test lets time pass."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

INTERVAL = 0.1
"""Seconds between two looks."""


def eventually(look: Callable[[], T], *, within: float, what: str, interval: float = INTERVAL) -> T:
    """Look until the answer is truthy and return it; AssertionError with the last answer after `within` seconds.

    A longer interval is for looks that cost processor time, such as kubectl while clients work.
    """
    deadline = time.monotonic() + within
    while True:
        answer = look()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"{what}: not within {within:.0f} s; last seen: {answer!r}"
        time.sleep(interval)


async def eventually_async(
    look: Callable[[], Awaitable[T]], *, within: float, what: str, interval: float = INTERVAL
) -> T:
    """As `eventually`, for coroutines."""
    deadline = time.monotonic() + within
    while True:
        answer = await look()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"{what}: not within {within:.0f} s; last seen: {answer!r}"
        await asyncio.sleep(interval)
