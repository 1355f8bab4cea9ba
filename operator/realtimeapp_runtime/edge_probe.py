"""The operator's handshake through the edge, answered here: whether the way leads to this pod, with this host and this origin.

The application hears nothing of it and needs no path for it. Nobody is let in: what is accepted is closed at once, and takes
none of the pod's places. A handshake that asks for the application passes through like anybody's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

from realtimeapp_runtime import log

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from realtimeapp_runtime.connection import Application, Receive, Send

HEADER: Final = b"x-realtimeapp-probe"
EDGE: Final = b"edge"
CLOSE_CODES: Final = {400: 4400, 403: 4403, 404: 4404, 503: 4503}
"""What a refusal closes with where the server can answer a handshake with 403 only (daphne): then the operator's is accepted first."""
REVISION_HEADER: Final = b"x-realtimeapp-revision"
"""Which revision's pod it is: while the last old pod leaves, the edge may still lead there. Daphne sends no headers along."""
REVISION_VARIABLE: Final = "REALTIMEAPP_REVISION"
RETRY_AFTER: Final = (b"retry-after", b"1")
UNROUTED: Final = "No route found for path"
"""What Channels' URLRouter raises; a server makes an error 500 of it, which could be anything."""


class Refusal(NamedTuple):
    """An HTTP status, and why in a few words."""

    status: int
    why: str


class EdgeProbe:
    """What this application's settings say about who may come in, and which revision they are of."""

    def __init__(
        self, *, paths: Iterable[str], hosts: Iterable[str], origins: Iterable[str], revision: str = ""
    ) -> None:
        self._mark = [(REVISION_HEADER, revision.encode())] if revision else []
        self._paths = frozenset(paths)
        self._hosts = tuple(host.lower() for host in hosts)
        self._origins = frozenset(origin.lower() for origin in origins)

    def takes(self, scope: dict[str, Any]) -> bool:
        """Whether this WebSocket handshake is to be answered here."""
        return scope["path"] in self._paths and _get(scope["headers"], HEADER) == EDGE

    def find_refusal(self, headers: Sequence[tuple[bytes, bytes]]) -> Refusal | None:
        """Return why the application's own settings would not let these headers in, or None."""
        host = _without_port(_get(headers, b"host"))
        if not self._knows(host):
            return Refusal(400, "this host is not one of the application's")
        origin = _get(headers, b"origin").decode("latin-1").lower()
        if origin not in self._origins and not self._knows(_host_of(origin)):
            return Refusal(403, "this origin is not one of the application's")
        return None

    async def answer(
        self, scope: dict[str, Any], receive: Receive, send: Send, refusal: Refusal | None
    ) -> None:
        """Accept and close, or refuse."""
        await receive()  # the handshake itself; a server may wait for it to be taken
        if refusal is None:
            await self._accept_and_close(send, 1000, "")
        else:
            await self._refuse(scope, send, refusal)

    async def _refuse(self, scope: dict[str, Any], send: Send, refusal: Refusal) -> None:
        if "websocket.http.response" not in (scope.get("extensions") or {}):
            await self._accept_and_close(send, CLOSE_CODES[refusal.status], refusal.why)
        else:
            headers = [*_build_headers(refusal), *self._mark]
            start = {"type": "websocket.http.response.start", "status": refusal.status, "headers": headers}
            await send(start)
            await send({"type": "websocket.http.response.body", "body": f"{refusal.why}\n".encode()})

    def show(self, application: Application) -> Application:
        """Return `application` for a handshake it is to answer: it says of which revision it is, and if it has no such path."""

        async def shown(scope: dict[str, Any], receive: Receive, send: Send) -> None:
            answered = False

            async def send_marked(message: dict[str, Any]) -> None:
                nonlocal answered
                answered = True
                if self._mark and message["type"] == "websocket.accept":
                    message = {**message, "headers": [*(message.get("headers") or ()), *self._mark]}
                await send(message)

            try:
                await application(scope, receive, send_marked)
            except Exception as error:
                if answered or UNROUTED not in str(error):
                    raise
                log.write(f"the application has no route for the WebSocket path {scope['path']!r}")
                await self._refuse(scope, send, Refusal(404, "the application has no such path"))

        return shown

    async def _accept_and_close(self, send: Send, code: int, reason: str) -> None:
        await send({"type": "websocket.accept", "headers": self._mark})
        await send({"type": "websocket.close", "code": code, "reason": reason})

    def _knows(self, host: str) -> bool:
        """Compare as Django does with ALLOWED_HOSTS; without any, the settings say nothing."""
        return not self._hosts or any(_matches(host, pattern) for pattern in self._hosts)


def is_ours(scope: dict[str, Any]) -> bool:
    """Whether the operator opens this WebSocket, whoever is to answer."""
    return bool(_get(scope["headers"], HEADER))


def _build_headers(refusal: Refusal) -> list[tuple[bytes, bytes]]:
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(refusal.why) + 1).encode()),
        (b"cache-control", b"no-store"),
        (b"connection", b"close"),
    ]
    return [*headers, RETRY_AFTER] if refusal.status == 503 else headers  # noqa: PLR2004 - Service Unavailable


def _get(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> bytes:
    """Return the header `wanted`, empty when it is absent."""
    return next((value.strip() for name, value in headers if name.lower() == wanted), b"")


def _without_port(host: bytes) -> str:
    text = host.decode("latin-1").lower()
    if not text.startswith("["):
        text = text.partition(":")[0]
    return text.rstrip(".")


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).hostname or ""
    except ValueError:
        return ""


def _matches(host: str, pattern: str) -> bool:
    if pattern.startswith("."):
        return host.endswith(pattern) or host == pattern[1:]
    return pattern in ("*", host) and bool(host)
