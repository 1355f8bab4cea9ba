"""The WebSocket that is opened through the ingress after each rollout: when, how often, and what is said about it.

Pure. It is opened once per template of the web pods and form of the way in; `status.websocket.checkedFor` remembers that,
so a restarted operator asks nobody again. While it fails it is tried again with growing pauses, at rest never. A wrong
answer counts once it has lasted: edges learn a little late which pods there are.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from realtimeapp_operator import names
from realtimeapp_operator.api import defaults
from realtimeapp_operator.api.conditions import ConditionType, format_time
from realtimeapp_operator.api.reasons import Reason
from realtimeapp_operator.probe.websocket import Finding, Target, Verdict
from realtimeapp_operator.reconcile.job_conditions import Said
from realtimeapp_operator.reconcile.pod_state import PodState
from realtimeapp_operator.reconcile.problems import problem, quoted
from realtimeapp_operator.reconcile.records import IngressState
from realtimeapp_operator.reconcile.situation import WEB
from realtimeapp_operator.render.common import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from realtimeapp_operator.reconcile.records import Record
    from realtimeapp_operator.reconcile.situation import Situation

PATIENCE_SECONDS: Final = 15.0
"""How long Ready waits for a first verdict, and a wrong answer may be that of an edge which learns late.

Traefik takes a new endpoint in within its throttle of 2 s, cloud load balancers within about 10."""
LEARNING_SECONDS: Final = 3.0
"""What an edge gets to take in a changed Ingress before it is asked: until then it answers by the old one, well or not.

Traefik collects changes for 2 s."""
PAUSES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds between tries that fail; the fifth is the first after the patience is over."""
LONG_PAUSE: Final = 300.0
"""After those: what mends it then is a change of the spec or of the address, which begins anew, or time."""

WRONG_ANSWERS: Final[Mapping[Finding, Reason]] = {
    Finding.HOST: Reason.HOST_REFUSED,
    Finding.ORIGIN: Reason.ORIGIN_REFUSED,
    Finding.PATH: Reason.PATH_NOT_FOUND,
    Finding.NO_UPGRADE: Reason.NO_UPGRADE,
    Finding.EDGE: Reason.EDGE_ERROR,
    Finding.FULL: Reason.PODS_FULL,
}
"""What an edge that was reached says to everybody."""
NOT_REACHED: Final[Mapping[Finding, Reason]] = {
    Finding.NAME: Reason.HOST_NOT_RESOLVED,
    Finding.CONNECTION: Reason.EDGE_UNREACHABLE,
    Finding.TLS: Reason.TLS_FAILED,
    Finding.ENCRYPTED: Reason.TLS_FAILED,
}
"""What may be so from where the operator stands only, or of a way that no user takes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Knock:
    """One WebSocket to open; another `checks` or `target` is another one."""

    target: Target
    checks: str
    """Hashes of what it speaks of: the template of the web pods, then the way in with its endpoint."""
    not_before: float = field(compare=False, default=0.0)
    """When the edge knows that way, on the monotonic clock."""
    revisions: frozenset[str] = field(compare=False, default=frozenset())
    """Revisions of the web pods that stay; empty while none is known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tries:
    """What is remembered of the tries of one knock; times are on the monotonic clock unless they say otherwise."""

    knock: Knock
    since: float
    """When it was sensible first."""
    attempts: int = 0
    ended: float = 0.0
    """When the last one ended."""
    verdict: Verdict | None = None
    """The last one of a pod that stays."""
    at: datetime | None = None
    """Wall-clock time when that was given first."""


def find_knock(situation: Situation) -> Knock | None:
    """Return the WebSocket that is to be opened once the pods serve; None where none is, or nothing runs."""
    spec = situation.app.spec
    ingress, path = spec.ingress, defaults.probe_path(spec)
    web = situation.workload(WEB)
    if ingress is None or path is None or web is None or spec.suspend:
        return None
    record = situation.family.get("Ingress", names.web(situation.app.metadata.name), owner=situation.owner)
    target = Target(
        host=ingress.hosts[0],
        path=path,
        secure=ingress.tls is not None,
        answerer="application" if defaults.probe_reaches_application(spec) else "edge",
        address=_find_address(record),
    )
    template = web["metadata"]["annotations"].get(names.ANNOTATION_TEMPLATE_HASH)
    rules = [item for item in situation.desired if item["kind"] == "Ingress"]
    way_in = names.short_hash(canonical([rules, target.url, target.answerer]))
    before = _checked_for(situation.before)
    is_changed = before is not None and not before.endswith(f"-{way_in}")
    return Knock(
        target=target,
        checks=f"{names.short_hash(str(template))}-{way_in}",
        not_before=record.since + LEARNING_SECONDS if is_changed and record is not None else 0.0,
        revisions=frozenset(
            pod.detail.revision
            for pod in situation.pods(WEB)
            if isinstance(pod.detail, PodState) and not pod.deleting
        ),
    )


def has_opened(knock: Knock, before: Mapping[str, Any]) -> bool:
    """Whether the status says that this very WebSocket was opened."""
    said = _find_said(before)
    return _checked_for(before) == knock.checks and said is not None and said.status == "True"


def begin(knock: Knock, *, now: float) -> Tries:
    """Return the beginning: the first try is due as soon as it is sensible."""
    return Tries(knock=knock, since=max(now, knock.not_before))


def note(tries: Tries, knock: Knock, verdict: Verdict, *, now: float, at: datetime) -> Tries:
    """Return `tries` after one more; an old pod that the edge still leads to speaks for nobody."""
    tries = replace(tries, attempts=tries.attempts + 1, ended=now)
    if verdict.revision and knock.revisions and verdict.revision not in knock.revisions:
        return tries
    same = tries.verdict is not None and _words(tries.verdict) == _words(verdict)
    return replace(tries, verdict=verdict, at=tries.at if same else at)


def seconds_to_next_try(tries: Tries, *, now: float) -> float | None:
    """Return when the next try is due, 0 for now; None when it was opened."""
    if tries.verdict is not None and tries.verdict.finding is Finding.OPENED:
        return None
    if not tries.attempts:
        return max(tries.since - now, 0.0)
    pause = PAUSES[tries.attempts - 1] if tries.attempts <= len(PAUSES) else LONG_PAUSE
    return max(tries.ended + pause - now, 0.0)


def seconds_to_next_look(tries: Tries, *, now: float) -> float | None:
    """Return when time alone changes something: a try is due, or patience is over; None when nothing will."""
    waits = [seconds_to_next_try(tries, now=now)]
    if _find_told(tries, now=now) is None:
        waits.append(tries.since + PATIENCE_SECONDS - now)
    coming = [wait for wait in waits if wait is not None and wait > 0]
    return min(coming, default=None)


def assess_handshake(situation: Situation, *, served: bool) -> Said:
    """Return what is said of the way in; `served` is whether pods and ingress are ready for a try.

    False keeps Ready from being True, Unknown does not.
    """
    knock, tries = situation.knock, situation.tries
    if knock is None:
        if situation.app.spec.suspend and defaults.probe_path(situation.app.spec) is not None:
            return Said("False", Reason.SUSPENDED, "spec.suspend is true.")
        return Said("True", Reason.NOT_CONFIGURED, "No WebSocket is opened through an ingress.")
    told = _find_told(tries, now=situation.now) if tries is not None else None
    if told is not None:
        return _describe(told, knock.target)
    if _checked_for(situation.before) == knock.checks and (said := _find_said(situation.before)) is not None:
        return said
    if not served:
        what = "is opened when all web pods are of the current revision and the ingress has an address"
        return Said("Unknown", Reason.HANDSHAKE_PENDING, f"{knock.target.url} {what}.")
    waited = situation.now - tries.since if tries is not None else 0.0
    is_held = waited < PATIENCE_SECONDS and not _was_ready(situation)
    message = f"{knock.target.url} is being opened."
    return Said("False" if is_held else "Unknown", Reason.HANDSHAKE_PENDING, message)


def tell_websocket(situation: Situation) -> Mapping[str, Any]:
    """Return `status.websocket`; empty where no WebSocket is opened, or none was yet."""
    knock, tries = situation.knock, situation.tries
    before: Mapping[str, Any] = situation.before.get("websocket") or {}
    if defaults.probe_path(situation.app.spec) is None:
        return {}
    if knock is None or tries is None or tries.at is None or _find_told(tries, now=situation.now) is None:
        return before
    return {"url": knock.target.url, "checkedFor": knock.checks, "checkedAt": format_time(tries.at)}


def _find_told(tries: Tries, *, now: float) -> Verdict | None:
    """Return the verdict that counts; a wrong answer does once it had time to become a right one."""
    verdict = tries.verdict
    if verdict is not None and verdict.finding in WRONG_ANSWERS and now - tries.since < PATIENCE_SECONDS:
        return None
    return verdict


def _describe(verdict: Verdict, target: Target) -> Said:
    if verdict.finding is Finding.OPENED:
        return Said("True", Reason.HANDSHAKE_SUCCEEDED, f"{target.url} was opened.")
    if verdict.finding in NOT_REACHED:
        what = f"{target.url} cannot be tried from where the operator runs: {quoted(verdict.detail)}"
        found = problem(NOT_REACHED[verdict.finding], what)
        return Said("Unknown", found.reason, found.message)
    what = f"{target.url} does not open: {quoted(verdict.detail)}"
    found = problem(WRONG_ANSWERS[verdict.finding], what)
    return Said("False", found.reason, found.message)


def _words(verdict: Verdict) -> tuple[Finding, str]:
    return verdict.finding, verdict.detail


def _find_address(record: Record | None) -> str | None:
    """Return the first address the controller published in the Ingress."""
    if record is None or not isinstance(record.detail, IngressState):
        return None
    return next((address for address in record.detail.addresses if address), None)


def _checked_for(before: Mapping[str, Any]) -> str | None:
    checked: str | None = (before.get("websocket") or {}).get("checkedFor")
    return checked


def _find_said(before: Mapping[str, Any]) -> Said | None:
    """Return the condition as it stands in the status, if it is a verdict."""
    for item in before.get("conditions") or ():
        if item["type"] == ConditionType.WEBSOCKET_READY and item["reason"] in _VERDICTS:
            return Said(item["status"], Reason(item["reason"]), item.get("message", ""))
    return None


_VERDICTS: Final = {Reason.HANDSHAKE_SUCCEEDED, *WRONG_ANSWERS.values(), *NOT_REACHED.values()}


def _was_ready(situation: Situation) -> bool:
    """Whether the status calls this generation Ready: a new operator does not take that back to look for itself."""
    return any(
        item["type"] == ConditionType.READY
        and item["status"] == "True"
        and item.get("observedGeneration") == situation.app.metadata.generation
        for item in situation.before.get("conditions") or ()
    )
