"""Whether the new revision may start: not before the database is migrated for it, nor against checks that are enforced.

With the policy AfterRollout it is the other way round: the migration waits until no pod of an older revision is left.
The very first migration comes before the first pods whatever the policy: there is nothing older to be careful of.

Looks at the Jobs the declaration asks for, at older migrations that still run, and at the pods. Writes nothing; what is
held back is decided by the plan.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from realtimeapp_operator import names
from realtimeapp_operator.api.reasons import Reason
from realtimeapp_operator.reconcile.arrival import is_rolled_out
from realtimeapp_operator.reconcile.attempts import component_of
from realtimeapp_operator.reconcile.pod_state import PodState
from realtimeapp_operator.reconcile.records import JobState

if TYPE_CHECKING:
    from collections.abc import Collection

    from realtimeapp_operator.api.app import RealtimeApp
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
    """`job` and `check` are the names of the Jobs asked for; `older` the unfinished migrations of earlier declarations."""

    state: GateState
    job: str = ""
    check: str = ""
    older: tuple[Record, ...] = ()
    checked: bool = True
    """Whether the checks let the migration start: they have passed, or they are not enforced."""
    after_rollout: bool = False
    """Whether new pods come first, and the migration when they are all there."""
    deferred: bool = False
    """Whether the migration is not due yet: there are pods of an older revision, or not all of the new one."""

    @property
    def open(self) -> bool:
        """Whether new pod templates may be applied."""
        migrated = self.after_rollout or self.state in {GateState.NONE, GateState.COMPLETE}
        return self.checked and migrated


def describe_wait(gate: Gate) -> tuple[Reason, str]:
    """Say what the new revision waits for while the gate is closed."""
    if not gate.checked:
        return Reason.WAITING_FOR_CHECKS, f"The new revision waits for the Job {gate.check}, which checks it."
    return Reason.WAITING_FOR_MIGRATIONS, f"The new revision waits for the migration Job {gate.job}."


def is_migration(manifest: Manifest) -> bool:
    """Whether a manifest is the migration Job."""
    return component_of(manifest) == names.COMPONENT_MIGRATE


def read_gate(*, desired: Collection[Manifest], family: Family, app: RealtimeApp) -> Gate:
    """Read the state of the Jobs that `desired` asks for."""
    owner, enforced = app.metadata.uid, app.spec.checks.deploy == "Enforce"
    web = family.get("Deployment", names.web(app.metadata.name), owner=owner)
    after_rollout = app.spec.migrations.policy == "AfterRollout" and web is not None
    jobs = {component_of(item): item["metadata"]["name"] for item in desired if item["kind"] == "Job"}
    job, check = jobs.get(names.COMPONENT_MIGRATE, ""), jobs.get(names.COMPONENT_CHECK, "")
    older = tuple(
        record
        for record in family.owned(owner)
        if isinstance(record.detail, JobState)
        and record.detail.component == names.COMPONENT_MIGRATE
        and record.address.name != job
        and not record.detail.finished
    )
    return Gate(
        state=_state(family.get("Job", job, owner=owner), older) if job else GateState.NONE,
        job=job,
        check=check,
        older=older,
        checked=not enforced or _is_complete(family.get("Job", check, owner=owner)),
        after_rollout=after_rollout,
        deferred=after_rollout and not is_rolled_out(desired, family, owner=owner),
    )


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


def _is_complete(record: Record | None) -> bool:
    return record is not None and isinstance(record.detail, JobState) and record.detail.complete
