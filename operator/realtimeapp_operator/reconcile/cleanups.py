"""How the latest run of each scheduled command ended: a CronJob itself tells nobody that its Job failed.

A failure counts until a later run succeeds or somebody deletes the failed Job; nothing that serves depends on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from realtimeapp_operator import names
from realtimeapp_operator.api.reasons import Reason
from realtimeapp_operator.reconcile.failures import Failure, last_words, own_pods, remembered_failure
from realtimeapp_operator.reconcile.problems import Problem, problem, quoted
from realtimeapp_operator.reconcile.records import CronJobState, JobState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from realtimeapp_operator.reconcile.observed import Family
    from realtimeapp_operator.reconcile.records import Record


def find_failed_run(cron_job: Record, *, family: Family, memory: Mapping[str, Any]) -> Failure | None:
    """Return how the latest run of `cron_job` failed; `memory` is its entry in `status.cleanup`."""
    if not isinstance(cron_job.detail, CronJobState):
        return None
    failed = [
        (record.detail, record.address.name)
        for record in family.owned(cron_job.uid)
        if isinstance(record.detail, JobState) and record.detail.failure
    ]
    if not failed:
        return None
    run, job = max(failed, key=lambda run: (run[0].failed_at, run[1]))
    if cron_job.detail.last_success > run.failed_at:
        return None
    return Failure(
        job=job,
        problem=Problem(Reason.CLEANUP_FAILED, _describe(run, job=job, family=family, memory=memory)),
        failed_at=run.failed_at,
    )


def describe_failed_run(name: str, failure: Failure) -> Problem:
    """Return the problem of the scheduled command `name`, in words that stay the same from run to run."""
    return problem(Reason.CLEANUP_FAILED, f"scheduled command {name} failed: {failure.problem.message}")


def _describe(run: JobState, *, job: str, family: Family, memory: Mapping[str, Any]) -> str:
    for pod, _ in own_pods(job, family.pods(names.COMPONENT_CLEANUP)):
        if pod.terminated is not None:
            return last_words(pod.terminated)
    known = remembered_failure(memory.get("failure") or {})
    return (
        known.problem.message if known is not None and known.job == job else quoted(run.message).rstrip(".")
    )
