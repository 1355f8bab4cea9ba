"""What clients of several pods see of drains that go on at once: one pace for all of them, with Redis and without."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import redis as redis_client

from hack.clients.sockets import count_peak
from hack.clients.stalls import Stalls
from hack.clients.waiting import eventually, eventually_async
from tests.runtime.clients import STREAM, open_socket
from tests.runtime.conftest import Redis
from tests.runtime.server import REDIS_PASSWORD, Pod
from tests.runtime.test_drain import read_to_end, watch_close

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

RATE = 40.0
LAG = 3.0
SOCKETS = 100


@pytest.fixture
def own_redis(tmp_path: Path, redis: Redis) -> Iterator[Redis]:
    """A Redis that a test may kill."""
    directory = tmp_path / "redis"
    directory.mkdir()
    server = Redis(directory=directory, binary=redis.binary)
    server.start()
    yield server
    server.kill()


def fleet_settings(*, alone: float = RATE, **changes: object) -> dict[str, object]:
    drain = {
        "lagSeconds": LAG,
        "timeoutSeconds": 60,
        "ratePerSecond": alone,
        "fleetRatePerSecond": RATE,
        "closeCode": 1012,
    }
    return {"drain": {**drain, **changes}}


def read_rows(port: int, prefix: str) -> list[dict[str, Any]]:
    """The rows on the board, as whoever looks into Redis sees them."""
    with redis_client.Redis(port=port, password=REDIS_PASSWORD) as client:
        return [json.loads(text) for text in client.hvals(f"{prefix}fleet")]


async def open_and_drain(pods: list[Pod], *, sockets: int) -> tuple[list[float], set[int | None], float]:
    """Open `sockets` on each pod, drain all pods; return the times and codes of the closes, and the longest stall here."""
    opened = [await open_socket(pod) for pod in pods for _ in range(sockets)]
    async with Stalls() as stalls:
        closes = [asyncio.create_task(watch_close(websocket)) for websocket in opened]
        drains = [pod.launch("drain") for pod in pods]
        results = await asyncio.gather(*closes)
        for drain in drains:
            assert await asyncio.to_thread(drain.wait, 60) == 0
    return sorted(at for at, _, _ in results), {code for _, code, _ in results}, stalls.longest


@pytest.mark.parametrize("servers", [("uvicorn", "uvicorn"), ("uvicorn-2", "granian-2", "uvicorn")])
async def test_pods_that_drain_at_once_share_the_pace(
    make_pod: Callable[..., Pod], servers: tuple[str, ...]
) -> None:
    pods = [
        make_pod(kind, settings=fleet_settings(), key_prefix=f"shared:{len(servers)}:") for kind in servers
    ]
    for pod in pods:
        pod.start()
    times, codes, stalled = await open_and_drain(pods, sockets=SOCKETS)
    assert codes == {1012}
    total, processes = SOCKETS * len(pods), sum(pod.server.processes for pod in pods)
    assert count_peak(times) <= RATE * (1 + stalled) + processes
    assert total / RATE * 0.9 <= times[-1] - times[0] <= total / RATE * 1.2 + 1
    assert any(f"shared by {len(pods)} draining pods" in pod.read_log() for pod in pods)


async def test_without_redis_each_pod_drains_at_its_own_pace(
    make_pod: Callable[..., Pod], own_redis: Redis
) -> None:
    pods = [make_pod("uvicorn", settings=fleet_settings(alone=RATE / 2)) for _ in range(2)]
    for pod in pods:
        pod.redis_port = own_redis.port
        pod.start()
    opened = [await open_socket(pod) for pod in pods for _ in range(40)]
    own_redis.kill()
    closes = [asyncio.create_task(watch_close(websocket)) for websocket in opened]
    drains = [pod.launch("drain") for pod in pods]
    results = await asyncio.gather(*closes)
    for drain in drains:
        assert await asyncio.to_thread(drain.wait, 30) == 0
    times = sorted(at for at, _, _ in results)
    assert {code for _, code, _ in results} == {1012}
    assert 40 / (RATE / 2) * 0.8 <= times[-1] - times[0] <= 40 / (RATE / 2) * 1.3 + 1
    for pod in pods:
        assert "this pod's own pace" in pod.read_log()
        assert "Traceback" not in pod.read_log()


async def test_redis_dies_in_the_middle_of_a_drain(make_pod: Callable[..., Pod], own_redis: Redis) -> None:
    """The pod that drains alone slows down from the fleet's rate to its own; its event loop never stands still."""
    pod = make_pod("uvicorn", settings=fleet_settings(alone=RATE / 4))
    pod.redis_port = own_redis.port
    pod.start()
    opened = [await open_socket(pod) for _ in range(2 * SOCKETS)]
    closes = [asyncio.create_task(watch_close(websocket)) for websocket in opened]
    began = time.monotonic()
    drain = pod.launch("drain")
    await asyncio.wait(closes, return_when=asyncio.FIRST_COMPLETED)
    own_redis.kill()
    killed = time.monotonic()
    slowest = 0.0
    while not all(close.done() for close in closes):
        asked = time.monotonic()
        assert await asyncio.to_thread(pod.probe, "healthz") == 200
        slowest = max(slowest, time.monotonic() - asked)
        await asyncio.sleep(0.1)
    times = sorted(close.result()[0] for close in closes)
    assert {close.result()[1] for close in closes} == {1012}
    assert times[0] - began >= LAG - 0.1
    quick = sum(at < killed + 3.0 for at in times)
    assert quick >= 50, "what was shared goes on while it may still be true"
    assert times[-1] - killed >= 3.0, "then the pod's own pace, which is slower"
    assert count_peak([at for at in times if at > killed + 3.5]) <= RATE / 4 + 3
    assert slowest < 1.0
    assert await asyncio.to_thread(drain.wait, 60) == 0
    assert "Traceback" not in pod.read_log()


async def test_a_pod_whose_redis_was_never_there_serves_and_drains(make_pod: Callable[..., Pod]) -> None:
    pod = make_pod("uvicorn", settings=fleet_settings())
    pod.redis_port = 1  # nobody listens there
    pod.start()
    async with aiohttp.ClientSession(pod.url) as http:
        streams = [await http.get("/events/", headers=STREAM) for _ in range(20)]
        drain = pod.launch("drain")
        ends = await asyncio.gather(*map(read_to_end, streams))
    assert all(ended_cleanly for _, ended_cleanly in ends)
    assert await asyncio.to_thread(drain.wait, 30) == 0
    assert "board: Redis cannot be asked" in pod.read_log()
    assert REDIS_PASSWORD not in pod.read_log()


async def test_the_board_says_who_serves_and_who_drains(make_pod: Callable[..., Pod], redis: Redis) -> None:
    serving, draining = (
        make_pod("uvicorn", settings=fleet_settings(lagSeconds=2), key_prefix="board:chat:") for _ in range(2)
    )
    for pod in (serving, draining):
        pod.start()

    def find(pod: Pod) -> tuple[int, bool] | None:
        rows = {row["pod"]: row for row in read_rows(redis.port, "board:chat:")}
        return (
            (rows[pod.name]["open"], rows[pod.name]["closes_from"] is not None) if pod.name in rows else None
        )

    async with await open_socket(serving), await open_socket(draining):
        for pod in (serving, draining):
            eventually(lambda pod=pod: find(pod) == (1, False), within=8, what="both serve")  # type: ignore[misc]
        drain = draining.launch("drain")
        await eventually_async(
            lambda: asyncio.to_thread(lambda: find(draining) == (1, True)), within=2, what="one drains"
        )
        assert find(serving) == (1, False)
        assert await asyncio.to_thread(drain.wait, 30) == 0
