"""What stands in the way of a write, in words for a person: a reason and a sentence about what to do.

Sorts refusals of the API server into those a person must solve, those that solve themselves quietly, and those that
are simply tried again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from realtimeapp_operator.api.explanations import EXPLANATIONS
from realtimeapp_operator.api.reasons import Reason
from realtimeapp_operator.kube.errors import ApiError, BadRequest, Forbidden, Invalid, NotFound
from realtimeapp_operator.telemetry.redaction import redact

if TYPE_CHECKING:
    from realtimeapp_operator.kube.kinds import Ref

QUOTED_MAX: Final = 256
"""Characters of somebody else's text in a message of ours."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A reason and a message that says what is wrong and what to do."""

    reason: Reason
    message: str


class NamespaceEnding(Exception):
    """The namespace is being deleted: there is nothing to do and nothing to tell."""


def quoted(text: str, *, longest: int = QUOTED_MAX) -> str:
    """Make text from pods, nodes or users fit for a message: one line, short, without credentials."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    masked = redact(line)
    return masked if len(masked) <= longest else masked[: longest - 1] + "…"


def problem(reason: Reason, what: str) -> Problem:
    """Return the problem `what` (a clause without a full stop), followed by what its reason says to do."""
    stop = "" if what.endswith(("…", "?", "!")) else "."
    return Problem(reason, f"{what}{stop} {EXPLANATIONS[reason].action}")


def name_conflict(ref: Ref) -> Problem:
    """Return the problem of a wanted name that belongs to somebody else."""
    return problem(
        Reason.NAME_CONFLICT, f"{ref.kind} {ref.name} exists and is not controlled by this RealtimeApp"
    )


def problem_of(error: ApiError, ref: Ref) -> Problem:
    """Return the problem behind a refused write; raises NamespaceEnding, or `error` when trying again may help."""
    text = quoted(strip_subject(error.message))
    what = f"{ref.kind} {ref.name}"
    if _is_ending(error):
        raise NamespaceEnding from error
    if isinstance(error, NotFound) and ref.kind == "ScaledObject":
        return problem(Reason.KEDA_NOT_INSTALLED, f"{what} cannot be written: the cluster has no such kind")
    if isinstance(error, Forbidden):
        if error.quota:
            return problem(Reason.QUOTA_EXCEEDED, f"{what} is refused: {text}")
        if "violates PodSecurity" in error.message:
            return problem(Reason.POD_SECURITY_VIOLATION, f"{what} is refused: {text}")
        if "admission webhook" not in error.message:
            return problem(Reason.FORBIDDEN, f"{what} cannot be written: {text}")
    if isinstance(error, Invalid | BadRequest | Forbidden):
        return problem(Reason.OBJECT_REJECTED, f"{what} is refused: {text}")
    raise error


def write_failed(error: ApiError, ref: Ref) -> Problem:
    """Return the problem of a write that is tried again, once that has not helped."""
    return problem(
        Reason.WRITE_FAILED,
        f"{ref.kind} {ref.name} cannot be written now: {quoted(error.message).rstrip('.')}",
    )


def strip_subject(message: str) -> str:
    """Cut off `pods "web-5d9-x7k" is forbidden: `, whose name differs each time the same thing is tried."""
    return re.sub(r'^.*?"[^"]*" is (forbidden|invalid): ', "", message, count=1)


def _is_ending(error: ApiError) -> bool:
    causes = error.details.get("causes") or ()
    if any(cause.get("reason") == "NamespaceTerminating" for cause in causes):
        return True
    return isinstance(error, NotFound) and error.details.get("kind") == "namespaces"
