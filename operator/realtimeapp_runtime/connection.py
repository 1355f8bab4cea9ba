"""What WebSockets and event streams have in common: being counted, being drained, and an application that will not end.

channels_redis can lose a cancellation when many sockets close at once; its consumer then waits for ever and would hold up the
server's shutdown. So an application that outlives its closed connection is cancelled, again if it swallows that.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from typing import TYPE_CHECKING, Any, Final

from realtimeapp_runtime import ledger, log

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from realtimeapp_runtime.crowd import Crowd
    from realtimeapp_runtime.drain import Drainer
    from realtimeapp_runtime.websocket import WebSocket

    Message = dict[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Application = Callable[[dict[str, Any], Receive, Send], Awaitable[Any]]

APPLICATION_SECONDS: Final = 3.0
"""What an application gets to return after its connection was closed, before each of two cancellations."""
CANCELLATIONS: Final = 2
AGE_RANGE: Final = (0.9, 1.1)
"""Times the configured age: people who came together must not be sent away together."""


class Process:
    """What every connection of this process refers to."""

    __slots__ = ("book", "close_code", "crowd", "drainer", "max_age_seconds", "websocket")

    def __init__(  # noqa: PLR0913 - what all connections share, once per process
        self,
        *,
        book: ledger.Ledger,
        crowd: Crowd,
        drainer: Drainer,
        close_code: int,
        max_age_seconds: int,
        websocket: type[WebSocket],
    ) -> None:
        self.book = book
        self.crowd = crowd
        self.drainer = drainer
        self.close_code = close_code
        self.max_age_seconds = max_age_seconds
        self.websocket = websocket

    def draw_expiry(self) -> float:
        """Return when (monotonic) a connection that begins now is too old: within a tenth of the age, never where there is none."""
        if self.max_age_seconds == 0:
            return math.inf
        return time.monotonic() + self.max_age_seconds * random.uniform(*AGE_RANGE)  # noqa: S311 - jitter, not a secret


class Connection:
    """One counted connection. Memory per open socket is the reason for slots and for having no task of its own."""

    __slots__ = ("cancelled", "closed_by_us", "counted", "ended", "expires", "process", "task")
    kind = ""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.task = asyncio.current_task()
        self.counted = False
        self.closed_by_us = False
        self.cancelled = False
        self.ended = False
        self.expires = math.inf

    def enter(self) -> None:
        """Count this connection as open."""
        cells = self.process.book.cells
        cells[ledger.LIVE[self.kind]] += 1
        cells[ledger.ACCEPTED[self.kind]] += 1
        self.counted = True
        self.expires = self.process.draw_expiry()
        self.process.crowd.open.add(self)

    def leave(self) -> None:
        """Count this connection as closed; the second call does nothing."""
        if self.counted:
            self.counted = False
            cells = self.process.book.cells
            cells[ledger.LIVE[self.kind]] -= 1
            cells[ledger.CLOSED[self.kind]] += 1
            self.process.crowd.open.discard(self)

    async def close_politely(self, deadline: float, cause: Mapping[str, int]) -> None:
        """Close the connection; see crowd.Closable."""
        raise NotImplementedError

    def mark_closed(self, cause: Mapping[str, int]) -> None:
        """Note that we close this connection and why, and see to it that its application ends."""
        cells = self.process.book.cells
        cells[cause[self.kind]] += 1
        cells[ledger.CLOSING] += 1
        self.closed_by_us = True
        asyncio.get_running_loop().call_later(APPLICATION_SECONDS, self._cancel_application, CANCELLATIONS)

    def was_closed(self) -> bool:
        """Tell whether we closed this connection, perhaps while the caller waited."""
        return self.closed_by_us

    def end(self) -> None:
        """Give back every count; the application has returned."""
        self.ended = True
        self.leave()
        if self.closed_by_us:
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
