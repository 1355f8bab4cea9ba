"""CPU and memory of processes, from /proc."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Usage:
    """CPU seconds (user and system) since the process started; resident memory now and at its peak, in MiB."""

    cpu_seconds: float
    resident_mib: float
    peak_mib: float


def usage(pid: int) -> Usage:
    """Read a process's usage; ProcessLookupError when there is none."""
    folder = Path(f"/proc/{pid}")
    if not folder.exists():
        raise ProcessLookupError(pid)
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line)
    return Usage(
        cpu_seconds=ticks / os.sysconf("SC_CLK_TCK"),
        resident_mib=int(status["VmRSS"].split()[0]) / 1024,
        peak_mib=int(status["VmHWM"].split()[0]) / 1024,
    )


def proportional_kib(pid: int) -> int:
    """Return the proportional set size of a process in KiB, 0 when it ended: pages of several processes count in parts."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))


def session_members(session: int) -> list[int]:
    """Return the processes of a session: one that was started with `start_new_session`, and all it started in turn."""
    members = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended since it was listed
        if int(fields[3]) == session:
            members.append(int(stat.parent.name))
    return members
