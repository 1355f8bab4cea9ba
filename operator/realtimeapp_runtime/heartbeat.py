"""The heartbeat file of a worker without a port, and the probe that reads it.

The kubelet starts this probe every few seconds in every Celery pod, so it imports next to nothing: `launch.py alive` takes a short
cut to this module. The file holds CLOCK_MONOTONIC seconds, which no correction of the wall clock can make old.
"""

from __future__ import annotations

import os
import sys
import time

RUN_DIR = "/run/realtimeapp"
"""The same as paths.run_dir(), which would cost the import of pathlib."""
PROGRAMS = frozenset({"worker", "beat"})
"""The programs of Celery that have a heartbeat."""
_NAME = "heartbeat"


def write(now: float | None = None) -> None:
    """Say that the process is alive at `now`, in seconds of the monotonic clock; an old file is replaced as a whole."""
    path = _find_file()
    staging = f"{path}-{os.getpid()}"
    with open(staging, "w", encoding="ascii") as file:  # noqa: PTH123 - pathlib would cost its import
        file.write(repr(time.monotonic() if now is None else now))
    os.replace(staging, path)  # noqa: PTH105 - as above


def forget() -> None:
    """Remove the file: a container restarted in its pod must not look alive because the one before it was."""
    try:
        os.unlink(_find_file())  # noqa: PTH108 - as above
    except FileNotFoundError:
        return


def read_age() -> float | None:
    """Return the seconds since the last heartbeat, or None when there was none."""
    try:
        with open(_find_file(), encoding="ascii") as file:  # noqa: PTH123 - as above
            return time.monotonic() - float(file.read())
    except (OSError, ValueError):
        return None


def probe(within: float) -> int:
    """Return 0 when the last heartbeat is at most `within` seconds old; otherwise say why not and return 1."""
    age = read_age()
    if age is not None and age <= within:
        return 0
    if age is None:
        sys.stderr.write("no heartbeat yet: the worker is not ready\n")
    else:
        sys.stderr.write(f"the last heartbeat is {age:.0f} s old: the worker's main loop stands still\n")
    return 1


def probe_quickly(arguments: list[str]) -> int | None:
    """Return the probe's exit code when `arguments` are `alive --within SECONDS`, and None for anything else."""
    if len(arguments) != 3 or arguments[:2] != ["alive", "--within"] or not arguments[2].isdecimal():  # noqa: PLR2004 - the three words of the probe
        return None
    return probe(float(arguments[2]))


def _find_file() -> str:
    return os.path.join(os.environ.get("REALTIMEAPP_RUN_DIR", RUN_DIR), _NAME)  # noqa: PTH118 - as above
