"""The operator's handshake on every server: answered without the application, or by it, and never counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from hack.clients.waiting import eventually, eventually_async
from realtimeapp_operator import names
from realtimeapp_operator.probe.websocket import Finding, Target, WebSocketProbe
from tests.runtime.clients import open_socket
from tests.runtime.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.runtime.server import Pod

HOST = "chat.example.com"
REVISION = "6d5f8b7c9"
SERVERS = ["uvicorn", "daphne", "hypercorn", "granian", "gunicorn-uvicorn"]


async def knock(
    pod: Pod,
    *,
    path: str = "/ws/",
    host: str = HOST,
    answerer: Literal["edge", "application"] = "edge",
) -> Finding:
    """What the operator finds when it opens a WebSocket to `pod`."""
    target = Target(host=host, path=path, secure=False, answerer=answerer, address="127.0.0.1", port=pod.port)
    return (await WebSocketProbe().open(target)).finding


def start(make_pod: Callable[..., Pod], server: str, **settings: Any) -> Pod:  # noqa: ANN401 - keys of settings.json
    pod = make_pod(
        server,
        settings={"websocketPaths": ["/ws/"], **settings},
        environment={"REALTIMEAPP_REVISION": REVISION},
    )
    pod.start()
    return pod


@pytest.mark.parametrize("server", SERVERS)
async def test_the_way_is_answered_without_the_application_and_not_counted(
    make_pod: Callable[..., Pod], server: str
) -> None:
    pod = start(make_pod, server)
    assert await knock(pod) is Finding.OPENED
    counted = {name: value for name, value in pod.metrics().items() if "process" not in name}
    assert not any(connections(counted).values()), "it takes no place and stands in no figure"
    assert counted["realtimeapp_handshakes"] == 0
    assert await knock(pod, path="/ws/room/", answerer="application") is Finding.OPENED
    eventually(lambda: pod.live() == 0, within=5, what="the application's is closed as well")
    assert pod.metrics()['realtimeapp_connections_accepted_total{kind="websocket"}'] == 1
    assert connections(pod.metrics())['realtimeapp_connections_refused_total{kind="websocket"}'] == 0
    assert await knock(pod, path="/ws/nowhere/") is Finding.PATH, (
        "it is the application's, which has none there"
    )


@pytest.mark.parametrize("server", SERVERS)
async def test_a_host_and_an_origin_the_settings_do_not_know_are_told_apart(
    make_pod: Callable[..., Pod], server: str
) -> None:
    pod = start(make_pod, server)
    assert await knock(pod, host="other.example.com") is Finding.HOST
    refused = 4403 if server == "daphne" else 403
    assert await visit(pod, origin="http://other.example.com") == refused, (
        "an edge that passes on another host"
    )
    assert await visit(pod, origin=f"http://{HOST}") == 1000


async def visit(pod: Pod, *, origin: str) -> int:
    """The status of a refusal, or the code the WebSocket is closed with."""
    try:
        async with connect(
            f"ws://{HOST}/ws/",
            host="127.0.0.1",
            port=pod.port,
            origin=Origin(origin),
            additional_headers={names.PROBE_HEADER: "edge"},
            proxy=None,
        ) as websocket:
            await websocket.recv()
    except InvalidStatus as refusal:
        return refusal.response.status_code
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd is not None else 1006
    return 0


@pytest.mark.parametrize("server", SERVERS)
async def test_a_full_pod_says_so_for_the_application_and_lets_the_way_be_looked_at(
    make_pod: Callable[..., Pod], server: str
) -> None:
    pod = start(make_pod, server, connections={"maxPerPod": 1})
    async with await open_socket(pod):
        eventually(lambda: pod.live() == 1, within=5, what="the one place is taken")
        assert await knock(pod, path="/ws/room/", answerer="application") is Finding.FULL
        assert await knock(pod) is Finding.OPENED


@pytest.mark.parametrize("server", SERVERS)
async def test_a_draining_pod_refuses_the_operator_as_it_refuses_everybody(
    make_pod: Callable[..., Pod], server: str
) -> None:
    drain = {"lagSeconds": 0, "timeoutSeconds": 20, "ratePerSecond": 0.1, "closeCode": pod_close_code(server)}
    pod = start(make_pod, server, drain=drain)
    async with await open_socket(pod), await open_socket(pod):
        draining = pod.launch("drain")

        async def refuses() -> bool:
            return await knock(pod) is Finding.FULL

        await eventually_async(refuses, within=5, what="the operator is refused")
        assert await knock(pod, path="/ws/room/", answerer="application") is Finding.FULL
        draining.kill()
        draining.wait(timeout=5)


def pod_close_code(server: str) -> int:
    """A close code `server` can send."""
    return Server.parse(server).close_code


def connections(metrics: Mapping[str, float]) -> dict[str, float]:
    """The figures about connections."""
    return {
        name: value
        for name, value in metrics.items()
        if name.startswith("realtimeapp_connections") and "max" not in name
    }
