"""Progress for a person, on standard error: standard output stays free for what scripts read."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

QUIET_INTERVAL = 15.0
"""Seconds between progress lines where the output is a log rather than a terminal."""


def say(message: str) -> None:
    """Print one line."""
    print(message, file=sys.stderr, flush=True)


@dataclass
class Clock:
    """Seconds since a command began, for the column in front of each step."""

    began: float = field(default_factory=time.monotonic)

    def step(self, message: str) -> None:
        """Print a finished step with the seconds so far."""
        say(f"{time.monotonic() - self.began:6.1f} s  {message}")


@dataclass
class Ticker:
    """A line that counts seconds while something slow runs."""

    label: str
    began: float = field(default_factory=time.monotonic)
    printed: float = float("-inf")

    def tick(self) -> None:
        """Show the seconds so far: in place on a terminal, now and then in a log."""
        now = time.monotonic()
        if sys.stderr.isatty():
            print(f"\r{self.label} … {now - self.began:.0f} s", end="", file=sys.stderr, flush=True)
        elif now - self.printed >= QUIET_INTERVAL:
            self.printed = now
            say(f"{self.label} … {now - self.began:.0f} s")

    def end(self, outcome: str) -> None:
        """Replace the counting line by its outcome."""
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr)
        say(f"{self.label}: {outcome} after {time.monotonic() - self.began:.0f} s")


@contextmanager
def ticking(label: str) -> Iterator[Ticker]:
    """Count seconds for the block; says `failed` when it raises, `done` otherwise."""
    ticker = Ticker(label)
    ticker.tick()
    try:
        yield ticker
    except BaseException:
        ticker.end("failed")
        raise
    ticker.end("done")
