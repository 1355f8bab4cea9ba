"""One-line messages on stderr. The runtime does not touch `logging`: that belongs to the user's settings."""

from __future__ import annotations

import os
import sys


def write(message: str) -> None:
    """Write `message` as one line, marked with the process id, to stderr (unbuffered)."""
    sys.stderr.write(f"realtimeapp[{os.getpid()}]: {message}\n")
    sys.stderr.flush()
