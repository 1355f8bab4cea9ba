"""What a ring needs around it: distribution packages, a control plane, a node with images.

Everything is idempotent. What this run started is stopped at the end; what was already running stays.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Self

from hack.packages import install_missing

ROOT = Path(__file__).resolve().parents[2]

PACKAGES = {"runtime": {"redis-server": "redis-server"}, "e2e": {"chromium": "chromium"}}
"""Ring -> {executable: Debian package}."""

PROFILES = {"api": "control-plane", "e2e": "node"}
"""Ring -> cluster profile of hack.cluster."""


class Surroundings:
    """Prepares rings; as a context manager it removes at the end what it started."""

    def __init__(self) -> None:
        self._started: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for profile in self._started:
            python("hack.cluster", "down", "--profile", profile, check=False)

    def prepare(self, ring: str) -> None:
        """Bring up what `ring` needs; raises CalledProcessError when it cannot be had."""
        install_missing(PACKAGES.get(ring, {}))
        if ring == "e2e" and "KUBECONFIG" in os.environ:
            return  # Somebody's own cluster, with the images and Traefik already there.
        profile = PROFILES.get(ring)
        if profile is not None:
            if python("hack.cluster", "status", "--profile", profile, check=False, quiet=True) != 0:
                self._started.append(profile)
            python("hack.cluster", "up", "--profile", profile)
        if ring == "e2e":
            python("hack.images")


def python(module: str, *arguments: str, check: bool = True, quiet: bool = False) -> int:
    """Run one of the hack modules with this interpreter; returns its exit code."""
    output = subprocess.DEVNULL if quiet else None
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, cwd=ROOT, check=check, stdout=output, stderr=output).returncode
