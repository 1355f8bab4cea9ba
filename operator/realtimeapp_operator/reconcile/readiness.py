"""From what is there to what is said about it: the conditions of a RealtimeApp.

Pure and deterministic: the same situation gives the same words, so a status is only written when something really
changed. Ready speaks of the generation it names: it is False while that one is not yet what serves, also when older
pods serve well, or a script that waits for it after an apply would not wait at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from realtimeapp_operator import names
from realtimeapp_operator.api.conditions import Condition, ConditionType
from realtimeapp_operator.api.explanations import EXPLANATIONS
from realtimeapp_operator.api.reasons import Reason
from realtimeapp_operator.reconcile.autoscalers import find_blind_autoscaler
from realtimeapp_operator.reconcile.diagnosis import diagnose
from realtimeapp_operator.reconcile.former_autoscalers import find_held_autoscaler
from realtimeapp_operator.reconcile.gate import describe_wait
from realtimeapp_operator.reconcile.handshake import assess_handshake
from realtimeapp_operator.reconcile.job_conditions import (
    Said,
    assess_checks,
    assess_migrations,
    find_failed_cleanup,
)
from realtimeapp_operator.reconcile.lasting import find_told
from realtimeapp_operator.reconcile.problems import Problem, problem
from realtimeapp_operator.reconcile.records import DeploymentState, IngressState, StatefulSetState
from realtimeapp_operator.reconcile.rollout import (
    assess_drain,
    assess_progress,
    count_wanted,
    describe_undone,
    find_pause,
    find_undone,
)
from realtimeapp_operator.reconcile.situation import REDIS, WEB, Part, Situation
from realtimeapp_operator.render.edge.ingress import unmet

if TYPE_CHECKING:
    from realtimeapp_operator.render.facts import Manifest

TROUBLE: Final = frozenset(
    reason for reason, explained in EXPLANATIONS.items() if ConditionType.DEGRADED in explained.on
) - {Reason.AS_EXPECTED, Reason.NOT_YET_OBSERVED}
"""Reasons that do not pass by waiting."""

SUMMED_UP: Final = (
    ConditionType.RECONCILED,
    ConditionType.MIGRATIONS_COMPLETE,
    ConditionType.REDIS_READY,
    ConditionType.WEB_READY,
    ConditionType.WORKERS_READY,
    ConditionType.EDGE_READY,
    ConditionType.WEBSOCKET_READY,
)
"""What Ready is made of."""


def assess(situation: Situation) -> list[Condition]:
    """Return all conditions of the application."""
    redis = _assess_redis(situation)
    parts = {
        ConditionType.RECONCILED: _assess_reconciled(situation),
        ConditionType.MIGRATIONS_COMPLETE: assess_migrations(situation),
        ConditionType.CHECKS_PASSED: assess_checks(situation),
        ConditionType.REDIS_READY: redis,
        ConditionType.WEB_READY: _assess_deployment(situation, WEB, redis_ready=redis[0] == "True"),
        ConditionType.WORKERS_READY: _assess_workers(situation, redis_ready=redis[0] == "True"),
        ConditionType.EDGE_READY: _assess_edge(situation),
        ConditionType.WEBSOCKET_READY: assess_handshake(situation, served=is_served(situation)),
        ConditionType.PROGRESSING: assess_progress(situation),
        ConditionType.DRAINING: assess_drain(situation),
        ConditionType.SUSPENDED: _assess_suspension(situation),
    }
    parts[ConditionType.READY] = _sum_up(situation, parts)
    parts[ConditionType.DEGRADED] = _assess_trouble(situation, parts)
    generation = situation.app.metadata.generation
    return [
        Condition(type=kind, status=status, reason=reason, message=message, observed_generation=generation)
        for kind, (status, reason, message) in parts.items()
    ]


def is_served(situation: Situation) -> bool:
    """Whether the way in can be tried: all web pods are of this revision, and the ingress is as ready as it gets.

    Where no web pod is asked for the edge has nobody to lead to, and says so rightly.
    """
    web = situation.workload(WEB)
    if web is None or web["spec"].get("replicas") == 0:
        return False
    edge = _assess_edge(situation)
    if edge.status != "True" and not _is_tolerated(situation, edge.reason):
        return False
    return _assess_deployment(situation, WEB, redis_ready=True).status == "True"


def _is(reason: Reason, message: str = "") -> Said:
    return Said("True", reason, message)


def _is_not(reason: Reason, message: str = "") -> Said:
    return Said("False", reason, message)


def _fails(found: Problem) -> Said:
    return Said("False", found.reason, found.message)


def _assess_reconciled(situation: Situation) -> Said:
    if situation.problems:
        return _fails(situation.problems[0])
    if (kept := find_told(find_held_autoscaler(situation), situation)) is not None:
        return _fails(kept)
    if situation.held:
        return _is_not(*describe_wait(situation.gate))
    if (undone := find_undone(situation)) is not None:
        return undone
    return _is(Reason.AS_EXPECTED, "All objects are as declared.")


def _assess_redis(situation: Situation) -> Said:
    manifest = situation.workload(REDIS)
    record = situation.record(manifest) if manifest is not None else None
    detail = record.detail if record is not None else None
    if record is not None and isinstance(detail, StatefulSetState) and record.current and detail.serves:
        return _is(Reason.AS_EXPECTED, "Redis is ready.")
    found = _find_problem(situation, REDIS)
    return _fails(found) if found else _is_not(Reason.PODS_STARTING, "The Redis pod is starting.")


def _assess_workers(situation: Situation, *, redis_ready: bool) -> Said:
    workers = situation.app.spec.workers
    if not workers:
        return _is(Reason.NOT_CONFIGURED, "No workers are declared.")
    for worker in workers:
        part = Part(names.COMPONENT_WORKER, worker.name)
        verdict = _assess_deployment(situation, part, redis_ready=redis_ready)
        if verdict[0] != "True":
            return verdict
    return _is(Reason.AS_EXPECTED, "All workers run.")


def _assess_deployment(  # noqa: PLR0911 - one line per case
    situation: Situation, part: Part, *, redis_ready: bool
) -> Said:
    manifest = situation.workload(part)
    if manifest is None:
        return Said("Unknown", Reason.NOT_YET_OBSERVED)
    called = f"worker {part.worker}" if part.worker else "web"
    record = situation.record(manifest)
    if (aside := _describe_left(situation, manifest)) is not None:
        return aside
    if record is None or not isinstance(record.detail, DeploymentState):
        return _is_not(Reason.PODS_STARTING, f"The {called} Deployment is not there yet.")
    detail = record.detail
    if _is_current(manifest, situation) and detail.serves:
        return _is(
            Reason.AS_EXPECTED,
            f"{detail.ready}/{detail.wanted} {called} pods are ready{_surplus(situation, part)}.",
        )
    found = _find_problem(situation, part)
    if found is not None:
        return _fails(found)
    if part == WEB and (paused := find_pause(situation)) is not None:
        return _is_not(Reason.ROLLOUT_PAUSED, paused)
    if detail.replicas > detail.updated:
        return _is_not(Reason.ROLLOUT_IN_PROGRESS, f"The {called} pods are being replaced.")
    if not redis_ready:
        return _is_not(Reason.WAITING_FOR_REDIS, f"The {called} pods wait for Redis.")
    return _is_not(Reason.PODS_STARTING, f"{detail.ready}/{detail.wanted} {called} pods are ready.")


def _describe_left(situation: Situation, manifest: Manifest) -> Said | None:
    """Say why a Deployment is not to run what is declared now; None when it is."""
    if situation.is_held(manifest):
        return _is_not(*describe_wait(situation.gate))
    if situation.app.spec.suspend:
        return _is_not(Reason.SUSPENDED, "spec.suspend is true.")
    return describe_undone(manifest) if situation.is_undone(manifest) else None


def _surplus(situation: Situation, part: Part) -> str:
    """Say how many pods a scale-in still takes away, one step after another."""
    if part != WEB:
        return ""
    asked, live = count_wanted(situation)
    return f"; {live - asked} of them go as soon as their connections can be moved" if asked < live else ""


def _assess_edge(situation: Situation) -> Said:
    ingress = situation.app.spec.ingress
    if ingress is None:
        return _is(Reason.NOT_CONFIGURED, "No ingress is declared.")
    if not situation.class_known:
        what = f"IngressClass {ingress.class_name} does not exist"
        return _fails(problem(Reason.INGRESS_CLASS_NOT_FOUND, what))
    record = situation.family.get("Ingress", names.web(situation.app.metadata.name), owner=situation.owner)
    addresses = (
        record.detail.addresses if record is not None and isinstance(record.detail, IngressState) else ()
    )
    if not addresses:
        what = f"the controller of IngressClass {ingress.class_name} has not published an address"
        return _fails(problem(Reason.ADDRESS_PENDING, what))
    limits = unmet(situation.app, situation.edge)
    if limits:
        return _is(Reason.CONTROLLER_LIMITED, " ".join(limits))
    return _is(Reason.AS_EXPECTED, "The ingress is admitted.")


def _assess_suspension(situation: Situation) -> Said:
    if not situation.app.spec.suspend:
        return _is_not(Reason.NOT_SUSPENDED)
    records = [situation.record(item) for _, item in situation.workloads() if item["kind"] == "Deployment"]
    rest = all(
        record is not None
        and record.current
        and isinstance(record.detail, DeploymentState)
        and record.detail.wanted == record.detail.replicas == 0
        for record in records
    )
    return _is(Reason.SUSPENDED, f"Web and workers are {'' if rest else 'being '}scaled to 0; Redis stays.")


def _sum_up(situation: Situation, parts: dict[ConditionType, Said]) -> Said:
    """What a person must solve comes before what passes by waiting."""
    failing = [parts[kind] for kind in SUMMED_UP if parts[kind].status == "False"]
    if situation.held and not situation.gate.checked and _is_trouble(parts[ConditionType.CHECKS_PASSED]):
        failing.append(parts[ConditionType.CHECKS_PASSED])
    blocking = [verdict for verdict in failing if not _is_tolerated(situation, verdict[1])]
    if not blocking:
        return _is(Reason.AS_EXPECTED, "Everything asked for serves.")
    # What waits for the rollout says less than the rollout itself.
    blocking.sort(key=lambda verdict: verdict[1] is Reason.WAITING_FOR_ROLLOUT)
    _, reason, message = next((verdict for verdict in blocking if verdict[1] in TROUBLE), blocking[0])
    return _is_not(reason, _with_comfort(situation, message))


def _is_tolerated(situation: Situation, reason: Reason) -> bool:
    """Only Traefik is known to publish an address for every Ingress it takes in; others may never do."""
    return reason is Reason.ADDRESS_PENDING and situation.edge != "Traefik"


def _assess_trouble(situation: Situation, parts: dict[ConditionType, Said]) -> Said:
    kinds = SUMMED_UP if situation.gate.checked else (ConditionType.CHECKS_PASSED, *SUMMED_UP)
    for kind in kinds:
        if _is_trouble(parts[kind]):
            return _is(parts[kind].reason, _with_comfort(situation, parts[kind].message))
    for found in (find_failed_cleanup(situation), find_told(find_blind_autoscaler(situation), situation)):
        if found is not None:
            return _is(found.reason, found.message)
    return _is_not(Reason.AS_EXPECTED)


def _is_trouble(said: Said) -> bool:
    """Whether it does not pass by waiting; the checks are not known to fail while an image cannot be pulled."""
    return said.status != "True" and said.reason in TROUBLE


def _with_comfort(situation: Situation, message: str) -> str:
    return f"{message} The old pods keep serving." if situation.old_pods_serve() else message


def _find_problem(situation: Situation, part: Part) -> Problem | None:
    if part in situation.missing:
        return situation.missing[part]
    manifest = situation.workload(part)
    record = situation.record(manifest) if manifest is not None else None
    return diagnose(pods=situation.pods(part), deployment=record, now=situation.now)


def _is_current(manifest: Manifest, situation: Situation) -> bool:
    """Whether the controller has seen our newest write, and it is what is asked for now."""
    record = situation.record(manifest)
    if record is None or not isinstance(record.detail, DeploymentState):
        return False
    return (
        record.current
        and record.detail.wanted == manifest["spec"].get("replicas", record.detail.wanted)
        and record.template_hash == manifest["metadata"]["annotations"].get(names.ANNOTATION_TEMPLATE_HASH)
    )
