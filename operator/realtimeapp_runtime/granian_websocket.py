"""One WebSocket on granian, whose `send` of a close waits for a `receive` that is pending.

An idle application always has one pending, so a close by the server, the drain's or the application's own, would come when the
client speaks next. Here the pending `receive` is taken back first, and the application gets its disconnect from here, as other
servers give it, because some releases of granian raise instead.
Granian's `receive` returns a future, so this needs no task and no queue either.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from realtimeapp_runtime.websocket import WebSocket

if TYPE_CHECKING:
    from collections.abc import Mapping

    from realtimeapp_runtime.connection import Message, Process, Receive, Send


NORMAL_CLOSURE: Final = 1000
ABNORMAL_CLOSURE: Final = 1006
"""What other servers call the end of a handshake that was refused (RFC 6455, section 7.4.1)."""


class GranianWebSocket(WebSocket):
    """A WebSocket whose pending `receive` can be taken back."""

    __slots__ = ("_can_answer", "_closed", "_code", "_pending")

    def __init__(self, process: Process, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        super().__init__(process, scope, receive, send)
        self._can_answer = "websocket.http.response" in (scope.get("extensions") or {})
        self._pending: Any = None  # granian's own kind of future
        self._code = process.close_code
        self._closed: asyncio.Event | None = None  # exists from the first close on, is set when it is sent

    async def receive(self) -> Message:
        """Return the next message; see WebSocket.receive."""
        self._busy = False
        if self._due is not None:
            await self._close(self._due)
        message = await self._wait()
        self._note_received(message)
        return message

    async def send(self, message: Message) -> None:
        """Pass `message` on; see WebSocket.send."""
        if message["type"] != "websocket.close":
            await super().send(message)
            return
        self._code = message.get("code", NORMAL_CLOSURE) if self.counted else ABNORMAL_CLOSURE
        closed = self._take_back()
        try:
            if self._can_answer and not self._answered:
                await self._refuse()
            else:
                await super().send(message)
        finally:
            closed.set()

    async def _refuse(self) -> None:
        """Refuse the handshake as other servers do, now: granian would when the application returns, which may be late."""
        await self._send({"type": "websocket.http.response.start", "status": 403, "headers": []})
        await self._send({"type": "websocket.http.response.body", "body": b""})
        self._answer()

    async def _wait(self) -> Message:
        if not self._is_closing():
            self._pending = self._receive()
            try:
                message: Message = await self._pending
            except asyncio.CancelledError:
                if not self._is_closing() or _is_cancelled():
                    raise
            else:
                return message
            finally:
                self._pending = None
        await self._take_back().wait()
        return {"type": "websocket.disconnect", "code": self._code}

    async def _close(self, cause: Mapping[str, int]) -> None:
        closed = self._take_back()
        try:
            await super()._close(cause)
        finally:
            closed.set()

    def _is_closing(self) -> bool:
        return self._closed is not None

    def _take_back(self) -> asyncio.Event:
        """Take the pending `receive` from the server; return what lets it go on."""
        if self._closed is None:
            self._closed = asyncio.Event()
        if self._pending is not None:
            self._pending.cancel()
        return self._closed


def _is_cancelled() -> bool:
    """Tell whether the caller's task itself was cancelled; not known before Python 3.11, where it may be cancelled again."""
    task = asyncio.current_task()
    cancelling = getattr(task, "cancelling", None)
    return cancelling is not None and cancelling() > 0
