"""What the kubelet and Prometheus ask a pod, on every server."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import aiohttp
import pytest
from websockets.exceptions import ConnectionClosed

from hack.clients.waiting import eventually
from tests.runtime.clients import STREAM, expect_refusal, open_socket, try_handshake

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtime.server import Pod


@pytest.fixture
def pod(make_pod: Callable[..., Pod], server: str) -> Pod:
    pod = make_pod(server)
    pod.start()
    return pod


async def test_probes_come_before_django_and_are_hidden_from_the_outside(pod: Pod) -> None:
    async with aiohttp.ClientSession(pod.url) as http:
        for path, expected in (
            ("healthz", 200),
            ("readyz", 200),
            ("metrics", 200),
            ("drain", 404),
            ("", 404),
        ):
            async with http.get(f"/.realtimeapp/{path}") as answer:
                assert answer.status == expected, path
        # the same request meets Django's host check anywhere else
        async with http.get("/") as answer:
            assert answer.status == 200, "the pod's own address is an allowed host"
        async with http.get("/", headers={"Host": "elsewhere.example.com"}) as answer:
            assert answer.status == 400
        async with http.get("/.realtimeapp/healthz", headers={"Host": "elsewhere.example.com"}) as answer:
            assert answer.status == 200
        for header in ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded", "X-Real-Ip"):
            async with http.get("/.realtimeapp/metrics", headers={header: "1.2.3.4"}) as answer:
                assert answer.status == 404, header


async def test_counts_cover_every_long_lived_connection_of_every_process(pod: Pod) -> None:
    sockets = [await open_socket(pod) for _ in range(8)]
    async with aiohttp.ClientSession(pod.url) as http:
        streams = [
            await http.get("/events/"),
            await http.post("/events/"),
            await http.get("/events/", headers=STREAM),
        ]
        for stream in streams:
            assert (await stream.content.readline()).startswith(b"data: 0")
        metrics = pod.metrics()
        assert metrics['realtimeapp_connections{kind="websocket"}'] == 8
        assert metrics['realtimeapp_connections{kind="stream"}'] == 3
        assert metrics["realtimeapp_requests"] == 0
        assert metrics["realtimeapp_processes"] == pod.server.processes
        assert metrics["realtimeapp_draining"] == 0
        for stream in streams:
            stream.close()
    for websocket in sockets:
        await websocket.close()
    eventually(
        lambda: pod.live("websocket") == pod.live("stream") == 0, within=10, what="all are counted out"
    )
    metrics = pod.metrics()
    assert metrics['realtimeapp_connections_accepted_total{kind="websocket"}'] == 8
    assert metrics['realtimeapp_connections_closed_total{kind="websocket"}'] == 8
    assert metrics['realtimeapp_connections_closed_total{kind="stream"}'] == 3
    assert metrics['realtimeapp_connections_drained_total{kind="websocket"}'] == 0


async def test_a_full_pod_refuses_with_503_and_stays_ready(make_pod: Callable[..., Pod], server: str) -> None:
    pod = make_pod(server, settings={"connections": {"maxPerPod": 6}})
    pod.start()
    sockets = [await open_socket(pod) for _ in range(5)]
    async with aiohttp.ClientSession(pod.url) as http:
        stream = await http.get("/events/", headers=STREAM)
        assert stream.status == 200
        for _ in range(4):  # whichever process gets it
            expect_refusal(pod, await try_handshake(pod))
            async with http.get("/events/", headers=STREAM) as refused:
                assert refused.status == 503
                assert 1 <= int(refused.headers["Retry-After"]) <= 5
        async with http.get("/") as answer:
            assert answer.status == 200, "ordinary requests are served by a full pod"
        assert pod.probe("readyz") == 200
        assert pod.metrics()['realtimeapp_connections_refused_total{kind="websocket"}'] == 4
        assert pod.metrics()['realtimeapp_connections_refused_total{kind="stream"}'] == 4
        await sockets.pop().close()
        eventually(lambda: pod.live() == 4, within=5, what="a place is free")
        async with await open_socket(pod) as websocket:
            await websocket.send("{}")
            assert "pid" in await websocket.recv()
        stream.close()
    for websocket in sockets:
        await websocket.close()


@pytest.mark.parametrize("server", ["uvicorn-2", "gunicorn-uvicorn-2"])
async def test_a_killed_process_is_not_counted_and_keeps_nobody_out(
    make_pod: Callable[..., Pod], server: str
) -> None:
    pod = make_pod(server, settings={"connections": {"maxPerPod": 6}})
    pod.start()
    sockets = [await open_socket(pod) for _ in range(6)]
    await sockets[0].send("{}")
    os.kill(json.loads(await sockets[0].recv())["pid"], signal.SIGKILL)
    survivors = 0
    for websocket in sockets:
        try:
            await websocket.send("{}")
            await websocket.recv()
        except ConnectionClosed:
            continue
        survivors += 1
    assert pod.live() == survivors < 6
    async with await open_socket(pod):
        assert pod.live() == survivors + 1
    eventually(lambda: pod.metrics()["realtimeapp_processes"] == 2, within=20, what="the worker was replaced")
    eventually(
        lambda: pod.metrics()['realtimeapp_connections_closed_total{kind="websocket"}'] == 6 - survivors + 1,
        within=5,
        what="the connections of the dead process are counted as closed",
    )
    for websocket in sockets:
        await websocket.close()


@pytest.mark.parametrize("server", ["hypercorn-2", "granian-2"])
def test_a_killed_process_ends_the_container_where_it_is_not_replaced(
    make_pod: Callable[..., Pod], server: str
) -> None:
    pod = make_pod(server)
    pod.start()
    assert pod.process is not None
    os.kill(pod.server_pids()[0], signal.SIGKILL)
    pod.process.wait(timeout=30)  # hypercorn with 0, granian with 1: the kubelet starts it again after either
    assert pod.probe("healthz") == 0, "nobody is left behind"
