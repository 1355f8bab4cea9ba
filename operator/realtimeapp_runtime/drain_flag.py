"""What all processes of a pod share about a drain: when it began, and when the kubelet was first told by a failing readiness probe.

Each file holds CLOCK_MONOTONIC seconds, which is one clock for all processes of a machine, so every process computes the same
deadlines. Whoever comes second reads the first start: a drain is never shortened, lengthened or begun again.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_NAME: Final = "draining"
_TOLD: Final = "draining-told"


def is_set(run_dir: Path) -> bool:
    """Tell whether a drain has begun."""
    return (run_dir / _NAME).exists()


def read(run_dir: Path) -> float | None:
    """Return when the drain began, in seconds of the monotonic clock, or None."""
    return _read(run_dir / _NAME)


def begin(run_dir: Path, now: float) -> float:
    """Begin a drain at `now` unless one has begun; return when the drain began."""
    return _write_once(run_dir / _NAME, now)


def read_told(run_dir: Path) -> float | None:
    """Return when somebody was first told that the pod is not ready because it drains, or None."""
    return _read(run_dir / _TOLD)


def note_told(run_dir: Path, now: float) -> None:
    """Note that the answer to a readiness probe says so; only the first one counts."""
    if not (run_dir / _TOLD).exists():
        _write_once(run_dir / _TOLD, now)


def _read(path: Path) -> float | None:
    try:
        return float(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        return None


def _write_once(path: Path, now: float) -> float:
    """Write `now` unless there is a moment; return the one that is there."""
    staging = path.with_name(f".{path.name}-{os.getpid()}-{threading.get_ident()}")
    staging.write_text(repr(now), encoding="ascii")
    try:
        os.link(staging, path)  # atomic, and refuses to replace
    except FileExistsError:
        pass
    finally:
        staging.unlink()
    written = _read(path)
    return now if written is None else written
