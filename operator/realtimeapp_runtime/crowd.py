"""The long-lived connections of this process, and who of them was asked to go. When and why is decided elsewhere."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Closable(Protocol):
    """A long-lived connection this process can end."""

    expires: float

    async def close_politely(self, deadline: float, cause: Mapping[str, int]) -> None:
        """Tell the client to come back elsewhere, at the latest at `deadline` (monotonic); count it in the cells of `cause`."""


class Crowd:
    """Draws from what is open, at random and everybody once."""

    def __init__(self) -> None:
        self._asked: set[Closable] = set()
        self._drawn: list[Closable] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.open: set[Closable] = set()

    @property
    def waiting(self) -> int:
        """How many are in the present draw and were not asked yet."""
        return len(self._drawn)

    def find_next(self) -> Closable | None:
        """Return one that was not asked yet, the same one until it is asked or has left by itself."""
        while True:
            while self._drawn:
                connection = self._drawn[-1]
                if connection in self.open and connection not in self._asked:
                    return connection
                self._drawn.pop()
            self._asked &= self.open
            self._drawn = list(self.open - self._asked)
            if not self._drawn:
                return None
            random.shuffle(self._drawn)

    def find_expired(self, now: float) -> list[Closable]:
        """Return who is too old at `now` (monotonic) and was not asked yet, the oldest last."""
        found = [connection for connection in self.open if connection.expires <= now]
        return sorted(
            (connection for connection in found if connection not in self._asked),
            key=lambda connection: -connection.expires,
        )

    def ask(self, connection: Closable, *, deadline: float, cause: Mapping[str, int]) -> None:
        """Begin to close `connection`."""
        self._asked.add(connection)
        # a task of its own: a client that does not read can block a send for ever
        task = asyncio.ensure_future(connection.close_politely(deadline, cause))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def rest(self) -> None:
        """Forget the present draw, and with it those who left."""
        if self._drawn or self._asked:
            self._drawn.clear()
            self._asked &= self.open

    def begin_again(self) -> None:
        """Forget who was asked: an answer that took its time may have kept them here."""
        self._drawn.clear()
        self._asked.clear()
