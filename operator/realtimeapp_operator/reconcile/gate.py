"""Whether the new revision may start: not before the database is migrated for it.

Looks at the migration Job the declaration asks for and at older ones that still run. Writes nothing; what is held back
is decided by the plan.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from realtimeapp_operator import names
from realtimeapp_operator.reconcile.records import JobState, PodState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from realtimeapp_operator.reconcile.observed import Family
    from realtimeapp_operator.reconcile.records import Record
    from realtimeapp_operator.render.facts import Manifest


class GateState(enum.Enum):
    """Where the migration of this declaration stands."""

    NONE = "no migration is asked for"
    WAITING = "an older migration still runs"
    RUNNING = "the migration runs, or is about to"
    FAILED = "the migration failed"
    COMPLETE = "the migration is complete"


@dataclass(frozen=True, kw_only=True, slots=True)
class Gate:
    """`job` is the name of the migration Job asked for; `older` the unfinished Jobs of earlier declarations."""

    state: GateState
    job: str = ""
    record: Record | None = None
    older: tuple[Record, ...] = ()

    @property
    def open(self) -> bool:
        """Whether new pod templates may be applied."""
        return self.state in {GateState.NONE, GateState.COMPLETE}


def is_migration(manifest: Manifest) -> bool:
    """Whether a manifest is the migration Job."""
    labels = manifest["metadata"].get("labels") or {}
    return manifest["kind"] == "Job" and labels.get(names.LABEL_COMPONENT) == names.COMPONENT_MIGRATE


def read_gate(*, desired: Iterable[Manifest], family: Family, owner: str) -> Gate:
    """Read the state of the migration that `desired` asks for; `owner` is the application's uid."""
    job = next((item["metadata"]["name"] for item in desired if is_migration(item)), "")
    older = tuple(
        record
        for record in family.owned(owner)
        if isinstance(record.detail, JobState) and record.address.name != job and not record.detail.finished
    )
    if not job:
        return Gate(state=GateState.NONE, older=older)
    record = family.get("Job", job, owner=owner)
    return Gate(state=_state(record, older), job=job, record=record, older=older)


def runs(job: Record, family: Family) -> bool:
    """Whether a pod of `job` is at work, so that ending it could leave half a migration behind."""
    return any(
        isinstance(pod.detail, PodState)
        and pod.detail.revision == job.address.name
        and pod.detail.phase == "Running"
        for pod in family.pods(names.COMPONENT_MIGRATE)
    )


def _state(record: Record | None, older: tuple[Record, ...]) -> GateState:
    if record is None or not isinstance(record.detail, JobState):
        return GateState.WAITING if older else GateState.RUNNING
    if record.detail.complete:
        return GateState.COMPLETE
    return GateState.FAILED if record.detail.failure else GateState.RUNNING
