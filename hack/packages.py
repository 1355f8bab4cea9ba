"""Distribution packages the checks and tests need, installed where they are missing."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def install_missing(tools: Mapping[str, str]) -> None:
    """Install the Debian package of every executable that is not on PATH (executable -> package), saying so.

    Raises CalledProcessError when apt-get cannot.
    """
    missing = [package for tool, package in tools.items() if shutil.which(tool) is None]
    if not missing:
        return
    print(f"Installing the distribution packages {', '.join(missing)}", flush=True)
    subprocess.run(["apt-get", "update", "-qq"], check=True)
    subprocess.run(
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing],
        check=True,
        stdout=subprocess.DEVNULL,
    )
