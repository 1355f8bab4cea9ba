"""A cluster on its way up: starts components, notes them on the machine, and waits for what they bring."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from hack.cluster import process, record
from hack.cluster.components import Component
from hack.cluster.errors import ClusterError, UnreachableError
from hack.cluster.layout import Profile, State
from hack.cluster.record import Record, Running
from hack.cluster.report import Clock

READY_SECONDS = 60.0
POLL_SECONDS = 0.1
LAST_LINES = 20


@dataclass
class Cluster:
    """What has been started of a profile in a state folder."""

    profile: Profile
    state: State
    record: Record
    clock: Clock = field(default_factory=Clock)
    # The API's times have whole seconds.
    began: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))

    def start(self, component: Component) -> None:
        """Start a component and note it at once, so that an interrupted `up` leaves nothing unknown."""
        environment = {
            **{name: value for name, value in os.environ.items() if name != "KUBECONFIG"},
            process.MARK_PROFILE: self.profile.name,
            process.MARK_STATE: str(self.state.root),
            **component.environment,
        }
        log = self.log_of(component.name)
        entry = process.start(component.command, log=log, environment=environment, folder=self.state.root)
        running = Running(name=component.name, pid=entry.pid, started=entry.started)
        self.note(replace(self.record, components=(*self.record.components, running)))

    def run(self, steps: Callable[[], None]) -> None:
        """Run the steps; where they fail because a component has ended, its own words come first."""
        try:
            steps()
        except UnreachableError:
            self.require_alive()
            raise

    def note(self, changed: Record) -> None:
        """Replace the machine's record."""
        self.record = changed
        record.write(self.profile, changed)

    def wait(self, what: str, condition: Callable[[], bool]) -> None:
        """Wait for the condition; a component that dies meanwhile speaks for itself."""
        deadline = time.monotonic() + READY_SECONDS
        while not _holds(condition):
            self.require_alive()
            if time.monotonic() > deadline:
                raise ClusterError(
                    f"Not within {READY_SECONDS:.0f} s: {what}. The components' logs are in {self.state.logs}."
                )
            time.sleep(POLL_SECONDS)
        self.clock.step(what)

    def require_alive(self) -> None:
        """Raise with the last lines of the first component that has ended."""
        for component in self.record.components:
            if not component.alive:
                log = self.log_of(component.name)
                raise ClusterError(f"{component.name} has ended; the last lines of {log}:\n{last_lines(log)}")

    def log_of(self, name: str) -> Path:
        """Return where the component writes its log."""
        return self.state.logs / f"{name}.log"


def _holds(condition: Callable[[], bool]) -> bool:
    """Return the condition; an API server that does not answer is one that does not answer yet."""
    try:
        return condition()
    except UnreachableError:
        return False


def last_lines(log: Path) -> str:
    """Return the end of a log, for a person who should not have to open it."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:]) or "(it is empty)"
    except FileNotFoundError:
        return "(there is none)"
