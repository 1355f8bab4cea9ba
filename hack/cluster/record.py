"""The machine's note of the cluster that runs on it: at most one per profile, whichever checkout started it.

It lies outside the checkout, because the next `up` may come from another one and has to know what to clean.
"""

import contextlib
import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from hack.cluster.layout import Profile
from hack.cluster.process import is_alive
from hack.cluster.report import say


@dataclass(frozen=True, kw_only=True)
class Running:
    """A started component. `started` is the kernel's start time, so that a reused pid is not mistaken for it."""

    name: str
    pid: int
    started: int

    @property
    def alive(self) -> bool:
        """Whether that very process still runs."""
        return is_alive(self.pid, self.started)


@dataclass(frozen=True, kw_only=True)
class Record:
    """What `up` changed. `sysctls` are the values from before, to be put back."""

    state: str
    ready: bool = False
    fingerprint: str = ""
    components: tuple[Running, ...] = ()
    sysctls: dict[str, str] = field(default_factory=dict)


def parse(text: str) -> Record | None:
    """Read a record; None where it is not one (a write that was cut off, an older shape)."""
    try:
        raw = json.loads(text)
        components = tuple(Running(**component) for component in raw.pop("components"))
        return Record(components=components, **raw)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def location(profile: Profile) -> Path:
    """Return the record's path: /run for root, the user's runtime folder otherwise."""
    folder = "/run" if os.geteuid() == 0 else os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    owner = "" if os.geteuid() == 0 else f"-{os.geteuid()}"
    return Path(folder) / f"realtimeapp-cluster-{profile.name}{owner}.json"


def read(profile: Profile) -> Record | None:
    """Return the profile's record, or None."""
    try:
        return parse(location(profile).read_text())
    except FileNotFoundError:
        return None


def write(profile: Profile, record: Record) -> None:
    """Replace the profile's record in one step."""
    target = location(profile)
    unfinished = target.with_suffix(".new")
    unfinished.write_text(json.dumps(asdict(record), indent=1))
    unfinished.replace(target)


def remove(profile: Profile) -> None:
    """Forget the cluster."""
    location(profile).unlink(missing_ok=True)


@contextlib.contextmanager
def locked(profile: Profile) -> Iterator[None]:
    """Hold the profile, so that two commands at once do not undo each other's work."""
    with location(profile).with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Another command is working on the {profile.name} cluster; waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
