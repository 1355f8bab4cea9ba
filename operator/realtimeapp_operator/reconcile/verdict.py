"""What Django's checks found, read from the report their container left, or from the status once that is gone.

Pure. A report is believed only about its own Job, and only as far as it looks like one: a pod may write what it likes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from realtimeapp_operator.api.reasons import Reason
from realtimeapp_operator.api.status import FINDINGS_MAX
from realtimeapp_operator.reconcile.failures import own_pods
from realtimeapp_operator.reconcile.problems import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from realtimeapp_operator.reconcile.attempts import Attempt
    from realtimeapp_operator.reconcile.records import Record

_CHECK_ID: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


SENTENCE_MAX: Final = 640
"""Characters of the report's sentence, which names up to two dozen checks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Result of the checks: a sentence that names them, and their ids, errors first.

    Whether there was an error says the end of the Job.
    """

    message: str
    findings: tuple[str, ...]


def read_verdict(attempt: Attempt, pods: Iterable[Record], memory: Mapping[str, Any]) -> Verdict | None:
    """Return what the checks of `attempt` found; None while they run, or when nobody knows.

    `pods` are those of the checks, `memory` is `status.checks`.
    """
    state = attempt.state
    if state is None or not state.finished:
        return None
    for pod, _ in own_pods(attempt.job, pods):
        report = pod.terminated.message if pod.terminated is not None else pod.result
        if (found := _parse(report, reason=_REASONS[state.complete])) is not None:
            return found
    if memory.get("job") == attempt.job:
        return Verdict(message=memory.get("message", ""), findings=tuple(memory.get("findings") or ()))
    return None


_REASONS: Final = {True: Reason.CHECKS_PASSED, False: Reason.CHECKS_FAILED}


def _parse(report: str, *, reason: Reason) -> Verdict | None:
    try:
        said = orjson.loads(report)
        if said["reason"] != reason:
            return None
        message, findings = str(said["message"]), list(said["findings"])
    except (ValueError, KeyError, TypeError):
        return None
    ids = dict.fromkeys(item for item in findings if isinstance(item, str) and _CHECK_ID.fullmatch(item))
    return Verdict(message=quoted(message, longest=SENTENCE_MAX), findings=tuple(ids)[:FINDINGS_MAX])
