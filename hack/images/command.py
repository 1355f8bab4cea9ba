"""Runs other programs: output goes to a log file, and a failure shows the log's last lines."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from hack.images.errors import ImagesError

_LINES_SHOWN = 15


def run(
    command: Sequence[str],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    private_mounts: bool = False,
) -> None:
    """Run to the end; raises ImagesError with the end of the log where the exit status is not 0.

    `private_mounts`: what the program mounts is seen by nobody else and is gone when it ends, even killed.
    """
    prefix = ["unshare", "--mount", "--propagation", "private"] if private_mounts else []
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        output.write(f"$ {' '.join(command)}\n".encode())
        output.flush()
        status = subprocess.run(
            [*prefix, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            check=False,
        ).returncode
    if status != 0:
        lines = log.read_text(errors="replace").splitlines()[-_LINES_SHOWN:]
        tail = "\n".join(f"  {line}" for line in lines)
        raise ImagesError(f"{command[0]} ended with exit status {status}. The end of {log}:\n{tail}")


def capture(command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> str | None:
    """Return what the program prints, or nothing where it fails or is not installed."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={**os.environ, **(environment or {})},
            check=False,
        )
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None
