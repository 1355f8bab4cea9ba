"""The web tier: the Deployment whose pods hold the sockets, and the Service in front of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from realtimeapp_operator import names
from realtimeapp_operator.api import defaults
from realtimeapp_operator.render.common import (
    REVISION_HISTORY_LIMIT,
    metadata,
    selector,
    with_template_hash,
)
from realtimeapp_operator.render.deviations import merge, spread
from realtimeapp_operator.render.edge.ingress import service_annotations
from realtimeapp_operator.render.environment import from_field
from realtimeapp_operator.render.pacing import (
    STARTUP_FAILURES,
    STARTUP_PERIOD_SECONDS,
    grace_seconds,
    max_surge,
    min_ready_seconds,
    progress_deadline_seconds,
)
from realtimeapp_operator.render.pods import LAUNCH, Process, build_template
from realtimeapp_operator.render.servers import server_arguments
from realtimeapp_operator.render.sizing import web_resources

if TYPE_CHECKING:
    from realtimeapp_operator.api.app import RealtimeApp, Spec
    from realtimeapp_operator.api.pods import ProbeTiming
    from realtimeapp_operator.render.facts import Facts, Manifest

COMPONENT: Final = names.COMPONENT_WEB
SERVICE_PORT: Final = 80
REVISION_LABEL: Final = "pod-template-hash"
"""What the Deployment controller tells the pods of its revisions apart by."""
LIVE_PATH: Final = "/.realtimeapp/healthz"
READY_PATH: Final = "/.realtimeapp/readyz"


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Failures in a row that count: readiness is asked every second, liveness every ten."""

    readiness_failures: int
    liveness_failures: int


SOCKETS: Final = Patience(readiness_failures=1, liveness_failures=3)
REQUESTS: Final = Patience(readiness_failures=3, liveness_failures=9)
"""Gunicorn ends a worker that is silent for 60 seconds by itself; the pod is restarted when that did not help."""


def build_web(app: RealtimeApp, facts: Facts, *, settings: Manifest) -> Manifest:
    """The web Deployment; the pace of a rollout is in its own fields.

    `paused` is only there when the manifest says so: `kubectl rollout pause` stays as it was typed.
    """
    spec = app.spec
    return with_template_hash(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata(app, names.web(app.metadata.name), component=COMPONENT),
            "spec": {
                **_replicas(spec),
                **({"paused": True} if spec.web.rollout.paused else {}),
                "revisionHistoryLimit": REVISION_HISTORY_LIMIT,
                "minReadySeconds": min_ready_seconds(spec),
                "progressDeadlineSeconds": progress_deadline_seconds(spec),
                "selector": {"matchLabels": selector(app, COMPONENT)},
                "strategy": {
                    "type": "RollingUpdate",
                    "rollingUpdate": {"maxSurge": max_surge(spec), "maxUnavailable": 0},
                },
                "template": _template(app, facts, settings),
            },
        }
    )


def build_service(app: RealtimeApp, facts: Facts) -> Manifest:
    """The Service of the web pods; Traefik reads the affinity from its annotations."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(
            app,
            names.web(app.metadata.name),
            component=COMPONENT,
            annotations=service_annotations(app, facts),
        ),
        "spec": {
            "type": "ClusterIP",
            "selector": selector(app, COMPONENT),
            "ports": [{"name": "http", "port": SERVICE_PORT, "targetPort": "http", "protocol": "TCP"}],
        },
    }


def _replicas(spec: Spec) -> dict[str, int]:
    """The count, unless an autoscaler has it: a field that is not applied belongs to whoever writes it."""
    if spec.web.autoscaling is not None and not spec.suspend:
        return {}
    return {"replicas": defaults.replicas(spec)}


def _template(app: RealtimeApp, facts: Facts, settings: Manifest) -> dict[str, Any]:
    spec = app.spec
    deviations = merge(spec.pod_template, spec.web.pod_template)
    return build_template(
        app,
        facts,
        process=Process(
            container="web",
            arguments=server_arguments(spec),
            resources=web_resources(spec),
            serves_static=True,
            # Pods of one revision share what they hold among themselves.
            variables=(from_field("REALTIMEAPP_REVISION", f"metadata.labels['{REVISION_LABEL}']"),),
            extra={
                "ports": [{"name": "http", "containerPort": spec.web.port, "protocol": "TCP"}],
                **_probes(spec),
                # Not over HTTP: nobody on the network can start a drain.
                "lifecycle": {"preStop": {"exec": {"command": [*LAUNCH, "drain"]}}},
            },
        ),
        deviations=deviations,
        settings=settings,
        component=COMPONENT,
        spec={
            "terminationGracePeriodSeconds": grace_seconds(spec),
            "topologySpreadConstraints": spread(deviations, selector(app, COMPONENT)),
        },
    )


def _probes(spec: Spec) -> dict[str, Any]:
    """Readiness fails at the first refusal: measured, clients held by a cookie leave a draining pod only then.

    A drain refuses at once, so readiness can be patient with a slow answer: a busy pod must not lose its traffic. Under
    WSGI a probe waits like any request while all workers are busy, and nobody is held: there one answer does not decide.
    """
    web = spec.web
    patience = SOCKETS if defaults.holds_sockets(spec) else REQUESTS
    return {
        "startupProbe": _probe(
            LIVE_PATH,
            web.probes.startup,
            period=STARTUP_PERIOD_SECONDS,
            timeout=1,
            failures=STARTUP_FAILURES,
        ),
        "readinessProbe": _probe(
            READY_PATH, web.probes.readiness, period=1, timeout=5, failures=patience.readiness_failures
        ),
        "livenessProbe": _probe(
            LIVE_PATH, web.probes.liveness, period=10, timeout=5, failures=patience.liveness_failures
        ),
    }


def _probe(path: str, user: ProbeTiming, *, period: int, timeout: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": "http", "scheme": "HTTP"},
        "periodSeconds": user.period_seconds or period,
        "timeoutSeconds": user.timeout_seconds or timeout,
        "failureThreshold": user.failure_threshold or failures,
    }
