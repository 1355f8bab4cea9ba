"""The one fact all processes of a pod share about a drain: when it began.

The file holds CLOCK_MONOTONIC seconds, which is one clock for all processes of a machine, so every process computes the same
deadlines. Whoever comes second reads the first start: a drain is never shortened, lengthened or begun again.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_NAME: Final = "draining"


def is_set(run_dir: Path) -> bool:
    """Tell whether a drain has begun."""
    return (run_dir / _NAME).exists()


def read(run_dir: Path) -> float | None:
    """Return when the drain began, in seconds of the monotonic clock, or None."""
    try:
        return float((run_dir / _NAME).read_text(encoding="ascii"))
    except FileNotFoundError:
        return None


def begin(run_dir: Path, now: float) -> float:
    """Begin a drain at `now` unless one has begun; return when the drain began."""
    staging = run_dir / f".{_NAME}-{os.getpid()}"
    staging.write_text(repr(now), encoding="ascii")
    try:
        os.link(staging, run_dir / _NAME)  # atomic, and refuses to replace
    except FileExistsError:
        pass
    finally:
        staging.unlink()
    started = read(run_dir)
    return now if started is None else started
