"""The parent cgroup of all pods: the one sure way to find a container whose shim has been killed."""

import contextlib
from pathlib import Path

from hack.cluster.layout import CGROUP

ROOT = Path("/sys/fs/cgroup")
CONTROLLERS = ("cpuset", "cpu", "io", "memory", "hugetlb", "pids")
CPU_SHARES = 16 * 1024
"""Of the processor, against 1024 of each process outside when the machine is busy. In the older hierarchies a group counts
as one process: with the kernel's default all pods together would get as much as a single compiler beside them."""


def create() -> None:
    """Create the cgroup in the unified hierarchy, or in each of the older ones."""
    if (ROOT / "cgroup.controllers").exists():
        for controller in CONTROLLERS:
            # One the kernel does not have is one the kubelet does not need.
            with contextlib.suppress(OSError):
                (ROOT / "cgroup.subtree_control").write_text(f"+{controller}")
        (ROOT / CGROUP).mkdir(exist_ok=True)
        return
    for hierarchy in _hierarchies():
        folder = hierarchy / CGROUP
        folder.mkdir(exist_ok=True)
        for setting in ("cpuset.cpus", "cpuset.mems"):
            if (folder / setting).exists():  # empty at first, and no process may enter while it is
                (folder / setting).write_text((hierarchy / setting).read_text())
        if (folder / "cpu.shares").exists():
            (folder / "cpu.shares").write_text(str(CPU_SHARES))


def exists() -> bool:
    """Say whether the cgroup exists in any hierarchy."""
    return bool(_folders())


def find_processes() -> set[int]:
    """Return the pids of everything inside the cgroup."""
    found: set[int] = set()
    for folder in _folders():
        for members in folder.rglob("cgroup.procs"):
            with contextlib.suppress(OSError):
                found.update(int(pid) for pid in members.read_text().split())
    return found


def remove() -> None:
    """Remove the cgroup with all below it; the processes must be gone."""
    for top in _folders():
        # Deepest first: the kernel removes only a cgroup without children, and only with rmdir.
        for folder in sorted((path for path in top.rglob("*") if path.is_dir()), reverse=True):
            with contextlib.suppress(OSError):
                folder.rmdir()
        with contextlib.suppress(OSError):
            top.rmdir()


def _hierarchies() -> list[Path]:
    return (
        [path for path in ROOT.iterdir() if path.is_dir() and not path.is_symlink()] if ROOT.is_dir() else []
    )


def _folders() -> list[Path]:
    candidates = [ROOT / CGROUP, *(hierarchy / CGROUP for hierarchy in _hierarchies())]
    return [folder for folder in candidates if folder.is_dir()]
