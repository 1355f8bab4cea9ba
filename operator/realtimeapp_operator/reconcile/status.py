"""The status of a RealtimeApp as a whole, and what a write of it has to contain.

Pure. Shapes are those of `api.status`; a field outside that schema would be dropped by the server and written for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from realtimeapp_operator import names
from realtimeapp_operator.api import defaults
from realtimeapp_operator.api.conditions import Condition, ConditionType, set_condition
from realtimeapp_operator.api.explanations import EXPLANATIONS
from realtimeapp_operator.api.reasons import Reason
from realtimeapp_operator.reconcile.failures import describe_failure
from realtimeapp_operator.reconcile.handshake import tell_websocket
from realtimeapp_operator.reconcile.job_conditions import failed_runs, verdict_of
from realtimeapp_operator.reconcile.problems import quoted
from realtimeapp_operator.reconcile.readiness import assess
from realtimeapp_operator.reconcile.records import CronJobState, DeploymentState, StatefulSetState
from realtimeapp_operator.reconcile.rollout import count_wanted, tell_counts, tell_rollout
from realtimeapp_operator.reconcile.situation import REDIS, WEB, Part, Situation
from realtimeapp_operator.render.edge.ingress import unmet

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from realtimeapp_operator.api.app import RealtimeApp
    from realtimeapp_operator.render.facts import Manifest


def build_status(situation: Situation, before: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return the whole status; `before` is the one it replaces, for the times of transitions."""
    app = situation.app
    status: dict[str, Any] = {
        "observedGeneration": app.metadata.generation,
        **_urls(app),
        "web": _web(situation),
        "workers": [_worker(situation, worker.name) for worker in app.spec.workers],
        "redis": _redis(situation),
        "cleanup": _cleanups(situation),
        "conditions": _conditions(before, assess(situation), now),
    }
    if counts := tell_counts(situation):
        status["connections"] = dict(counts)
    if rollout := tell_rollout(situation):
        status["rollout"] = dict(rollout)
    if websocket := tell_websocket(situation):
        status["websocket"] = dict(websocket)
    if situation.edge is not None:
        status["edge"] = {"provider": situation.edge, "unmet": list(unmet(app, situation.edge))}
    if migrations := _migrations(situation):
        status["migrations"] = migrations
    if checks := _checks(situation):
        status["checks"] = checks
    return status


def build_refusal(
    *, generation: int, refusals: Iterable[str], before: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """Return the status of an application whose spec is refused; what was observed before stays."""
    what = quoted("; ".join(refusals)).rstrip(".")
    message = f"{what}. {EXPLANATIONS[Reason.INVALID_SPEC].action}"
    known = {item["type"] for item in before.get("conditions") or ()}
    conditions = [
        Condition(type=kind, status="Unknown", reason=Reason.NOT_YET_OBSERVED, observed_generation=generation)
        for kind in ConditionType
        if kind not in known
    ]
    conditions += [
        Condition(
            type=kind,
            status="True" if kind is ConditionType.DEGRADED else "False",
            reason=Reason.INVALID_SPEC,
            message=message,
            observed_generation=generation,
        )
        for kind in (ConditionType.READY, ConditionType.RECONCILED, ConditionType.DEGRADED)
    ]
    return {
        **before,
        "observedGeneration": generation,
        "conditions": _conditions(before, conditions, now),
    }


def merge_patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON merge patch from one to the other; empty when there is nothing to write."""
    patch: dict[str, Any] = {key: None for key in before if key not in after}
    for key, value in after.items():
        old = before.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            if inner := merge_patch(old, value):
                patch[key] = inner
        elif key not in before or old != value:
            patch[key] = value
    return patch


def _conditions(before: Mapping[str, Any], new: Iterable[Condition], now: datetime) -> list[dict[str, Any]]:
    conditions: list[dict[str, Any]] = list(before.get("conditions") or ())
    for condition in new:
        conditions = set_condition(conditions, condition, now)
    return conditions


def _urls(app: RealtimeApp) -> dict[str, str]:
    ingress = app.spec.ingress
    if ingress is None:
        return {}
    secure = "s" if ingress.tls is not None else ""
    paths = defaults.websocket_paths(app.spec)
    urls = {"url": f"http{secure}://{ingress.hosts[0]}/"}
    if paths:
        urls["websocketUrl"] = f"ws{secure}://{ingress.hosts[0]}{paths[0]}"
    return urls


def _web(situation: Situation) -> dict[str, Any]:
    manifest = situation.workload(WEB)
    if manifest is None:
        return {}
    labels = manifest["spec"]["selector"]["matchLabels"]
    record = situation.record(manifest)
    detail = record.detail if record is not None and isinstance(record.detail, DeploymentState) else None
    asked, _ = count_wanted(situation)
    status = {
        "ready": f"{detail.ready if detail else 0}/{asked}",
        "replicas": detail.replicas if detail else 0,
        "readyReplicas": detail.ready if detail else 0,
        "updatedReplicas": detail.updated if detail else 0,
        "terminatingReplicas": sum(1 for pod in situation.pods(WEB) if pod.deleting),
        "selector": ",".join(f"{key}={value}" for key, value in sorted(labels.items())),
    }
    return {**status, **_applied(situation, manifest)}


def _applied(situation: Situation, manifest: Manifest) -> dict[str, Any]:
    """Return which template was applied last and the runtime it has; of the one before an undo, while that lasts."""
    record = situation.record(manifest)
    if record is None or not isinstance(record.detail, DeploymentState):
        return {}
    image = record.detail.runtime_image
    if situation.is_undone(manifest):
        image = (situation.before.get("web") or {}).get("runtimeImage", image)
    found = {"templateHash": record.applied_template, "runtimeImage": image}
    return {key: value for key, value in found.items() if value}


def _worker(situation: Situation, name: str) -> dict[str, Any]:
    manifest = situation.workload(Part(names.COMPONENT_WORKER, name))
    record = situation.record(manifest) if manifest is not None else None
    detail = record.detail if record is not None and isinstance(record.detail, DeploymentState) else None
    wanted = manifest["spec"].get("replicas", 1) if manifest is not None else 0
    ready = detail.ready if detail else 0
    return {
        "name": name,
        "ready": f"{ready}/{wanted}",
        "replicas": detail.replicas if detail else 0,
        "readyReplicas": ready,
    }


def _redis(situation: Situation) -> dict[str, Any]:
    manifest = situation.workload(REDIS)
    record = situation.record(manifest) if manifest is not None else None
    detail = record.detail if record is not None and isinstance(record.detail, StatefulSetState) else None
    wanted = detail.wanted if detail else 1
    return {"mode": "Standalone", "ready": f"{detail.ready if detail else 0}/{wanted}"}


def _cleanups(situation: Situation) -> list[dict[str, Any]]:
    app, failed = situation.app, dict(failed_runs(situation))
    found = []
    for cleanup in defaults.cleanups(app.spec):
        status: dict[str, Any] = {"name": cleanup.name}
        record = situation.family.get(
            "CronJob", names.cleanup(app.metadata.name, cleanup.name), owner=situation.owner
        )
        if record is not None and isinstance(record.detail, CronJobState):
            if record.detail.last_schedule:
                status["lastScheduleTime"] = record.detail.last_schedule
            if record.detail.last_success:
                status["lastSuccessfulTime"] = record.detail.last_success
        if cleanup.name in failed:
            status["failure"] = describe_failure(failed[cleanup.name])
        found.append(status)
    return found


def _migrations(situation: Situation) -> dict[str, Any]:
    """Return the last complete migration, and what stands in the way of the one asked for."""
    attempt, before = situation.migration, situation.before.get("migrations") or {}
    status = {key: value for key, value in before.items() if key != "failure"}
    if attempt.state is not None and attempt.state.complete:
        status = _completed(attempt.job, situation, attempt.state.completed_at)
    if (failure := attempt.memory()) is not None:
        status["failure"] = failure
    return status


def _checks(situation: Situation) -> dict[str, Any]:
    """Return the last result of the checks, and why those asked for now have none."""
    attempt, before = situation.check, situation.before.get("checks") or {}
    if not attempt.job:
        return {}
    verdict = verdict_of(situation)
    if verdict is None or attempt.state is None:
        status = {key: value for key, value in before.items() if key != "failure"}
        failure = attempt.memory()
        return status if failure is None else {**status, "failure": failure}
    ended_at = attempt.state.completed_at or attempt.state.failed_at
    return {
        **_completed(attempt.job, situation, ended_at),
        "message": verdict.message,
        "findings": list(verdict.findings),
    }


def _completed(job: str, situation: Situation, at: str) -> dict[str, Any]:
    status = {"job": job, "image": situation.app.spec.image}
    return {**status, "completedAt": at} if at else status
