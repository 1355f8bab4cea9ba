"""Unpacks an image's Python dependencies outside the build, for the interpreter inside the image.

Every file is checked against the hashes in the requirements file; nothing is compiled from source.
"""

import platform
import shutil
import sys
from pathlib import Path

from hack.images.catalog import SUITE_LIBC, Image
from hack.images.command import run
from hack.images.digest import digest_text
from hack.images.layout import CHECKOUT, OUTPUT, SITES

_LEFT_OUT = ("tests", "__pycache__", "bin")
"""Folders no program imports: a package's own tests, bytecode of this machine, scripts with its paths."""


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
    marker.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    run(
        [
            *(sys.executable, "-m", "uv", "pip", "install", "--quiet"),
            *("--target", str(folder)),
            *("--python-version", python),
            *("--python-platform", f"{platform.machine()}-{SUITE_LIBC}"),
            *("--only-binary", ":all:", "--require-hashes"),
            *("--requirement", str(requirements)),
        ],
        log=OUTPUT / f"site-{image.site}.log",
    )
    _slim(folder)
    marker.write_text(wanted)
    return folder


def made_from(requirements: str, *, python: str) -> str:
    """Return the hash of what decides the folder's content."""
    return digest_text([requirements, python, platform.machine(), SUITE_LIBC, *_LEFT_OUT])


def _slim(folder: Path) -> None:
    for name in _LEFT_OUT:
        for found in sorted(folder.rglob(name), reverse=True):
            if found.is_dir():
                shutil.rmtree(found)
    (folder / ".lock").unlink(missing_ok=True)
