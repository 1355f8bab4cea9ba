"""How far a rollout and its drains have come: `status.rollout`, and the conditions Progressing and Draining.

Pure. A rollout runs until the last pod of an older revision is gone, connections and all. Its figures are told when the
number of pods changed or a tenth of the connections moved, and stay word for word as they were otherwise.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from realtimeapp_operator import names
from realtimeapp_operator.api import defaults
from realtimeapp_operator.api.conditions import ConditionType, format_time
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
from realtimeapp_operator.reconcile.records import DeploymentState
from realtimeapp_operator.reconcile.revisions import STALLED, has_arrived, is_rollout, look_at_web
from realtimeapp_operator.reconcile.scaling import LATE_SECONDS
from realtimeapp_operator.reconcile.situation import CHECK, MIGRATION, WEB
from realtimeapp_operator.render.pacing import grace_seconds, min_ready_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from realtimeapp_operator.reconcile.revisions import WebRollout
    from realtimeapp_operator.reconcile.situation import Situation
    from realtimeapp_operator.render.facts import Manifest


def assess_progress(situation: Situation) -> Said:
    """Whether a rollout runs: from the new template until the last old pod is gone."""
    if any(
        situation.is_held(manifest)
        for part, manifest in situation.workloads()
        if part not in {MIGRATION, CHECK}
    ):
        return Said("True" if _goes_on(situation) else "False", *describe_wait(situation.gate))
    web = look_at_web(situation)
    if web is not None and web.rolls:
        return _describe_web(situation, web)
    if (worker := _describe_workers(situation)) is not None:
        return worker
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
    web = look_at_web(situation)
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
    web = look_at_web(situation)
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
    web, patience = look_at_web(situation), grace_seconds(spec) + LATE_SECONDS
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


def _left(situation: Situation, web: WebRollout) -> int | None:
    if not defaults.holds_sockets(situation.app.spec):
        return None
    return count_left(situation.loads, (pod.uid for pod in web.old))


def _remaining(situation: Situation, web: WebRollout, left: int | None) -> Remaining:
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


def _describe_web(situation: Situation, web: WebRollout) -> Said:
    if (paused := find_pause(situation)) is not None:
        return Said("False", Reason.ROLLOUT_PAUSED, paused)
    if not (web.staying_old or web.leaving_old or _was_rolling(situation)):
        return _describe_start(web.detail, "web")
    pods = _describe_pods(web.detail, web.updated, "web")
    leaving = f", {web.leaving} terminating" if web.leaving else ""
    return Said("True", Reason.ROLLOUT_IN_PROGRESS, f"{pods}{leaving}{_describe_left(situation)}.")


def _was_rolling(situation: Situation) -> bool:
    """Whether pods were being replaced: when no older one is left, that is how the rest differs from a first start."""
    rolls = situation.has_said(ConditionType.PROGRESSING, Reason.ROLLOUT_IN_PROGRESS)
    return rolls or "rollout" in situation.before


def _describe_start(detail: DeploymentState, called: str) -> Said:
    """Say how far pods are that replace none."""
    what = f"{detail.ready} of {detail.wanted} {called} pods are ready; they are the first"
    return Said("True", Reason.PODS_STARTING, f"{what}.")


def _describe_workers(situation: Situation) -> Said | None:
    """Say how far the first worker is whose pods are replaced, or start for the first time; None when none does."""
    for part, manifest in situation.workloads():
        record = situation.record(manifest)
        if record is None or not isinstance(record.detail, DeploymentState):
            continue
        detail, called = record.detail, f"worker {part.worker}"
        if not is_rollout(manifest, record, detail):
            continue
        updated = detail.updated if has_arrived(manifest, record) else 0
        if detail.replicas <= updated and not _was_rolling(situation):
            return _describe_start(detail, called)
        return Said("True", Reason.ROLLOUT_IN_PROGRESS, f"{_describe_pods(detail, updated, called)}.")
    return None


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
