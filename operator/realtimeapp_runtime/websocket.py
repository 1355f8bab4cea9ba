"""One WebSocket between the server and the application: counted, and closed between two messages when the pod drains or has to give.

It adds no task and no queue: `receive` and `send` pass straight through. That needs a server that hands the application a
disconnect after a close of ours, as uvicorn, daphne and hypercorn do; granian has granian_websocket.py.
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING, Any, Final

from realtimeapp_runtime import ledger, log
from realtimeapp_runtime.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from realtimeapp_runtime.connection import Application, Message, Process, Receive, Send

BUSY_SECONDS: Final = 2.0
"""How long a message that is being handled may go on before its socket is closed anyway."""
FALLBACK_CODE: Final = 4012
"""autobahn (daphne) sends 1000 and 3000-4999 only."""
REASON: Final = "server restarting"
MOVED: Final = "moved"


async def serve(
    application: Application, scope: dict[str, Any], receive: Receive, send: Send, process: Process
) -> None:
    """Run `application` for one WebSocket scope that was admitted."""
    process.book.cells[ledger.HANDSHAKES] += 1
    socket = process.websocket(process, scope, receive, send)
    try:
        await application(scope, socket.receive, socket.send)
    except asyncio.CancelledError:
        if not socket.cancelled:
            raise
    finally:
        socket.end()


class WebSocket(Connection):
    """The two callables the application gets, and what the drain does to them."""

    __slots__ = ("_answered", "_busy", "_due", "_receive", "_send")
    kind = "websocket"

    def __init__(self, process: Process, scope: dict[str, Any], receive: Receive, send: Send) -> None:  # noqa: ARG002 - for granian's
        super().__init__(process)
        self._receive = receive
        self._send = send
        self._answered = False  # the handshake
        self._busy = False  # between a message and the next receive()
        self._due: Mapping[str, int] | None = None  # why it is to be closed

    async def receive(self) -> Message:
        """Return the next message; here is the moment between two messages when a due close happens."""
        self._busy = False
        if self._due is not None:
            await self._close(self._due)
        message = await self._receive()
        self._note_received(message)
        return message

    async def send(self, message: Message) -> None:
        """Pass `message` on; what comes after a close of ours goes nowhere, as after a client that left."""
        if self.closed_by_us:
            return
        kind = message["type"]
        if kind == "websocket.accept" and not self._answered:
            self.enter()  # before the client can know, so that no count is ever behind a client's knowledge
            self._answer()
        try:
            await self._send(message)
        except Exception:
            if not self.was_closed():
                raise
            return
        if kind == "websocket.close":
            self._answer()
            self.leave()

    async def close_politely(self, deadline: float, cause: Mapping[str, int]) -> None:
        """Close with the configured code: at once when idle, else after the message in hand.

        A drain waits 2 s for that at most; what has no deadline waits for as long as it takes.
        """
        self._due = cause
        patience = min(BUSY_SECONDS, deadline - time.monotonic())
        if self._busy and patience > 0:
            # receive() closes earlier, when the message is done
            if deadline == math.inf:
                return
            await asyncio.sleep(patience)
        await self._close(cause)

    def end(self) -> None:
        """Give back every count; the application has returned."""
        self._answer()
        super().end()

    def _note_received(self, message: Message) -> None:
        self._busy = True
        if message["type"] == "websocket.disconnect":
            self._answer()
            self.leave()

    async def _close(self, cause: Mapping[str, int]) -> None:
        if self.closed_by_us or not self.counted:
            return
        self.mark_closed(cause)
        reason = REASON if cause is ledger.DRAINED else MOVED
        for code in (self.process.close_code, FALLBACK_CODE):
            try:
                await self._send({"type": "websocket.close", "code": code, "reason": reason})
            except OSError:
                break  # the client left in this moment
            except Exception as error:  # noqa: BLE001 - autobahn raises a bare Exception for a code it cannot send
                if code == FALLBACK_CODE:
                    log.write(f"a WebSocket could not be closed: {type(error).__name__}")
            else:
                break
        self.leave()

    def _answer(self) -> None:
        if not self._answered:
            self._answered = True
            self.process.book.cells[ledger.HANDSHAKES] -= 1
