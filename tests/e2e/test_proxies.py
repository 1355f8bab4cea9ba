"""The application sees the true client through Traefik, over HTTP and WebSocket, whatever an outsider sends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from websockets.asyncio.client import connect

if TYPE_CHECKING:
    from hack.clients.kubectl import Kubectl

CLIENT = "127.0.9.9"
LIES = {
    "X-Forwarded-For": "6.6.6.6, 7.7.7.7",
    "X-Forwarded-Proto": "https",
    "X-Real-Ip": "6.6.6.6",
    "Forwarded": "for=6.6.6.6;proto=https",
}


@pytest.fixture
def ready(kubectl: Kubectl, counter: dict[str, Any]) -> None:
    """The counter with one web pod, Ready."""
    counter["spec"].setdefault("web", {})["replicas"] = 1
    kubectl.apply(counter)
    kubectl.await_condition("counter", "Ready", within=60)


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize("headers", [{}, LIES], ids=["honest", "lying"])
async def test_the_client_is_who_connected_to_the_edge(host: str, headers: dict[str, str]) -> None:
    connector = aiohttp.TCPConnector(local_addr=(CLIENT, 0))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.get("http://127.0.0.1/whoami/", headers={"Host": host, **headers}) as response,
    ):
        assert response.status == 200
        seen = await response.json()
    assert (seen["remoteAddr"], seen["scheme"]) == (CLIENT, "http")

    async with connect(
        f"ws://{host}/ws/whoami/",
        host="127.0.0.1",
        port=80,
        local_addr=(CLIENT, 0),
        origin=f"http://{host}",  # type: ignore[arg-type]  # a NewType of str
        additional_headers=headers,
        proxy=None,
    ) as socket:
        seen = json.loads(await socket.recv())
    assert (seen["client"], seen["scheme"]) == (CLIENT, "ws")


@pytest.mark.usefixtures("ready")
async def test_the_runtimes_own_paths_are_not_served_to_the_world(host: str) -> None:
    async with aiohttp.ClientSession() as session:
        for path in ("healthz", "readyz", "metrics"):
            async with session.get(
                f"http://127.0.0.1/.realtimeapp/{path}", headers={"Host": host}
            ) as response:
                assert response.status == 404, path
