"""A Redis that is killed and comes back on its own files: nobody is disconnected, and group messages flow again."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from websockets.exceptions import ConnectionClosed

from hack.clients.waiting import eventually_async
from tests.runtime.clients import open_socket
from tests.runtime.conftest import Redis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from websockets.asyncio.client import ClientConnection

    from tests.runtime.server import Pod


@pytest.fixture
def own_redis(redis: Redis, tmp_path: Path) -> Iterator[Redis]:
    """A Redis of this test's own, because it is killed."""
    directory = tmp_path / "redis"
    directory.mkdir()
    own = Redis(directory=directory, binary=redis.binary)
    own.start()
    yield own
    own.kill()


@pytest.mark.parametrize(("server", "layer"), [("uvicorn-2", "Core"), ("daphne", "PubSub")])
async def test_a_redis_restart_drops_no_socket(
    make_pod: Callable[..., Pod], own_redis: Redis, server: str, layer: str
) -> None:
    pod = make_pod(server, settings={"channelLayer": {"type": layer}})
    pod.redis_port = own_redis.port
    pod.start()
    sockets = [await open_socket(pod) for _ in range(10)]
    await reach_everybody(sockets, "before", within=5)
    own_redis.kill()
    await asyncio.sleep(3)  # how long Redis is away, not a wait for something
    own_redis.start()
    await reach_everybody(sockets, "after", within=20)
    assert pod.live() == len(sockets)
    for websocket in sockets:
        await websocket.close()


async def reach_everybody(sockets: list[ClientConnection], text: str, *, within: float) -> None:
    """Say `text` until every socket has heard it; fails when one is closed or never hears it."""
    heard = [asyncio.create_task(wait_for(websocket, text)) for websocket in sockets]

    async def say() -> bool:
        await sockets[0].send(json.dumps({"say": text}))
        await asyncio.wait(heard, timeout=0.5)
        return all(task.done() for task in heard)

    await eventually_async(say, within=within, what=f"everybody hears {text!r}")
    for task in heard:
        task.result()


async def wait_for(websocket: ClientConnection, text: str) -> None:
    try:
        while json.loads(await websocket.recv()).get("said") != text:
            pass
    except ConnectionClosed as closed:
        raise AssertionError(f"a socket was dropped: {closed}") from closed


async def test_idle_sockets_outlive_the_client_library_s_read_timeout(make_pod: Callable[..., Pod]) -> None:
    """redis-py 8 gives up a read after 5 s, exactly as long as the core layer's blocking read takes."""
    pod = make_pod("uvicorn")
    pod.start()
    sockets = [await open_socket(pod) for _ in range(10)]
    closes = [asyncio.create_task(websocket.wait_closed()) for websocket in sockets]
    done, _ = await asyncio.wait(closes, timeout=11)
    assert not done
    assert pod.live() == len(sockets)
    for websocket in sockets:
        await websocket.close()
    await asyncio.gather(*closes)
