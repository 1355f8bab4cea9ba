"""What is said about the Jobs of an application: migration, checks, scheduled commands.

Pure, like `readiness`, which sums it up. A Job that is tried again by itself keeps its reason from one attempt to the
next, so that nobody is told the same thing once per attempt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from realtimeapp_operator import names
from realtimeapp_operator.api import defaults
from realtimeapp_operator.api.explanations import EXPLANATIONS
from realtimeapp_operator.api.reasons import Reason
from realtimeapp_operator.reconcile.cleanups import describe_failed_run, find_failed_run
from realtimeapp_operator.reconcile.gate import GateState
from realtimeapp_operator.reconcile.situation import CHECK
from realtimeapp_operator.reconcile.verdict import Verdict, read_verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from realtimeapp_operator.api.conditions import ConditionStatus
    from realtimeapp_operator.reconcile.failures import Failure
    from realtimeapp_operator.reconcile.problems import Problem
    from realtimeapp_operator.reconcile.situation import Situation


class Said(NamedTuple):
    """Status, reason and message of a condition."""

    status: ConditionStatus
    reason: Reason
    message: str = ""


def assess_migrations(situation: Situation) -> Said:  # noqa: PLR0911 - one line per case
    """Whether the database is migrated for this declaration."""
    gate = situation.gate
    if gate.state is GateState.NONE:
        if situation.app.spec.migrations.policy == "Manual":
            return Said("Unknown", Reason.MIGRATION_MANUAL, "Migrations are run by somebody else.")
        return Said("True", Reason.NOT_CONFIGURED, "Migrations are disabled.")
    if gate.state is GateState.COMPLETE:
        return Said("True", Reason.MIGRATION_COMPLETE, f"Job {gate.job} is complete.")
    if gate.older:
        older = gate.older[0].address.name
        return Said("False", Reason.MIGRATION_RUNNING, f"Waiting for the older Job {older} to end.")
    if situation.migration.failure is not None:
        found = situation.migration.failure.problem
        return Said("False", found.reason, found.message)
    if situation.migration.record is None and gate.deferred:
        what = "every web and worker pod is of the new revision and no older one is left"
        return Said("False", Reason.WAITING_FOR_ROLLOUT, f"The migration starts when {what}.")
    if situation.migration.record is None and not gate.checked:
        return Said("False", Reason.WAITING_FOR_CHECKS, f"The migration waits for the Job {gate.check}.")
    return Said("False", Reason.MIGRATION_RUNNING, f"Job {gate.job} is running.")


def assess_checks(situation: Situation) -> Said:
    """Whether Django's checks of this image and configuration found no error."""
    attempt = situation.check
    if not attempt.job:
        return Said("True", Reason.NOT_CONFIGURED, "Checks are off.")
    verdict = verdict_of(situation)
    state = attempt.state
    if state is not None and state.complete:
        return Said("True", Reason.CHECKS_PASSED, _describe_passed(attempt.job, verdict))
    if state is not None and state.failure and verdict is not None:
        return Said("False", Reason.CHECKS_FAILED, _describe_failed(attempt.job, verdict))
    if attempt.failure is not None:
        found = attempt.failure.problem
        return Said("False" if attempt.failure.failed_at else "Unknown", found.reason, found.message)
    return Said("Unknown", Reason.CHECKS_RUNNING, f"Job {attempt.job} is running.")


def verdict_of(situation: Situation) -> Verdict | None:
    """Return what the checks of this declaration found; None while that is not known."""
    memory = situation.before.get("checks") or {}
    return read_verdict(situation.check, situation.pods(CHECK), memory)


def failed_runs(situation: Situation) -> Iterator[tuple[str, Failure]]:
    """Yield the scheduled commands whose latest run failed, each with how."""
    app = situation.app
    memories = {item["name"]: item for item in situation.before.get("cleanup") or ()}
    for cleanup in defaults.cleanups(app.spec):
        cron_job = situation.family.get(
            "CronJob", names.cleanup(app.metadata.name, cleanup.name), owner=situation.owner
        )
        memory = memories.get(cleanup.name, {})
        if cron_job is None:
            continue
        failure = find_failed_run(cron_job, family=situation.family, memory=memory)
        if failure is not None:
            yield cleanup.name, failure


def find_failed_cleanup(situation: Situation) -> Problem | None:
    """Return the problem of the first scheduled command whose latest run failed."""
    return next((describe_failed_run(name, failure) for name, failure in failed_runs(situation)), None)


def _describe_passed(job: str, verdict: Verdict | None) -> str:
    if verdict is None:
        return f"Job {job} found no error. Its pod is gone, so whether it found warnings is not known."
    return f"Job {job}: {_sentence(verdict)}"


def _describe_failed(job: str, verdict: Verdict) -> str:
    return f"Job {job}: {_sentence(verdict)} {EXPLANATIONS[Reason.CHECKS_FAILED].action}"


def _sentence(verdict: Verdict) -> str:
    return verdict.message if verdict.message.endswith((".", "…")) else f"{verdict.message}."
