"""What WebSockets and event streams have in common: being counted, being drained, and an application that will not end.

channels_redis can lose a cancellation when many sockets close at once; its consumer then waits for ever and would hold up the
server's shutdown. So an application that outlives its closed connection is cancelled, again if it swallows that.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from realtimeapp_runtime import ledger, log

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from realtimeapp_runtime.drain import Drainer
    from realtimeapp_runtime.websocket import WebSocket

    Message = dict[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Application = Callable[[dict[str, Any], Receive, Send], Awaitable[Any]]

APPLICATION_SECONDS: Final = 3.0
"""What an application gets to return after its connection was closed, before each of two cancellations."""
CANCELLATIONS: Final = 2


class Process:
    """What every connection of this process refers to."""

    __slots__ = ("book", "close_code", "drainer", "websocket")

    def __init__(
        self, *, book: ledger.Ledger, drainer: Drainer, close_code: int, websocket: type[WebSocket]
    ) -> None:
        self.book = book
        self.drainer = drainer
        self.close_code = close_code
        self.websocket = websocket


class Connection:
    """One counted connection. Memory per open socket is the reason for slots and for having no task of its own."""

    __slots__ = ("cancelled", "closed_by_drain", "counted", "ended", "process", "task")
    kind = ""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.task = asyncio.current_task()
        self.counted = False
        self.closed_by_drain = False
        self.cancelled = False
        self.ended = False

    def enter(self) -> None:
        """Count this connection as open."""
        cells = self.process.book.cells
        cells[ledger.LIVE[self.kind]] += 1
        cells[ledger.ACCEPTED[self.kind]] += 1
        self.counted = True
        self.process.drainer.open.add(self)

    def leave(self) -> None:
        """Count this connection as closed; the second call does nothing."""
        if self.counted:
            self.counted = False
            cells = self.process.book.cells
            cells[ledger.LIVE[self.kind]] -= 1
            cells[ledger.CLOSED[self.kind]] += 1
            self.process.drainer.open.discard(self)

    async def close_for_drain(self, deadline: float) -> None:
        """Close the connection for the drain; see drain.Closable."""
        raise NotImplementedError

    def mark_drained(self) -> None:
        """Note that the drain closes this connection, and see to it that its application ends."""
        cells = self.process.book.cells
        cells[ledger.DRAINED[self.kind]] += 1
        cells[ledger.CLOSING] += 1
        self.closed_by_drain = True
        asyncio.get_running_loop().call_later(APPLICATION_SECONDS, self._cancel_application, CANCELLATIONS)

    def was_drained(self) -> bool:
        """Tell whether the drain closed this connection, perhaps while the caller waited."""
        return self.closed_by_drain

    def end(self) -> None:
        """Give back every count; the application has returned."""
        self.ended = True
        self.leave()
        if self.closed_by_drain:
            self.process.book.cells[ledger.CLOSING] -= 1

    def _cancel_application(self, attempts: int) -> None:
        if self.ended or self.task is None:
            return
        if attempts == 0:
            log.write(f"drain: the application of a closed {self.kind} does not end, not even when cancelled")
            return
        self.cancelled = True
        self.task.cancel()
        asyncio.get_running_loop().call_later(APPLICATION_SECONDS, self._cancel_application, attempts - 1)
