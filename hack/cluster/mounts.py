"""Mounts below the state folder: pod volumes, container roots, network namespaces."""

import re
import subprocess
from pathlib import Path

MOUNTS = Path("/proc/self/mounts")
DELETED = "//deleted"
ROUNDS = 5
"""A mount may lie on another at the same place; more layers than this have not been seen."""


def parse_mounts(text: str, below: Path) -> list[str]:
    """Return the mount points strictly below the folder, deepest first."""
    points = [_unescape(line.split()[1]).removesuffix(DELETED) for line in text.splitlines() if line]
    return sorted((point for point in points if point.startswith(f"{below}/")), reverse=True)


def _unescape(point: str) -> str:
    """Undo the kernel's octal escapes of blank, tab, newline and backslash."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), point)


def unmount_below(folder: Path) -> list[str]:
    """Detach everything mounted below the folder and return what could not be."""
    points = parse_mounts(MOUNTS.read_text(), folder)
    for _ in range(ROUNDS):
        if not points:
            break
        subprocess.run(["umount", "--lazy", "--no-canonicalize", *points], capture_output=True, check=False)
        points = parse_mounts(MOUNTS.read_text(), folder)
    return points
