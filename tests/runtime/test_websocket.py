"""What an application may do with a WebSocket on every server, whatever the wrapper has to do for it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from websockets.exceptions import ConnectionClosed

from hack.clients.waiting import eventually
from tests.runtime.clients import open_socket, try_handshake

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtime.server import Pod


@pytest.mark.parametrize("server", ["uvicorn", "daphne", "hypercorn", "granian", "gunicorn-uvicorn"])
async def test_an_application_closes_and_refuses_sockets_itself(
    make_pod: Callable[..., Pod], server: str
) -> None:
    pod = make_pod(server)
    pod.start()
    refused, _ = await try_handshake(pod, origin="http://elsewhere.example.com")
    assert refused == 403, "the application's origin check is the application's"
    silent, speaking, leaving = [await open_socket(pod) for _ in range(3)]
    await speaking.send('{"say": "hello"}')
    for websocket in (silent, speaking, leaving):
        assert json.loads(await websocket.recv()) == {"said": "hello"}
    await leaving.close(1000)
    eventually(lambda: pod.live() == 2, within=5, what="one has left")
    await speaking.send('{"kick": 4403}')
    for websocket in (silent, speaking):  # neither has to speak to be told
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(websocket.recv(), 5)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4403
    eventually(lambda: pod.live() == 0, within=5, what="all are counted out")
    metrics = pod.metrics()
    assert metrics['realtimeapp_connections_accepted_total{kind="websocket"}'] == 3
    assert metrics['realtimeapp_connections_closed_total{kind="websocket"}'] == 3
    assert metrics["realtimeapp_handshakes"] == 0
    assert "Traceback" not in pod.read_log()
