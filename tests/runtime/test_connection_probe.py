"""The operator counts connections in the pods through what the runtime really says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest

from hack.clients.waiting import eventually_async
from realtimeapp_operator.probe.connections import ConnectionProbe, Reading
from tests.runtime.clients import STREAM, open_socket

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.runtime.server import Pod


@pytest.fixture
async def probe() -> AsyncIterator[ConnectionProbe]:
    async with ConnectionProbe() as probe:
        yield probe


@pytest.mark.parametrize("server", ["uvicorn", "daphne", "hypercorn-2", "granian"])
async def test_open_connections_and_the_drain_are_read_as_they_are(
    make_pod: Callable[..., Pod], server: str, probe: ConnectionProbe
) -> None:
    pod = make_pod(server)
    pod.start()
    assert await probe.read("127.0.0.1", pod.port) == Reading(connections=0, draining=False)
    sockets = [await open_socket(pod) for _ in range(7)]
    async with aiohttp.ClientSession(pod.url) as http:
        stream = await http.get("/events/", headers=STREAM)
        assert (await stream.content.readline()).startswith(b"data: 0")
        assert await probe.read("127.0.0.1", pod.port) == Reading(connections=8, draining=False)
        drain = pod.launch("drain")

        async def drains() -> bool:
            reading = await probe.read("127.0.0.1", pod.port)
            return reading is not None and reading.draining

        await eventually_async(drains, within=10, what="the pod says that it drains")
        stream.close()
    for websocket in sockets:
        await websocket.close()

    async def ended() -> bool:
        return drain.poll() is not None

    await eventually_async(ended, within=30, what="the drain has ended")
    pod.stop()
    assert await probe.read("127.0.0.1", pod.port) is None, "a pod that is gone says nothing"
