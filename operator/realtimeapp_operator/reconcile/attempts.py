"""Which attempt of a Job is asked for now: a Job cannot run twice, so trying again is a Job with a number in its name.

A Job that failed for a reason that says nothing about its command is followed by the next one after a pause that
doubles. The pause counts from the Job's own condition, so that a restart of the operator neither shortens nor prolongs
it. There is never more than one at a time: the next one exists only once the one before has ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from realtimeapp_operator import names
from realtimeapp_operator.api.conditions import format_time
from realtimeapp_operator.api.reasons import Reason
from realtimeapp_operator.reconcile.failures import (
    NEVER_BEGAN,
    Failure,
    Words,
    describe_failure,
    find_failure,
    own_pods,
    remembered_failure,
)
from realtimeapp_operator.reconcile.records import JobState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from realtimeapp_operator.reconcile.observed import Family
    from realtimeapp_operator.reconcile.problems import Problem
    from realtimeapp_operator.reconcile.records import Record
    from realtimeapp_operator.render.facts import Manifest

FIRST_PAUSE_SECONDS: Final = 30
LONGEST_PAUSE_SECONDS: Final = 600

MEMORIES: Final = {names.COMPONENT_MIGRATE: "migrations", names.COMPONENT_CHECK: "checks"}
"""Where the status keeps what is known of the Job of a component."""
WORDS: Final = {
    names.COMPONENT_MIGRATE: Words(failed=Reason.MIGRATION_FAILED, late=Reason.MIGRATION_DEADLINE_EXCEEDED),
    names.COMPONENT_CHECK: Words(failed=Reason.CHECKS_FAILED, late=Reason.CHECKS_FAILED),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """The newest attempt of a Job that is asked for: its name, what exists of it, and what stands in its way."""

    job: str = ""
    """Empty when no such Job is asked for."""
    record: Record | None = None
    failure: Failure | None = None
    """Of this attempt; while it has not ended, of the one before it."""
    retry_at: datetime | None = None
    """When the next attempt begins, unless somebody changes something before."""

    @property
    def state(self) -> JobState | None:
        """What the Job's controller says; None while there is no Job."""
        detail = self.record.detail if self.record is not None else None
        return detail if isinstance(detail, JobState) else None

    def seconds_to_retry(self, *, now: datetime) -> float | None:
        """Return when the next attempt begins, None when there is none."""
        return None if self.retry_at is None else max((self.retry_at - now).total_seconds(), 0.1)

    def memory(self) -> dict[str, Any] | None:
        """Give `failure` the shape it has in the status."""
        if self.failure is None:
            return None
        memory = describe_failure(self.failure)
        if self.retry_at is not None:
            memory["retryAt"] = format_time(self.retry_at)
        return memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What is known at one moment: the children of an application with uid `owner`, and what its `status` remembers."""

    family: Family
    owner: str
    status: Mapping[str, Any]
    monotonic: float


def choose_attempts(desired: Iterable[Manifest], *, look: Look, now: datetime) -> tuple[Manifest, ...]:
    """Return `desired` with each Job under the name of the attempt that is due."""
    return tuple(
        _renamed(item, _choose(item, look=look, now=now)) if item["kind"] == "Job" else item
        for item in desired
    )


def read_attempt(
    component: str, *, desired: Iterable[Manifest], look: Look, stuck: Problem | None
) -> Attempt:
    """Return what is known of the Job of `component`; `stuck` is what its pod is found to wait for."""
    job = next((item["metadata"]["name"] for item in desired if component_of(item) == component), "")
    return _read(job, component, look=look, stuck=stuck) if job else Attempt()


def component_of(manifest: Manifest) -> str:
    """Return the component of a Job; empty for everything else."""
    if manifest["kind"] != "Job":
        return ""
    return str(manifest["metadata"]["labels"][names.LABEL_COMPONENT])


def is_outdated(name: str, *, of: str) -> bool:
    """Whether the Job `name` is an attempt before the one that failed last; `of` is the one asked for."""
    return 0 < _number(name, of=of) < _number(of, of=of) - 1


def pause_seconds(number: int) -> int:
    """Return the pause after the failed attempt `number`."""
    return int(min(FIRST_PAUSE_SECONDS * 2 ** min(number - 1, 10), LONGEST_PAUSE_SECONDS))


def _choose(item: Manifest, *, look: Look, now: datetime) -> str:
    first = str(item["metadata"]["name"])
    newest = max(
        (
            _number(record.address.name, of=first)
            for record in look.family.owned(look.owner)
            if isinstance(record.detail, JobState)
        ),
        default=0,
    )
    if newest == 0:
        return first
    attempt = _read(names.attempt(first, newest), component_of(item), look=look, stuck=None)
    due = attempt.retry_at is not None and attempt.retry_at <= now
    return names.attempt(first, newest + 1) if due else attempt.job


def _read(job: str, component: str, *, look: Look, stuck: Problem | None) -> Attempt:
    record = look.family.get("Job", job, owner=look.owner)
    remembered = remembered_failure((look.status.get(MEMORIES[component]) or {}).get("failure") or {})
    failure = None
    if record is not None:
        failure = find_failure(
            job=record,
            pods=look.family.pods(component),
            words=WORDS[component],
            remembered=remembered,
            now=look.monotonic,
        )
    if failure is not None and failure.failed_at:
        return Attempt(job=job, record=record, failure=failure, retry_at=_retry_at(failure))
    if stuck is not None and (failure is None or failure.problem.reason is Reason.PODS_STARTING):
        failure = Failure(job=job, problem=stuck)
    if failure is None and not _is_complete(record):
        pods = own_pods(job, look.family.pods(component))
        failure = _failure_before(job, remembered, runs=any(pod.phase == "Running" for pod, _ in pods))
    return Attempt(job=job, record=record, failure=failure)


def _is_complete(record: Record | None) -> bool:
    return record is not None and isinstance(record.detail, JobState) and record.detail.complete


def _failure_before(job: str, remembered: Failure | None, *, runs: bool) -> Failure | None:
    """Return the failure of the attempt before `job`, as long as `job` has not shown that it is over."""
    if remembered is None or not remembered.transient:
        return None
    if runs and remembered.problem.reason in NEVER_BEGAN:
        return None
    return remembered if 0 < _number(remembered.job, of=job) < _number(job, of=job) else None


def _number(name: str, *, of: str) -> int:
    """Return which attempt `name` is of the Job that `of` is an attempt of; 0 when it is none."""
    first, number = names.split_attempt(name)
    return number if first == names.split_attempt(of)[0] else 0


def _retry_at(failure: Failure) -> datetime | None:
    if not failure.transient:
        return None
    try:
        failed_at = datetime.fromisoformat(failure.failed_at)
    except ValueError:
        return None
    return failed_at + timedelta(seconds=pause_seconds(names.split_attempt(failure.job)[1]))


def _renamed(manifest: Manifest, name: str) -> Manifest:
    return {**manifest, "metadata": {**manifest["metadata"], "name": name}}
