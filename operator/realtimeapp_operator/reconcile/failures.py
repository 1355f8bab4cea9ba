"""Why a Job does not end well, and whether trying again may help without anybody's hands.

Pure: records and what the status remembers in, at most one failure out. A pod and its log go away, with their node or
by somebody's hand; what it said last is in the status by then, under the name of its Job, and stays.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from realtimeapp_operator.api.conditions import clean_message
from realtimeapp_operator.api.reasons import Reason
from realtimeapp_operator.reconcile.diagnosis import HUNG_SECONDS, STOPPED, diagnose_end, diagnose_pod
from realtimeapp_operator.reconcile.pod_state import PodState
from realtimeapp_operator.reconcile.problems import Problem, problem, quoted
from realtimeapp_operator.reconcile.records import JobState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from realtimeapp_operator.reconcile.pod_state import Terminated
    from realtimeapp_operator.reconcile.records import Record

DEADLINE: Final = "DeadlineExceeded"
"""Reason of a Job's condition Failed at its deadline."""

NEVER_BEGAN: Final = frozenset(
    {
        Reason.IMAGE_PULL_FAILED,
        Reason.SECRET_MISSING,
        Reason.CONFIG_MAP_MISSING,
        Reason.SERVICE_ACCOUNT_MISSING,
        Reason.PODS_STARTING,
        Reason.UNSCHEDULABLE,
        Reason.VOLUME_PENDING,
    }
)
"""What a pod waits for before its command starts; at the deadline the Job has failed without having tried."""
TRIED_AGAIN: Final = frozenset({Reason.DATABASE_UNAVAILABLE, Reason.INTERRUPTED, *NEVER_BEGAN})
"""Failures that say nothing about the command: a new attempt may succeed with nothing changed."""
PASSING: Final = frozenset(
    {Reason.COMMAND_FAILED, Reason.CRASH_LOOPING, Reason.DATABASE_UNAVAILABLE, Reason.INTERRUPTED}
)
"""Ends of one pod that are no problem yet while the Job tries again by itself."""

_DATABASE_ERROR: Final = re.compile(r"\b(?:OperationalError|InterfaceError)\b")
_LOST_CONNECTION: Final = re.compile(
    r"refused|timed? ?out|timeout expired|no route to host|unreachable|reset by peer|broken pipe"
    r"|resolve host|translate host name|name or service not known|name resolution"
    r"|closed the connection|connection (?:has been |is |was |already )*(?:closed|lost)|lost connection|gone away"
    r"|can't connect|cannot connect|starting up|shutting down|in recovery mode|administrator command"
    r"|too many (?:clients|connections)|connection slots|server login has been failing|server conn crashed|query_wait_timeout",
    re.IGNORECASE,
)
"""What PostgreSQL, PgBouncer, MySQL and the resolver say when there is no connection. A wrong password, a missing
table or a lock that is not granted is none of it."""
_STATEMENT_TIMEOUT: Final = re.compile(r"statement timeout|lock timeout|lock wait timeout", re.IGNORECASE)
"""The database answered: it took too long, and would again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What stands in the way of the Job `job`; `failed_at` is RFC 3339, empty while the Job has not given up."""

    job: str
    problem: Problem
    failed_at: str = ""

    @property
    def transient(self) -> bool:
        """Whether a new attempt may succeed with nothing changed."""
        return self.problem.reason in TRIED_AGAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The reasons and names of one kind of Job: what it is when its command failed, and at its deadline."""

    failed: Reason
    late: Reason


def find_failure(
    *, job: Record, pods: Iterable[Record], words: Words, remembered: Failure | None, now: float
) -> Failure | None:
    """Return what stands in the way of `job`; `pods` are all pods of its component, `now` is monotonic."""
    state, name = job.detail, job.address.name
    if not isinstance(state, JobState) or state.complete:
        return None
    known = remembered if remembered is not None and remembered.job == name else None
    own = own_pods(name, pods)
    cause = _find_cause(own, now=now) or _find_slow_start(own, job=name, known=known, now=now)
    if not state.failure:
        return None if cause is None or cause.reason in PASSING else Failure(job=name, problem=cause)
    unknown = cause is None or cause.reason is Reason.PODS_STARTING
    if unknown and known is not None and (known.failed_at or known.problem.reason in NEVER_BEGAN):
        return Failure(job=name, problem=known.problem, failed_at=state.failed_at)
    return Failure(
        job=name, problem=_conclude(state, name=name, cause=cause, words=words), failed_at=state.failed_at
    )


def describe_failure(failure: Failure) -> dict[str, Any]:
    """Give a failure the shape it has in the status."""
    shape = {
        "job": failure.job,
        "reason": str(failure.problem.reason),
        "message": clean_message(failure.problem.message),
    }
    return {**shape, "failedAt": failure.failed_at} if failure.failed_at else shape


def remembered_failure(memory: Mapping[str, Any]) -> Failure | None:
    """Read a failure out of the status; None when there is none, or one this version does not know."""
    try:
        reason = Reason(memory["reason"])
        return Failure(
            job=memory["job"],
            problem=Problem(reason, memory["message"]),
            failed_at=memory.get("failedAt", ""),
        )
    except (KeyError, ValueError):
        return None


def own_pods(job: str, pods: Iterable[Record]) -> list[tuple[PodState, float]]:
    """Return the pods of `job` among `pods`, each with the time it changed: first what runs, then what ended last."""
    own = [
        (pod.detail, pod.since)
        for pod in pods
        if isinstance(pod.detail, PodState) and pod.detail.revision == job
    ]
    return sorted(own, key=lambda pod: pod[0].ended_at or "~", reverse=True)


def last_words(end: Terminated) -> str:
    """Return what a container said last: the sentence of the runtime's report, or the last line of its log."""
    try:
        said = quoted(str(orjson.loads(end.message)["message"]))
    except (ValueError, KeyError, TypeError):
        said = quoted(end.message)
    if end.reason == "OOMKilled":
        return f"container {end.container} was killed at its memory limit"
    return said.rstrip(": .") or f"container {end.container} ended with exit code {end.exit_code}"


def _find_cause(pods: Iterable[tuple[PodState, float]], *, now: float) -> Problem | None:
    for pod, since in pods:
        if pod.phase == "Failed" and pod.terminated is not None:
            return _diagnose_end(pod.terminated)
        if (
            pod.phase not in {"Running", "Succeeded"}
            and (found := diagnose_pod(pod, age=now - since)) is not None
        ):
            return found
    return None


def _find_slow_start(
    pods: Iterable[tuple[PodState, float]], *, job: str, known: Failure | None, now: float
) -> Problem | None:
    """Return that the pod is still being prepared; once said, it stays said until the pod runs."""
    said = known is not None and known.problem.reason is Reason.PODS_STARTING
    for pod, since in pods:
        if pod.phase == "Pending" and pod.scheduled and (said or now - since >= HUNG_SECONDS):
            return problem(Reason.PODS_STARTING, f"the pod of Job {job} is still being prepared")
    return None


def _diagnose_end(end: Terminated) -> Problem:
    if _DATABASE_ERROR.search(end.message) and _lost_connection(end.message):
        return Problem(Reason.DATABASE_UNAVAILABLE, last_words(end))
    if end.exit_code in STOPPED and end.reason != "OOMKilled":
        return Problem(
            Reason.INTERRUPTED,
            f"container {end.container} was stopped from outside, with exit code {end.exit_code}",
        )
    found = diagnose_end(end)
    return Problem(found.reason, last_words(end)) if found.reason in PASSING else found


def _lost_connection(message: str) -> bool:
    return bool(_LOST_CONNECTION.search(message)) and not _STATEMENT_TIMEOUT.search(message)


def _conclude(state: JobState, *, name: str, cause: Problem | None, words: Words) -> Problem:
    """Return the problem of a Job that has given up."""
    if cause is not None and cause.reason not in PASSING:
        return cause
    if state.failure == DEADLINE:
        return problem(words.late, f"Job {name} was stopped at its deadline")
    text = (cause.message if cause is not None else quoted(state.message)).rstrip(": .")
    reason = cause.reason if cause is not None and cause.reason in TRIED_AGAIN else words.failed
    return problem(reason, f"Job {name} failed: {text}" if text else f"Job {name} failed")
