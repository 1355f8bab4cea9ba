"""Who waits for CPython's collector in a process with many sockets: nobody twice for the same objects."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import aiohttp

from realtimeapp_runtime.garbage import FEWEST_OPEN
from tests.runtime.clients import open_socket

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtime.server import Pod

MANY = 1_000_000
"""Objects of the application, enough to make a pass long on any machine."""


async def collect(pod: Pod) -> int:
    """Return how many objects a full pass of the pod's process set aside."""
    async with aiohttp.ClientSession(pod.url) as http, http.get("/collect/") as answer:
        assert answer.status == 200, pod.read_log()
        count: int = (await answer.json())["set_aside"]
        return count


async def test_a_process_with_many_sockets_goes_through_the_same_objects_once(
    make_pod: Callable[..., Pod],
) -> None:
    pod = make_pod("uvicorn", settings={"connections": {"maxPerPod": 2 * FEWEST_OPEN, "rebalance": False}})
    pod.start()
    assert await collect(pod) == 0, "a process without sockets is left alone"
    async with AsyncExitStack() as stack:
        for _ in range(FEWEST_OPEN):
            await stack.enter_async_context(await open_socket(pod))
        assert await collect(pod) >= MANY
        assert await collect(pod) < MANY / 10
