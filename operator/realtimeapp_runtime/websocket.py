"""One WebSocket between the server and the application: counted, and closed between two messages when the pod drains.

It adds no task and no queue: `receive` and `send` pass straight through. That needs a server that hands the application a
disconnect after a close of ours, as uvicorn, daphne and hypercorn do; granian has granian_websocket.py.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

from realtimeapp_runtime import ledger, log
from realtimeapp_runtime.connection import Connection

if TYPE_CHECKING:
    from realtimeapp_runtime.connection import Application, Message, Process, Receive, Send

BUSY_SECONDS: Final = 2.0
"""How long a message that is being handled may go on before its socket is closed anyway."""
FALLBACK_CODE: Final = 4012
"""autobahn (daphne) sends 1000 and 3000-4999 only."""
REASON: Final = "server restarting"


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
        self._due = False

    async def receive(self) -> Message:
        """Return the next message; here is the moment between two messages when a due close happens."""
        self._busy = False
        if self._due:
            await self._close()
        message = await self._receive()
        self._note_received(message)
        return message

    async def send(self, message: Message) -> None:
        """Pass `message` on; what comes after a close of ours goes nowhere, as after a client that left."""
        if self.closed_by_drain:
            return
        kind = message["type"]
        if kind == "websocket.accept" and not self._answered:
            self.enter()  # before the client can know, so that no count is ever behind a client's knowledge
            self._answer()
        try:
            await self._send(message)
        except Exception:
            if not self.was_drained():
                raise
            return
        if kind == "websocket.close":
            self._answer()
            self.leave()

    async def close_for_drain(self, deadline: float) -> None:
        """Close with the configured code: at once when idle, else after the message in hand, at most 2 s later."""
        self._due = True
        patience = min(BUSY_SECONDS, deadline - time.monotonic())
        if self._busy and patience > 0:
            # receive() closes earlier, when the message is done
            await asyncio.sleep(patience)
        await self._close()

    def end(self) -> None:
        """Give back every count; the application has returned."""
        self._answer()
        super().end()

    def _note_received(self, message: Message) -> None:
        self._busy = True
        if message["type"] == "websocket.disconnect":
            self._answer()
            self.leave()

    async def _close(self) -> None:
        if self.closed_by_drain or not self.counted:
            return
        self.mark_drained()
        for code in (self.process.close_code, FALLBACK_CODE):
            try:
                await self._send({"type": "websocket.close", "code": code, "reason": REASON})
            except OSError:
                break  # the client left in this moment
            except Exception as error:  # noqa: BLE001 - autobahn raises a bare Exception for a code it cannot send
                if code == FALLBACK_CODE:
                    log.write(f"drain: a WebSocket could not be closed: {type(error).__name__}")
            else:
                break
        self.leave()

    def _answer(self) -> None:
        if not self._answered:
            self._answered = True
            self.process.book.cells[ledger.HANDSHAKES] -= 1
