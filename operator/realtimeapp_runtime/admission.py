"""Whether one more long-lived connection may come in, and the answer for one that may not.

A full pod answers at the handshake and stays ready: a pod that is not ready is the first one Kubernetes deletes.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from realtimeapp_runtime.drain import Drainer
    from realtimeapp_runtime.ledger import Ledger

    Send = Callable[[dict[str, Any]], Awaitable[None]]

RETRY_AFTER_SECONDS: Final = (1, 5)
"""Drawn at random, so that refused clients do not come back together."""
DRAINING: Final = "this pod is draining"
FULL: Final = "this pod is full"


class Admission:
    """The pod's cap and drain as one question."""

    def __init__(self, *, book: Ledger, drainer: Drainer, max_per_pod: int) -> None:
        self._book = book
        self._drainer = drainer
        self._max_per_pod = max_per_pod

    def find_refusal(self) -> str | None:
        """Return why a new long-lived connection is refused, or None.

        The count over processes is exact but for handshakes that reach two processes in the same instant.
        """
        if self._drainer.refuses():
            return DRAINING
        if self._book.count_long_lived() < self._max_per_pod:
            return None
        self._book.find_others()  # a worker that was killed must not keep others out
        if self._book.count_long_lived() < self._max_per_pod:
            return None
        return FULL


async def refuse_request(send: Send, why: str) -> None:
    """Answer an HTTP request with 503 and Retry-After."""
    body = f"{why}, try again\n".encode()
    await send({"type": "http.response.start", "status": 503, "headers": _build_headers(body)})
    await send({"type": "http.response.body", "body": body})


async def refuse_websocket(scope: dict[str, Any], send: Send, why: str) -> None:
    """Answer a WebSocket handshake with 503 and Retry-After, or with the server's own refusal where it can do no more."""
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": 1013})  # becomes an HTTP 403
        return
    body = f"{why}, try again\n".encode()
    await send({"type": "websocket.http.response.start", "status": 503, "headers": _build_headers(body)})
    await send({"type": "websocket.http.response.body", "body": body})


def _build_headers(body: bytes) -> list[tuple[bytes, bytes]]:
    seconds = random.randint(*RETRY_AFTER_SECONDS)  # noqa: S311 - jitter, not a secret
    return [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", str(seconds).encode()),
        (b"cache-control", b"no-store"),
        (b"connection", b"close"),
    ]
