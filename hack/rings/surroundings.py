"""What a ring needs around it: distribution packages, a control plane, a node with images.

Everything is idempotent. What this run started is stopped at the end; what was already running stays.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

from hack.packages import install_missing

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]

PACKAGES = {"runtime": {"redis-server": "redis-server"}, "e2e": {"chromium": "chromium"}}
"""Ring -> {executable: Debian package}."""

BUILDERS = {"mmdebstrap": "mmdebstrap", "buildah": "buildah"}
"""What building the images needs; installed before anything is built beside a ring, since apt-get works alone."""

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

    def can_build_ahead(self, rings: Sequence[str]) -> bool:
        """Tell whether a build beside the first of `rings` saves time for a later one; then installs all they need."""
        if rings[-1] != "e2e" or len(rings) == 1 or "KUBECONFIG" in os.environ or os.geteuid() != 0:
            return False
        packages = [BUILDERS, *(PACKAGES.get(ring, {}) for ring in rings)]
        try:
            install_missing({tool: name for group in packages for tool, name in group.items()})
        except (OSError, subprocess.CalledProcessError):
            return False  # The ring that needs it says so.
        return True

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
