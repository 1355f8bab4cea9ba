"""Lines of progress of a tool that runs for minutes: what happened, to what, and when."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def make_sayer(subject: str) -> Callable[[str], None]:
    """Prints a line about `subject`, with the seconds since this was called."""
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"  {time.monotonic() - started:6.1f} s  {subject}: {text}", flush=True)

    return say
