"""The files the processes of one container share in the run directory: counters, the drain flag, a failure's mark.

The directory outlives a container that is restarted in its pod (the kubelet runs preStop before such a restart too), so a server
that starts clears it: a new container must not inherit the drain of the old one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtimeapp_runtime.failure import SETTINGS_INVALID, StartupFailure

if TYPE_CHECKING:
    from pathlib import Path


def clear(run_dir: Path) -> None:
    """Remove every file in `run_dir`, creating the directory where it is missing; raise StartupFailure."""
    try:
        run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        for entry in run_dir.iterdir():
            if entry.is_file():
                entry.unlink()
    except OSError as error:
        raise StartupFailure(
            SETTINGS_INVALID,
            f"The run directory {run_dir} cannot be used ({error.strerror}): the operator mounts a writable one there; it is "
            "also named by REALTIMEAPP_RUN_DIR.",
        ) from error
