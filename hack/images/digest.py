"""One hash over everything an image is made from: equal hash, equal image."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from hack.images.errors import ImagesError

_DIGITS = 16


def digest_text(parts: Iterable[str]) -> str:
    """Return 16 hex digits that change with any part, its order or its boundaries."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(f"{len(data)}:".encode())
        digest.update(data)
    return digest.hexdigest()[:_DIGITS]


def digest_inputs(root: Path, *, paths: Iterable[str], texts: Iterable[str]) -> str:
    """Return 16 hex digits over `texts` and all files at or below `paths` (relative to `root`).

    A file counts with its path, content and executable bit. Compiled Python does not count: the
    Containerfiles' ignore files leave it out as well. Raises ImagesError for a path that is missing.
    """
    parts = list(texts)
    for path in sorted(paths):
        for file in _files(root, path):
            executable = "x" if file.stat().st_mode & 0o100 else "-"
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            parts.append(f"{file.relative_to(root)} {executable} {content}")
    return digest_text(parts)


def _files(root: Path, path: str) -> Iterator[Path]:
    start = root / path
    if start.is_file():
        yield start
        return
    if not start.is_dir():
        raise ImagesError(f"{path} is missing from the checkout, and an image is made from it.")
    for file in sorted(start.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".pyc":
            yield file
