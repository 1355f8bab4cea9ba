"""The parts of the process that run for as long as it leads; the end of any one is an error, not a silence."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import TracebackType

CANCEL_SECONDS: Final = 8.0
"""How long cancelled parts may take to clean up before they are left behind; kopf takes up to 6 s."""


class PartEnded(Exception):
    """A part that runs for ever has ended without an error of its own."""


class Parts:
    """Runs coroutines as tasks and watches over them; an async context manager that cancels what is left."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._may_end: set[asyncio.Task[Any]] = set()

    def start(self, part: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run `part`, which is expected never to end."""
        task = asyncio.create_task(part, name=name)
        self._tasks.add(task)
        return task

    async def first(self, *waits: Coroutine[Any, Any, Any]) -> None:
        """Return when one of `waits` is over and cancel the others; raise when a part ends or fails before that."""
        waiting = {asyncio.create_task(wait) for wait in waits}
        try:
            while True:
                watched = self._tasks - {task for task in self._may_end if task.done()}
                done, _ = await asyncio.wait(watched | waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done & self._tasks:
                    self._check(task)
                over = done & waiting
                if over:
                    await asyncio.gather(*over)
                    return
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def end(self, task: asyncio.Task[Any]) -> None:
        """Wait for a part that was told to end; raise when another ends or fails before that.

        Creates no task: kopf, when it ends, first waits for each task that is younger than itself.
        """
        self._may_end.add(task)
        while not task.done():
            watched = self._tasks - {other for other in self._may_end if other.done()}
            done, _ = await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            for ended in done:
                self._check(ended)

    def let_end(self, task: asyncio.Task[Any]) -> None:
        """Expect that `task` ends from now on; its errors still count."""
        self._may_end.add(task)

    def _check(self, task: asyncio.Task[Any]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            raise error
        if task not in self._may_end:
            raise PartEnded(f"the part {task.get_name()!r} has ended")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            done, _ = await asyncio.wait(self._tasks, timeout=CANCEL_SECONDS)
            for task in done:
                if not task.cancelled():
                    task.exception()  # Looked at, so that nothing complains: the first one was raised already.
