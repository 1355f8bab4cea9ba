"""Background workers: a Deployment for each named group. They listen on nothing.

Celery's have probes, which read the age of a heartbeat: asking Celery itself (`inspect ping`) would load the application
and wait a second each time. The others have none: the kubelet sees a process that ended, and there is nothing else that
could be asked of any of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, assert_never

from realtimeapp_operator import names
from realtimeapp_operator.render.common import (
    REVISION_HISTORY_LIMIT,
    literals,
    metadata,
    selector,
    with_template_hash,
)
from realtimeapp_operator.render.deviations import merge, spread
from realtimeapp_operator.render.pods import LAUNCH, Process, build_template
from realtimeapp_operator.render.sizing import processes_resources

if TYPE_CHECKING:
    from realtimeapp_operator.api.app import RealtimeApp
    from realtimeapp_operator.api.workers import Worker
    from realtimeapp_operator.render.facts import Facts, Manifest

COMPONENT: Final = names.COMPONENT_WORKER
CELERY_CONCURRENCY: Final = 2
"""Celery's own default is the node's number of processors, which says nothing about the pod."""
MIN_READY_SECONDS: Final = 5
"""Without a readiness probe a pod is ready as soon as it starts; one that crashes at once must not replace a working one."""
PROGRESS_DEADLINE_SECONDS: Final = 180
HEARTBEAT_SECONDS: Final = 60
"""Age at which the heartbeat of a Celery process counts as missed."""
BEAT_SCHEDULE: Final = "/tmp/celerybeat-schedule"  # noqa: S108 - a volume of the pod's own


def build_workers(app: RealtimeApp, facts: Facts, *, settings: Manifest) -> list[Manifest]:
    """One Deployment per worker, in the order of the manifest."""
    return [_build_worker(app, facts, worker, settings) for worker in app.spec.workers]


def _build_worker(app: RealtimeApp, facts: Facts, worker: Worker, settings: Manifest) -> Manifest:
    return with_template_hash(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata(
                app,
                names.worker(app.metadata.name, worker.name),
                component=COMPONENT,
                worker=worker.name,
            ),
            "spec": {
                "replicas": _replicas(app, worker),
                "revisionHistoryLimit": REVISION_HISTORY_LIMIT,
                "minReadySeconds": MIN_READY_SECONDS,
                "progressDeadlineSeconds": PROGRESS_DEADLINE_SECONDS,
                "selector": {"matchLabels": selector(app, COMPONENT, worker.name)},
                "strategy": _strategy(worker),
                "template": _template(app, facts, worker, settings),
            },
        }
    )


def _replicas(app: RealtimeApp, worker: Worker) -> int:
    if app.spec.suspend:
        return 0
    return 1 if worker.type == "CeleryBeat" else worker.replicas


def _strategy(worker: Worker) -> dict[str, Any]:
    """Two beats would send every task twice, so the old one goes first; other workers overlap."""
    if worker.type == "CeleryBeat":
        return {"type": "Recreate"}
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


def _template(app: RealtimeApp, facts: Facts, worker: Worker, settings: Manifest) -> dict[str, Any]:
    deviations = merge(app.spec.pod_template, worker.pod_template)
    return build_template(
        app,
        facts,
        process=Process(
            container="worker",
            arguments=tuple(literals(worker_arguments(worker))),
            resources=processes_resources(_processes(worker)),
            extra=_probes(worker),
        ),
        deviations=deviations,
        settings=settings,
        component=COMPONENT,
        worker=worker.name,
        spec={
            "terminationGracePeriodSeconds": worker.termination_grace_period_seconds,
            "topologySpreadConstraints": spread(deviations, selector(app, COMPONENT, worker.name)),
        },
    )


def _probes(worker: Worker) -> dict[str, Any]:
    """A worker whose main loop stands still is restarted.

    The heartbeat begins when the broker has answered; ten minutes, as restarts would only make the wait for it longer.
    """
    if worker.type not in {"CeleryWorker", "CeleryBeat"}:
        return {}
    asked = {"exec": {"command": [*LAUNCH, "alive", "--within", str(HEARTBEAT_SECONDS)]}}
    return {
        "startupProbe": {**asked, "periodSeconds": 2, "timeoutSeconds": 10, "failureThreshold": 300},
        "livenessProbe": {**asked, "periodSeconds": 30, "timeoutSeconds": 10, "failureThreshold": 3},
    }


def _processes(worker: Worker) -> int:
    """Django processes in the pod: Celery has one that watches the others."""
    if worker.type == "CeleryWorker":
        return 1 + (worker.concurrency or CELERY_CONCURRENCY)
    return 1


def worker_arguments(worker: Worker) -> tuple[str, ...]:
    """Launcher arguments of a worker: a verb, then what the user named, item by item and never through a shell."""
    match worker.type:
        case "CeleryWorker":
            return _celery_worker(worker)
        case "CeleryBeat":
            # The schedule is the only state; it may be lost, beat writes it anew.
            return (*_celery(worker), "beat", "--loglevel", "INFO", "--schedule", BEAT_SCHEDULE)
        case "ChannelsWorker":
            return ("manage", "runworker", *worker.channels)
        case "ManagementCommand":
            return ("manage", *worker.command)
        case "Custom":
            return ("exec", *worker.command)
        case unknown:
            assert_never(unknown)


def _celery_worker(worker: Worker) -> tuple[str, ...]:
    queues = ("--queues", ",".join(worker.queues)) if worker.queues else ()
    return (
        *_celery(worker),
        "worker",
        *("--concurrency", str(worker.concurrency or CELERY_CONCURRENCY)),
        *("--loglevel", "INFO"),
        # Workers that talk among themselves cost a Redis message per event and worker, and a second at each start;
        # what they would agree on (clocks, revoked tasks) nothing here uses. Heartbeats stay, for monitors.
        "--without-gossip",
        "--without-mingle",
        *queues,
    )


def _celery(worker: Worker) -> tuple[str, ...]:
    return ("run", "celery", "--app", worker.app or "")
