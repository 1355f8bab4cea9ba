"""What a browser does with a pod: WebSockets with an Origin, handshakes that may be refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

if TYPE_CHECKING:
    from tests.runtime.server import Pod

ORIGIN = Origin("http://chat.example.com")
UPGRADE = {
    "Origin": ORIGIN,
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}
STREAM = {"Accept": "text/event-stream"}


async def open_socket(
    pod: Pod, *, query: str = "", headers: list[tuple[str, str]] | None = None
) -> ClientConnection:
    return await connect(
        f"ws://127.0.0.1:{pod.port}/ws/room/{query}",
        origin=ORIGIN,
        additional_headers=headers,
        ping_interval=None,
    )


async def try_handshake(pod: Pod, *, origin: str = ORIGIN) -> tuple[int, str | None]:
    """Return the status of a WebSocket handshake and its Retry-After."""
    async with (
        aiohttp.ClientSession(pod.url, timeout=aiohttp.ClientTimeout(total=10)) as http,
        http.get("/ws/room/", headers={**UPGRADE, "Origin": origin}) as answer,
    ):
        return answer.status, answer.headers.get("Retry-After")


def expect_refusal(pod: Pod, answer: tuple[int, str | None]) -> None:
    """Assert that a handshake was refused the way `pod`'s server can."""
    status, retry_after = answer
    if pod.server.name == "Daphne":  # it can answer a handshake with nothing else
        assert status == 403
    else:
        assert status == 503
        assert retry_after is not None
        assert 1 <= int(retry_after) <= 5
