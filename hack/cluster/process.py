"""Starts components that outlive the command, and finds and ends them later.

Every component carries two environment variables. They are inherited by what it starts (containerd's shims), so
clean-up finds the processes of a cluster whose records, state folder or checkout are gone, and never a process
that merely has a similar name.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
MARK_PROFILE = "REALTIMEAPP_CLUSTER_PROFILE"
MARK_STATE = "REALTIMEAPP_CLUSTER_STATE"


@dataclass(frozen=True, kw_only=True)
class Process:
    """A line of the process table. `started` is in clock ticks since boot and tells a reused pid apart."""

    pid: int
    name: str
    state: str
    parent: int
    started: int


def parse_stat(text: str) -> Process:
    """Read /proc/PID/stat. The name may hold blanks and parentheses: what counts is the last `)`."""
    head, _, tail = text.rpartition(")")
    pid, _, name = head.partition(" (")
    fields = tail.split()
    # proc(5): state is field 3, ppid 4, starttime 22; `fields` begins at field 3.
    return Process(pid=int(pid), name=name, state=fields[0], parent=int(fields[1]), started=int(fields[19]))


def parse_environment(data: bytes) -> dict[str, str]:
    """Read /proc/PID/environ."""
    pairs = (entry.partition(b"=") for entry in data.split(b"\0") if b"=" in entry)
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}


def process_table() -> dict[int, Process]:
    """Return all processes by pid, without the ones that have ended but are not reaped yet."""
    table = {}
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            try:
                process = parse_stat((folder / "stat").read_text(errors="replace"))
            except (FileNotFoundError, ProcessLookupError):
                continue
            if process.state not in "ZX":
                table[process.pid] = process
    return table


def with_descendants(pids: Iterable[int], table: Mapping[int, Process]) -> set[int]:
    """Return `pids` and everything below them."""
    children: dict[int, list[int]] = {}
    for process in table.values():
        children.setdefault(process.parent, []).append(process.pid)
    found: set[int] = set()
    waiting = list(pids)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting.extend(children.get(pid, ()))
    return found


def find_marked(profile: str) -> dict[int, str]:
    """Return pid -> state folder of every process started for the profile, by any checkout."""
    found = {}
    for pid in process_table():
        try:
            environment = parse_environment((PROC / str(pid) / "environ").read_bytes())
        except OSError:  # ended meanwhile, or somebody else's
            continue
        if environment.get(MARK_PROFILE) == profile and MARK_STATE in environment:
            found[pid] = environment[MARK_STATE]
    return found


def is_alive(pid: int, started: int) -> bool:
    """Say whether the very process that had this pid at that start time still runs."""
    try:
        process = parse_stat((PROC / str(pid) / "stat").read_text(errors="replace"))
    except (FileNotFoundError, ProcessLookupError):
        return False
    return process.started == started and process.state not in "ZX"


def start(command: Sequence[str], *, log: Path, environment: Mapping[str, str], folder: Path) -> Process:
    """Start a process in a session of its own, its output in `log`, and return its entry."""
    with log.open("wb") as output:
        child = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # It is meant to outlive this process: keep the destructor from warning about it.
    child.returncode = 0
    return parse_stat((PROC / str(child.pid) / "stat").read_text(errors="replace"))


def end(pids: Iterable[int], *, by: signal.Signals = signal.SIGKILL) -> None:
    """Send the signal to each that still exists."""
    for pid in pids:
        try:
            os.kill(pid, by)
        except ProcessLookupError:
            continue


def end_all(find: Callable[[], set[int]], *, seconds: float) -> set[int]:
    """Kill what `find` returns until it returns nothing; the survivors after `seconds` are returned."""
    deadline = time.monotonic() + seconds
    while remaining := find():
        if time.monotonic() > deadline:
            return remaining
        end(remaining)
        time.sleep(0.02)
    return set()
