"""One HTTP request and its response: in flight, or an event stream that is counted and drained like a WebSocket.

What a response is shows in its headers; what a client expects shows in its Accept header, early enough to be refused.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from realtimeapp_runtime import ledger, log
from realtimeapp_runtime.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from realtimeapp_runtime.connection import Application, Message, Process, Receive, Send

EVENT_STREAM: Final = b"text/event-stream"


def wants_stream(scope: dict[str, Any]) -> bool:
    """Tell whether the client says it expects an event stream."""
    return any(
        name.lower() == b"accept" and EVENT_STREAM in value.lower() for name, value in scope["headers"]
    )


async def serve(
    application: Application, scope: dict[str, Any], receive: Receive, send: Send, process: Process
) -> None:
    """Run `application` for one HTTP scope that was admitted."""
    exchange = Exchange(process, send)
    try:
        await application(scope, receive, exchange.send)
    except asyncio.CancelledError:
        if not exchange.cancelled:
            raise
    except StreamEnded:
        pass
    finally:
        exchange.end()


class StreamEnded(OSError):
    """Raised in an application that goes on sending to a stream the drain has ended, as for a client that left."""


class Exchange(Connection):
    """The `send` the application gets, and the end of a stream."""

    __slots__ = ("_complete", "_in_flight", "_send")
    kind = "stream"

    def __init__(self, process: Process, send: Send) -> None:
        super().__init__(process)
        self._send = send
        self._complete = False
        self._in_flight = True
        process.book.cells[ledger.REQUESTS] += 1

    async def send(self, message: Message) -> None:
        """Pass `message` on; raises StreamEnded after the drain ended the stream."""
        if self.closed_by_us:
            raise StreamEnded
        kind = message["type"]
        if kind == "http.response.start":
            message = self._start(message)
        try:
            await self._send(message)
        except Exception:
            if self.was_closed():
                raise StreamEnded from None
            raise
        if kind == "http.response.body" and not message.get("more_body"):
            self._complete = True
            self._land()
            self.leave()

    async def close_politely(self, deadline: float, cause: Mapping[str, int]) -> None:  # noqa: ARG002 - a stream has no moment between two messages
        """End the stream as a response ends: the client sees a normal end and asks again, elsewhere."""
        if self._complete or self.closed_by_us or not self.counted:
            return
        self.mark_closed(cause)
        try:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        except OSError:
            pass  # the client left in this moment
        except Exception as error:  # noqa: BLE001 - a server's complaint about one stream must not end the drain
            log.write(f"a stream could not be ended: {type(error).__name__}")
        finally:
            self.leave()

    def end(self) -> None:
        """Give back every count; the application has returned."""
        self._land()
        super().end()

    def _start(self, message: Message) -> Message:
        headers = message.get("headers", ())
        if any(
            name.lower() == b"content-type" and value.lower().startswith(EVENT_STREAM)
            for name, value in headers
        ):
            self._land()
            self.enter()
        if not self.process.drainer.begun:
            return message
        # the edge must not reuse a connection to a pod that goes away
        kept = [(name, value) for name, value in headers if name.lower() != b"connection"]
        return {**message, "headers": [*kept, (b"connection", b"close")]}

    def _land(self) -> None:
        if self._in_flight:
            self._in_flight = False
            self.process.book.cells[ledger.REQUESTS] -= 1
