"""Makes sure that this machine can build the images, and says what is missing where it cannot."""

import os
import shutil
import sys
from pathlib import Path

from hack.images import layout
from hack.images.command import run
from hack.images.errors import OTHER_TOOLS, ImagesError

_PROGRAMS = {"mmdebstrap": "mmdebstrap", "buildah": "buildah", "unshare": "util-linux"}
"""Program -> Debian package."""
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def require_builder() -> None:
    """Install the packages that are missing; refuses machines that cannot have them."""
    if not sys.platform.startswith("linux"):
        raise ImagesError(f"Building the images needs Linux. {OTHER_TOOLS}")
    if os.geteuid() != 0:
        raise ImagesError(f"Building the images needs root, to make a Debian root file system. {OTHER_TOOLS}")
    packages = [package for program, package in _PROGRAMS.items() if shutil.which(program) is None]
    if not _KEYRING.exists():
        packages.append("debian-archive-keyring")
    if not packages:
        return
    if shutil.which("apt-get") is None:
        raise ImagesError(
            f"Building the images needs {', '.join(packages)}, and this machine has no apt-get to install them. "
            f"{OTHER_TOOLS}"
        )
    print(f"Installing the packages {', '.join(packages)}.", file=sys.stderr, flush=True)
    log = layout.OUTPUT / "packages.log"
    run(["apt-get", "update"], log=log)
    run(
        ["apt-get", "install", "--yes", "--no-install-recommends", *packages],
        log=log,
        environment={"DEBIAN_FRONTEND": "noninteractive"},
    )
