"""What the reconciler's tests take for answers of the way in are those of the real probe, word for word."""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from hack.clients.ports import find_port
from hack.examples.aws.certificate import issue
from realtimeapp_operator.probe.websocket import Target, WebSocketProbe
from tests.support.fake_doorbell import VERDICTS, FakeDoorbell

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

HOST = "counter.example.com"
STATUSES: dict[str, tuple[int, dict[str, str]]] = {
    "host": (400, {}),
    "origin": (403, {}),
    "path": (404, {}),
    "page": (200, {}),
    "login": (302, {"Location": f"http://{HOST}/login/"}),
    "https": (301, {"Location": f"https://{HOST}/"}),
    "error": (502, {}),
    "full": (503, {"Retry-After": "2"}),
}


@asynccontextmanager
async def stage(meets: str, folder: Path) -> AsyncIterator[Target]:
    """The world in which the probe `meets` that, and where to knock there."""
    address, port, secure = "127.0.0.1", find_port(), meets == "certificate"
    if meets == "connection":
        port = 1
    if meets == "name":
        address = "nowhere.invalid"

    async def answer(request: web.Request) -> web.StreamResponse:
        if meets in STATUSES:
            status, headers = STATUSES[meets]
            return web.Response(status=status, headers=headers)
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        await websocket.close(code=1000)
        return websocket

    app = web.Application()
    app.router.add_get("/ws/live/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        if meets not in {"connection", "name"}:
            context = certify(folder) if secure else None
            await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
        yield Target(host=HOST, path="/ws/live/", secure=secure, answerer="edge", address=address, port=port)
    finally:
        await runner.cleanup()


def certify(folder: Path) -> ssl.SSLContext:
    """A server's context with a certificate nobody trusts."""
    issued = issue(HOST)
    path = folder / "certificate"
    path.write_text(issued.certificate + issued.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@pytest.mark.parametrize("meets", VERDICTS)
async def test_the_fake_says_what_the_real_one_says(meets: str, tmp_path: Path) -> None:
    async with stage(meets, tmp_path) as target:
        real = await WebSocketProbe().open(target)
    fake = FakeDoorbell()
    fake.verdict = VERDICTS[meets]
    assert await fake.open(target) == real
