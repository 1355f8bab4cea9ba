"""What clients see when pods join, and of a connection's greatest age, on real servers with a real Redis."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest
import redis as redis_client
from websockets.exceptions import InvalidStatus

from hack.clients.browser import chromium
from hack.clients.sockets import count_peak
from hack.clients.waiting import eventually, eventually_async
from tests.runtime.clients import open_socket
from tests.runtime.server import REDIS_PASSWORD, Pod, Server
from tests.runtime.test_drain import watch_close
from tests.runtime.visitors import COOKIE, Edge, visit

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtime.conftest import Redis

RATE = 40.0
EACH = 60
"""Visitors of each pod that was there before."""


def settings(kind: str = "uvicorn", *, sticky: bool = True, **connections: object) -> dict[str, Any]:
    return {
        "drain": {
            "lagSeconds": 1,
            "timeoutSeconds": 30,
            "ratePerSecond": RATE,
            "fleetRatePerSecond": RATE,
            "closeCode": Server.parse(kind).close_code,
        },
        "connections": {"maxPerPod": 2000, "rebalance": True, **connections},
        "affinity": {"cookieName": COOKIE if sticky else None},
    }


def read_board(redis: Redis, prefix: str) -> dict[str, Any]:
    with redis_client.Redis(port=redis.port, password=REDIS_PASSWORD, decode_responses=True) as client:
        return {name: json.loads(text) for name, text in client.hgetall(f"{prefix}fleet").items()}


async def count_live(pods: list[Pod]) -> list[float]:
    return [await asyncio.to_thread(pod.live) for pod in pods]


async def is_even(pods: list[Pod], total: int) -> bool:
    live = await count_live(pods)
    return sum(live) == total and max(live) <= 1.15 * total / len(pods)


@pytest.mark.parametrize(
    ("kinds", "sticky"),
    [
        (("uvicorn", "uvicorn", "uvicorn"), False),
        pytest.param(("uvicorn-2", "granian", "uvicorn"), True, marks=pytest.mark.thorough),
        (("daphne", "daphne"), True),
        pytest.param(("hypercorn", "gunicorn-uvicorn-2"), True, marks=pytest.mark.thorough),
    ],
)
async def test_a_pod_that_joins_gets_its_part(
    make_pod: Callable[..., Pod], redis: Redis, kinds: tuple[str, ...], *, sticky: bool
) -> None:
    prefix = f"join:{'-'.join(kinds)}:"
    pods = [make_pod(kind, settings=settings(kind, sticky=sticky), key_prefix=prefix) for kind in kinds]
    before, joining = pods[:-1], pods[-1]
    for pod in before:
        pod.start()
    # those are pods that came together; nobody has anything to give yet
    eventually(lambda: len(read_board(redis, prefix)) >= len(before), within=5, what="the board is there")
    edge = Edge(list(before), sticky=sticky)
    total = EACH * len(before)
    async with visit(edge, total) as visitors:
        await asyncio.to_thread(joining.start)
        edge.pods.append(joining)
        await eventually_async(lambda: is_even(pods, total), within=40, what="every pod has its part")
        await eventually_async(
            lambda: asyncio.to_thread(lambda: "rebalance" not in read_board(redis, prefix)),
            within=10,
            what="it is over",
        )
        closes = [close for visitor in visitors for close in visitor.closes]
        assert {code for _, code in closes} <= {pod.close_code for pod in pods}
        refusals = [status for visitor in visitors for status in visitor.refusals]
        assert set(refusals) <= ({401} if "granian" in kinds else set()), "nobody met a closed door"
        # over three seconds: clients on a busy machine see closes late, and then several at once
        assert count_peak((at for at, _ in closes), seconds=3) <= 3 * RATE * 1.25
        assert len(closes) + len(refusals) <= (2.2 if sticky else 1.2) * total
        metrics = [await asyncio.to_thread(pod.metrics) for pod in before]
    shed = sum(values['realtimeapp_connections_shed_total{kind="websocket"}'] for values in metrics)
    sent_on = sum(values['realtimeapp_connections_unpinned_total{kind="websocket"}'] for values in metrics)
    assert shed + sent_on == len(closes) + len(refusals)
    assert shed >= total / len(pods) * 0.8
    assert sent_on >= shed * 0.7 if sticky else sent_on == 0
    for pod in pods:
        assert "Traceback" not in pod.read_log()


async def test_who_says_no_and_who_comes_with_a_rollout_moves_nobody(
    make_pod: Callable[..., Pod], redis: Redis
) -> None:
    for prefix, rebalance, revision in (("never:", False, "1"), ("rollout:", True, "2")):
        chosen = settings(rebalance=rebalance)
        first = make_pod("uvicorn", settings=chosen, key_prefix=prefix)
        second = make_pod("uvicorn", settings=chosen, key_prefix=prefix, revision=revision)
        first.start()
        async with await open_socket(first):
            second.start()
            eventually(
                lambda prefix=prefix: len(read_board(redis, prefix)) == 2,  # type: ignore[misc]
                within=5,
                what="both are on the board, and nothing else",
            )
            assert "rebalance: joined" not in second.read_log()


@pytest.mark.parametrize("server", ["uvicorn-2", "daphne"])
async def test_a_full_pod_lets_go_of_a_cookie_while_another_has_room(
    make_pod: Callable[..., Pod], redis: Redis, server: str
) -> None:
    prefix = f"full:{server}:"
    few = settings(server, maxPerPod=2, rebalance=False)
    full, roomy = (make_pod(server, settings=few, key_prefix=prefix) for _ in range(2))
    async with AsyncExitStack() as people:
        full.start()
        held = [await people.enter_async_context(await open_socket(full)) for _ in range(2)]
        cookie = [("Cookie", f"{COOKIE}=full; theme=dark")]
        with pytest.raises(InvalidStatus, match=r"503|403"):
            await open_socket(full, headers=cookie)
        roomy.start()
        processes = 2 * Server.parse(server).processes
        eventually(
            lambda: len(read_board(redis, prefix)) == processes, within=15, what="they know of each other"
        )

        async def is_sent_on() -> bool:
            try:
                socket = await open_socket(full, headers=cookie)
            except InvalidStatus:
                return False
            assert socket.response is not None
            assert "Max-Age=0" in socket.response.headers["Set-Cookie"]
            _, code, _ = await watch_close(socket)
            return code == full.close_code

        await eventually_async(is_sent_on, within=10, what="the cookie is taken away")
        with pytest.raises(InvalidStatus, match=r"503|403"):
            await open_socket(full)
        assert full.live() == len(held), "who was here stays"
        for _ in range(2):
            await people.enter_async_context(await open_socket(roomy))
        await eventually_async(
            lambda: is_refused(full, cookie),
            within=10,
            what="nobody has room: a plain refusal, to be waited out",
        )


async def is_refused(pod: Pod, cookie: list[tuple[str, str]]) -> bool:
    try:
        socket = await open_socket(pod, headers=cookie)
    except InvalidStatus:
        return True
    await watch_close(socket)
    return False


@pytest.mark.thorough
async def test_a_browser_held_by_its_cookie_is_let_go(make_pod: Callable[..., Pod]) -> None:
    """Chromium: a socket that comes back to the full pod is closed once more and then comes without the cookie."""
    full, joining = (make_pod("uvicorn", settings=settings(), key_prefix="browser:") for _ in range(2))
    full.start()
    async with AsyncExitStack() as people, chromium() as browser:
        for _ in range(EACH):
            await people.enter_async_context(await open_socket(full))
        await asyncio.to_thread(joining.start)
        await eventually_async(
            lambda: asyncio.to_thread(lambda: full.live() < EACH), within=20, what="somebody was given away"
        )
        context = await browser.new_context()
        await context.add_cookies(
            [
                {"name": COOKIE, "value": "full", "url": full.url},
                {"name": "theme", "value": "dark", "url": full.url},
            ]
        )
        page = await context.new_page()
        await page.goto(f"{full.url}/.realtimeapp/healthz")
        connect = """path => new Promise(resolve => {
            const socket = new WebSocket(`ws://${location.host}${path}`);
            const seen = [];
            socket.onopen = () => { seen.push("open"); setTimeout(() => resolve(seen), 1000); };
            socket.onclose = event => { seen.push(event.code); resolve(seen); };
        })"""
        assert await page.evaluate(connect, "/ws/room/") == ["open", 1012], "no error, an ordinary close"
        assert {cookie["name"] for cookie in await context.cookies()} == {"theme"}
        assert (await page.evaluate(connect, "/ws/room/"))[0] == "open"
        sent_on = await asyncio.to_thread(full.metrics)
        # a new connection may be among those that are shed, but nobody without the cookie is sent on
        assert sent_on['realtimeapp_connections_unpinned_total{kind="websocket"}'] == 1
        await context.add_cookies([{"name": COOKIE, "value": "full", "url": full.url}])
        listen = """path => new Promise(resolve => {
            const source = new EventSource(path);
            source.onmessage = () => { resolve("heard"); source.close(); };
            source.onerror = () => resolve("error");
        })"""
        assert await page.evaluate(listen, "/events/") == "heard"
        assert {cookie["name"] for cookie in await context.cookies()} == {"theme"}


@pytest.mark.parametrize("server", ["uvicorn-2", "daphne", "granian"])
async def test_a_connection_does_not_grow_older_than_it_may(
    make_pod: Callable[..., Pod], server: str
) -> None:
    age = 5
    pod = make_pod(server, settings=settings(server, maxAgeSeconds=age), key_prefix=f"age:{server}:")
    pod.start()
    began = time.monotonic()
    sockets = [await open_socket(pod) for _ in range(30)]
    busy = await open_socket(pod)
    opened = time.monotonic()
    closes = [asyncio.create_task(watch_close(socket)) for socket in sockets]
    await asyncio.wait(closes, return_when=asyncio.FIRST_COMPLETED)
    await busy.send('{"work": 4}')  # longer than a drain would wait
    results = await asyncio.gather(*closes)
    assert {code for _, code, _ in results} == {pod.close_code}
    times = sorted(at for at, _, _ in results)
    assert times[0] >= began + 0.9 * age
    assert times[-1] <= opened + 1.1 * age + 2.5, "one look per second, and the pace"
    assert times[-1] - times[0] >= 0.3, "not all at once"
    _, code, answers = await watch_close(busy)
    assert (code, answers) == (pod.close_code, 2), "its answer was finished first"
    assert pod.probe("readyz") == 200
    assert pod.metrics()['realtimeapp_connections_expired_total{kind="websocket"}'] == 31
    assert pod.metrics()['realtimeapp_connections_drained_total{kind="websocket"}'] == 0
    async with await open_socket(pod):
        assert pod.live() == 1
