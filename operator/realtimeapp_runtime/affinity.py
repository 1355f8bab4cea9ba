"""Sending a client on that its affinity cookie leads back to the pod it was just asked to leave.

Chromium ignores Set-Cookie on a handshake that is refused with 403, 429 or 503, but not on one that is accepted, or refused with
401. So the handshake is accepted, takes the cookie away, and is closed at once like any socket of a drain; the application hears
nothing of it. Granian sends no headers with what it accepts, so it refuses with 401. An event stream is redirected to where it
is. Whoever comes without the cookie is not touched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from realtimeapp_runtime.connection import Receive, Send

REASON: Final = "moved"


class Affinity:
    """The cookie in which the edge keeps a client's pod; `name` is None where it keeps none."""

    def __init__(self, *, name: str | None, secure: bool, close_code: int, server: str) -> None:
        self._prefix = f"{name}=".encode() if name else None
        # as the edge writes it; Max-Age 0 is what deletes it
        text = f"{name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax{'; Secure' if secure else ''}"
        self._deletion = text
        self._close_code = close_code
        self._server = server

    def leads(self, scope: dict[str, Any]) -> bool:
        """Tell whether this request carries the cookie, and the server has a way to take it back."""
        return (
            self._prefix is not None
            and self._can_answer(scope)
            and any(
                part.strip().startswith(self._prefix)
                for name, value in scope["headers"]
                if name.lower() == b"cookie"
                for part in value.split(b";")
            )
        )

    async def send_socket_on(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Accept the handshake, delete the cookie, close; or what the server can do of it."""
        await receive()  # the handshake itself; a server may wait for it to be taken
        if self._server == "Granian":
            headers = [
                (b"set-cookie", self._deletion.encode()),
                (b"retry-after", b"1"),
                (b"content-length", b"0"),
            ]
            await send({"type": "websocket.http.response.start", "status": 401, "headers": headers})
            await send({"type": "websocket.http.response.body", "body": b""})
            return
        # a browser that offered subprotocols fails a handshake that takes none of them
        subprotocol = next(iter(scope.get("subprotocols") or ()), None)
        await send(self._build_accept(subprotocol))
        await send({"type": "websocket.close", "code": self._close_code, "reason": REASON})

    async def redirect_stream(self, scope: dict[str, Any], send: Send) -> None:
        """Answer with 307 to the same address; a relative one, because the edge may have changed the path."""
        path = scope.get("raw_path") or scope["path"].encode()
        query = scope.get("query_string") or b""
        location = b"./" + path.rpartition(b"/")[2] + (b"?" + query if query else b"")
        headers = [
            (b"location", location),
            (b"set-cookie", self._deletion.encode()),
            (b"content-length", b"0"),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": 307, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    def _build_accept(self, subprotocol: str | None) -> dict[str, Any]:
        if self._server == "Daphne":
            # it drops `headers` and hands `subprotocol` to autobahn, which takes a pair of it and headers as well
            return {"type": "websocket.accept", "subprotocol": (subprotocol, {"Set-Cookie": self._deletion})}
        headers = [(b"set-cookie", self._deletion.encode())]
        return {"type": "websocket.accept", "subprotocol": subprotocol, "headers": headers}

    def _can_answer(self, scope: dict[str, Any]) -> bool:
        """Granian before 2.8 has no answer of its own to a handshake."""
        asks = scope["type"] == "websocket" and self._server == "Granian"
        return not asks or "websocket.http.response" in (scope.get("extensions") or {})
