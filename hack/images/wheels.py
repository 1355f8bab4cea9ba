"""Unpacks an image's Python dependencies outside the build, for the interpreter inside the image.

Every file is checked against the hashes in the requirements file; nothing is compiled from source.
"""

import importlib.util
import platform
import shutil
import sys
from pathlib import Path

from hack.images.catalog import SUITE_LIBC, Image
from hack.images.command import run
from hack.images.digest import digest_text
from hack.images.errors import ImagesError
from hack.images.layout import CHECKOUT, OUTPUT, SITES

_LEFT_OUT = ("**/tests", "**/__pycache__", "bin")
"""Folders no program imports: a package's own tests, bytecode of this machine, scripts with its paths."""

_PROCESSORS = {"arm64": "aarch64", "amd64": "x86_64"}
"""What other systems call them -> what Linux does."""


def unpack(image: Image, *, python: str) -> Path | None:
    """Return the folder of the image's dependencies for that Python version; fills it where it differs."""
    if image.requirements is None or image.site is None:
        return None
    requirements = CHECKOUT / image.requirements
    folder = SITES / image.site
    marker = SITES / f"{image.site}.made-from"
    wanted = made_from(requirements.read_text(), python=python)
    if folder.is_dir() and marker.exists() and marker.read_text() == wanted:
        return folder
    if importlib.util.find_spec("uv") is None:
        raise ImagesError(
            "Unpacking the dependencies needs uv, which comes with requirements/dev.txt: install it into the "
            "environment this program runs in."
        )
    marker.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    run(
        [
            *(sys.executable, "-m", "uv", "pip", "install", "--quiet"),
            *("--target", str(folder)),
            *("--python-version", python),
            *("--python-platform", target_platform()),
            *("--only-binary", ":all:", "--require-hashes"),
            *("--requirement", str(requirements)),
        ],
        log=OUTPUT / f"site-{image.site}.log",
    )
    slim(folder)
    marker.write_text(wanted)
    return folder


def made_from(requirements: str, *, python: str) -> str:
    """Return the hash of what decides the folder's content."""
    return digest_text([requirements, python, target_platform(), *_LEFT_OUT])


def target_platform() -> str:
    """Return uv's name for Linux on this machine's processor, also where this machine runs something else."""
    machine = platform.machine().lower()
    return f"{_PROCESSORS.get(machine, machine)}-{SUITE_LIBC}"


def slim(folder: Path) -> None:
    """Remove what no program needs: scripts of the packages (not packages called bin), their tests, caches."""
    for name in _LEFT_OUT:
        for found in sorted(folder.glob(name), reverse=True):
            if found.is_dir():
                shutil.rmtree(found)
    (folder / ".lock").unlink(missing_ok=True)
