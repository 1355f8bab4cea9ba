"""Builds what later rings need while earlier ones run, with the processor time nobody else wants.

    python -m hack.rings.ahead

Programs of the clusters first, then the images. It only fills caches: whoever needs something finds it there, waits for
its lock, or builds it himself and says what is wrong, so a failure here is written to the log and is nobody's failure.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

from hack.cluster import binaries

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
LOG = ROOT / ".cache" / "rings" / "ahead.log"
COMMAND = (sys.executable, "-m", "hack.rings.ahead")


class Ahead:
    """The builder as a process beside this one, from entry to exit."""

    def __init__(self, *, wanted: bool, command: Sequence[str] = COMMAND, log: Path = LOG) -> None:
        self._wanted = wanted
        self._command = command
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        if self._wanted:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(
                    ["nice", "-n", "19", *self._command],
                    cwd=ROOT,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait()


def main() -> int:
    """Build the programs, then the images; the exit code of the latter."""
    binaries.build(list(binaries.TOOLS))
    return subprocess.run(
        [sys.executable, "-m", "hack.images", "--no-load"], cwd=ROOT, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
