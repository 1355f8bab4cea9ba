"""How far a rollout and its drains have come: `status.rollout`, and the conditions Progressing and Draining.

Pure. A rollout runs until the last pod of an older revision is gone, connections and all. Its figures are told when the
number of pods changed or a tenth of the connections moved, and stay word for word as they were otherwise.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from realtimeapp_operator import names
from realtimeapp_operator.api import defaults
from realtimeapp_operator.api.conditions import format_time
from realtimeapp_operator.api.explanations import EXPLANATIONS
from realtimeapp_operator.api.reasons import Reason
from realtimeapp_operator.reconcile.estimate import Remaining, estimate_end, fullest_of
from realtimeapp_operator.reconcile.gate import describe_wait
from realtimeapp_operator.reconcile.job_conditions import Said
from realtimeapp_operator.reconcile.loads import (
    Followed,
    count_left,
    has_left_moved,
    tell_connections,
)
from realtimeapp_operator.reconcile.pod_state import PodState
from realtimeapp_operator.reconcile.records import DeploymentState
from realtimeapp_operator.reconcile.rollback import is_undone
from realtimeapp_operator.reconcile.scaling import LATE_SECONDS
from realtimeapp_operator.reconcile.situation import CHECK, MIGRATION, WEB
from realtimeapp_operator.render.pacing import grace_seconds, min_ready_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from realtimeapp_operator.reconcile.records import Record
    from realtimeapp_operator.reconcile.situation import Situation
    from realtimeapp_operator.render.facts import Manifest

ROLLED_OUT: Final = "NewReplicaSetAvailable"
"""What the Deployment controller says once all pods are of one template, and still while some are made anew."""
PAUSED: Final = "DeploymentPaused"
"""What it says of a paused Deployment, also when nothing is to be rolled out."""
RESUMED: Final = "DeploymentResumed"
STALLED: Final = "ProgressDeadlineExceeded"
ENDED: Final = frozenset({"Succeeded", "Failed"})


class _Web(NamedTuple):
    """The web Deployment and its pods."""

    detail: DeploymentState
    updated: int
    """Pods of the template that is asked for."""
    old: tuple[Record, ...]
    """Pods of older revisions, stopping or not."""
    new: tuple[PodState, ...]
    leaving: int
    leaving_old: int
    rolls: bool
    """Whether the Deployment still replaces pods."""

    @property
    def staying_old(self) -> int:
        """Pods of older revisions that nobody has told to stop, as the Deployment counts them."""
        return max(self.detail.replicas - self.updated, 0)


def assess_progress(situation: Situation) -> Said:
    """Whether a rollout runs: from the new template until the last old pod is gone."""
    if any(
        situation.is_held(manifest)
        for part, manifest in situation.workloads()
        if part not in {MIGRATION, CHECK}
    ):
        return Said("True" if _goes_on(situation) else "False", *describe_wait(situation.gate))
    web = _look(situation)
    if web is not None and web.rolls:
        return _describe_web(situation, web)
    for part, manifest in situation.workloads():
        record = situation.record(manifest)
        detail = record.detail if record is not None else None
        if (
            record is not None
            and isinstance(detail, DeploymentState)
            and _is_rollout(manifest, record, detail)
        ):
            updated = detail.updated if _has_arrived(manifest, record) else 0
            what = _describe_pods(detail, updated, f"worker {part.worker}")
            return Said("True", Reason.ROLLOUT_IN_PROGRESS, f"{what}.")
    if (undone := find_undone(situation)) is not None:
        return undone
    if web is not None and web.leaving_old:
        what = f"{web.leaving_old} old web {_are(web.leaving_old)} still draining"
        return Said("True", Reason.ROLLOUT_IN_PROGRESS, f"{what}{_describe_left(situation)}.")
    return Said("False", Reason.ROLLOUT_COMPLETE, "All pods are of the current revision.")


def assess_drain(situation: Situation) -> Said:
    """Whether web pods close their connections."""
    leaving = sum(1 for pod in situation.pods(WEB) if pod.deleting)
    if not leaving:
        return Said("False", Reason.NO_DRAIN)
    left = tell_counts(situation).get("draining")
    said = f", {left} left" if left else ""
    return Said(
        "True", Reason.CONNECTIONS_MOVING, f"{leaving} web {_are(leaving)} closing connections{said}."
    )


def find_undone(situation: Situation) -> Said | None:
    """Return what is said about the first Deployment that somebody rolled back; None when none is."""
    for _, manifest in situation.workloads():
        if situation.is_undone(manifest):
            return describe_undone(manifest)
    return None


def describe_undone(manifest: Manifest) -> Said:
    """Say that a Deployment was rolled back and how it goes on."""
    name = manifest["metadata"]["name"]
    what = f"Deployment {name} was rolled back to an older revision and is left there"
    return Said("False", Reason.ROLLED_BACK, f"{what}. {EXPLANATIONS[Reason.ROLLED_BACK].action}")


def count_wanted(situation: Situation) -> tuple[int, int]:
    """Return how many web pods are asked for, and how many the Deployment has been told to run."""
    spec, manifest = situation.app.spec, situation.workload(WEB)
    record = situation.record(manifest) if manifest is not None else None
    asked = defaults.replicas(spec)
    if record is None or not isinstance(record.detail, DeploymentState):
        return asked, asked
    live = record.detail.wanted
    return (asked if spec.suspend or spec.web.autoscaling is None else live), live


def find_pause(situation: Situation) -> str | None:
    """Return where a paused rollout of the web pods stands and how it goes on; None when none is paused."""
    web = _look(situation)
    if web is None or not (web.rolls and web.detail.paused):
        return None
    app = situation.app
    resume = (
        "set web.rollout.paused to false"
        if app.spec.web.rollout.paused
        else f"run `kubectl rollout resume -n {app.metadata.namespace} deployment/{names.web(app.metadata.name)}`"
    )
    what = _describe_pods(web.detail, web.updated, "web")
    return f"{what}. The rollout is paused: to go on, {resume}."


def tell_counts(situation: Situation) -> Mapping[str, Any]:
    """Return `status.connections`; empty where the framework holds none, or nothing is known yet."""
    if not defaults.holds_sockets(situation.app.spec):
        return {}
    before = situation.before.get("connections") or {}
    return tell_connections(situation.loads, before, now=situation.at)


def tell_rollout(situation: Situation) -> Mapping[str, Any]:
    """Return `status.rollout`; empty at rest, while the rollout is held, and at a first start, which moves nobody."""
    web = _look(situation)
    before: Mapping[str, Any] = situation.before.get("rollout") or {}
    if (
        web is None
        or not (web.rolls or web.leaving_old)
        or not (before or web.staying_old or web.leaving_old)
    ):
        return {}
    pods = {"oldPods": web.staying_old, "newPods": web.updated, "terminatingPods": web.leaving}
    stands = web.detail.paused or web.detail.progressing == STALLED
    left = _left(situation, web)
    same = before.items() >= pods.items() and stands == ("estimatedCompletionTime" not in before)
    if same and not has_left_moved(left, before):
        return before
    status = {"startedAt": before.get("startedAt") or format_time(situation.at), **pods}
    if left is None:
        left = before.get("connectionsLeft")
    if left is not None:
        status |= {"connectionsTotal": max(before.get("connectionsTotal", 0), left), "connectionsLeft": left}
    if not stands:
        status["estimatedCompletionTime"] = format_time(
            estimate_end(situation.app.spec, _remaining(situation, web, left), now=situation.at)
        )
    return status


def choose_sampling(situation: Situation) -> Followed | None:
    """Return how the connections are counted from now on; None where there are none."""
    spec = situation.app.spec
    if not defaults.holds_sockets(spec):
        return None
    web, patience = _look(situation), grace_seconds(spec) + LATE_SECONDS
    ends = [pod.since + patience for pod in situation.pods(WEB) if pod.deleting]
    if web is not None and web.rolls and web.old and not _stands(web.detail):
        ends.append(math.inf)
    return Followed(
        port=spec.web.port,
        autoscaled=spec.web.autoscaling is not None,
        moving_until=max(ends, default=-math.inf),
        patience=patience,
        replaced=frozenset(pod.uid for pod in web.old) if web is not None else frozenset(),
    )


def _look(situation: Situation) -> _Web | None:
    manifest = situation.workload(WEB)
    record = situation.record(manifest) if manifest is not None else None
    if manifest is None or record is None or not isinstance(record.detail, DeploymentState):
        return None
    pods = [
        pod
        for pod in situation.pods(WEB)
        if isinstance(pod.detail, PodState) and pod.detail.phase not in ENDED
    ]
    held = situation.is_held(manifest)
    arrived = _has_arrived(manifest, record)
    current = _find_current_revision(pods, record.detail) if arrived else None
    return _Web(
        detail=record.detail,
        updated=record.detail.updated if arrived else 0,
        old=() if held else tuple(pod for pod in pods if _revision(pod) != current),
        new=tuple(
            pod.detail for pod in pods if isinstance(pod.detail, PodState) and pod.detail.revision == current
        ),
        leaving=sum(1 for pod in pods if pod.deleting),
        leaving_old=_count_leaving_of_old_revisions(pods),
        rolls=not held and _is_rollout(manifest, record, record.detail),
    )


def _is_rollout(manifest: Manifest, record: Record, detail: DeploymentState) -> bool:
    """Whether one template replaces another, or the first is on its way; a change of scale or an eviction is neither."""
    rests = {ROLLED_OUT} | ({PAUSED, RESUMED} if detail.updated == detail.replicas else set())
    return (
        not _has_arrived(manifest, record)
        or detail.replicas > detail.updated
        or detail.progressing not in rests
    )


def _has_arrived(manifest: Manifest, record: Record) -> bool:
    """Whether the Deployment controller has seen the template that is to run, and counts its pods.

    That is the one asked for, or the one somebody rolled back to.
    """
    wanted = manifest["metadata"]["annotations"].get(names.ANNOTATION_TEMPLATE_HASH)
    there = record.template_hash == wanted or is_undone(manifest, record)
    return there and record.observed_generation >= record.template_generation


def _find_current_revision(pods: Iterable[Record], detail: DeploymentState) -> str | None:
    """Return the revision the Deployment counts as updated; None while it has no pod.

    The pods do not say which template is the newest. The count does: it is that of one revision, and where two have as
    many pods, the newest pod is of the newer one.
    """
    staying: dict[str, list[str]] = {}
    for pod in pods:
        if isinstance(pod.detail, PodState) and not pod.deleting:
            staying.setdefault(pod.detail.revision, []).append(pod.detail.created_at)
    if not detail.updated or not staying:
        return None
    newest_first = sorted(staying, key=lambda revision: max(staying[revision]), reverse=True)
    return min(newest_first, key=lambda revision: abs(len(staying[revision]) - detail.updated))


def _revision(pod: Record) -> str:
    return pod.detail.revision if isinstance(pod.detail, PodState) else ""


def _count_leaving_of_old_revisions(pods: Iterable[Record]) -> int:
    revisions = [(pod.deleting, _revision(pod)) for pod in pods]
    staying = {revision for deleting, revision in revisions if not deleting}
    return sum(1 for deleting, revision in revisions if deleting and staying and revision not in staying)


def _left(situation: Situation, web: _Web) -> int | None:
    if not defaults.holds_sockets(situation.app.spec):
        return None
    return count_left(situation.loads, (pod.uid for pod in web.old))


def _remaining(situation: Situation, web: _Web, left: int | None) -> Remaining:
    counts = situation.loads.by_pod if situation.loads.complete else {}
    return Remaining(
        old_pods=web.staying_old,
        wanted=web.detail.wanted,
        ready_seconds=web.detail.chosen_ready_seconds or min_ready_seconds(situation.app.spec),
        new=web.new,
        connections=left,
        fullest=fullest_of(web.old, counts),
    )


def _stands(detail: DeploymentState) -> bool:
    """Whether a rollout does not move by itself."""
    return detail.paused or detail.progressing == STALLED


def _describe_web(situation: Situation, web: _Web) -> Said:
    if (paused := find_pause(situation)) is not None:
        return Said("False", Reason.ROLLOUT_PAUSED, paused)
    pods = _describe_pods(web.detail, web.updated, "web")
    leaving = f", {web.leaving} terminating" if web.leaving else ""
    return Said("True", Reason.ROLLOUT_IN_PROGRESS, f"{pods}{leaving}{_describe_left(situation)}.")


def _describe_pods(detail: DeploymentState, updated: int, called: str) -> str:
    old = detail.replicas - updated
    what = f"{updated} of {detail.wanted} {called} pods are of the new revision"
    return f"{what}, {old} old" if old > 0 else what


def _describe_left(situation: Situation) -> str:
    rollout = tell_rollout(situation)
    total, end = rollout.get("connectionsTotal"), rollout.get("estimatedCompletionTime")
    said = f"; {rollout['connectionsLeft']} of {total} connections left to move" if total else ""
    return f"{said}; done about {end[11:19]} UTC" if end else said


def _are(pods: int) -> str:
    return "pod is" if pods == 1 else "pods are"


def _goes_on(situation: Situation) -> bool:
    """Whether what holds the new revision runs, or is tried again by itself."""
    holding = situation.migration if situation.gate.checked else situation.check
    has_failed = holding.state is not None and bool(holding.state.failure)
    return not has_failed or holding.retry_at is not None
