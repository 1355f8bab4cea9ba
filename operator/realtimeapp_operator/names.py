"""Every string two parts of the product must agree on: API group, labels, annotations, child names, paths.

Nothing here talks to anything or knows a type; a name that is written twice elsewhere belongs in this file.
"""

from __future__ import annotations

import hashlib
from typing import Final

GROUP: Final = "realtimeapp.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = "realtimeapp.dev/v1alpha1"
KIND: Final = "RealtimeApp"
PLURAL: Final = "realtimeapps"

FIELD_MANAGER: Final = "realtimeapp-operator"
MANAGER_SCALE_IN: Final = "realtimeapp-operator-scale-in"
"""Writes deletion costs of pods, and nothing else."""
MANAGER_COUNT: Final = "realtimeapp-operator-handover"
"""Writes a Deployment's `replicas` alone: when somebody else is to have it, or the rest must stay as it is."""
LEASE: Final = "realtimeapp-operator"

LABEL_NAME: Final = "app.kubernetes.io/name"
LABEL_INSTANCE: Final = "app.kubernetes.io/instance"
LABEL_COMPONENT: Final = "app.kubernetes.io/component"
LABEL_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
LABEL_WORKER: Final = f"{GROUP}/worker"
LABEL_APP: Final = f"{GROUP}/app"
"""Label of a metric: the application's name."""
METRIC_CONNECTIONS: Final = "realtimeapp_connections"
"""External metric: open connections of an application's web pods, terminating ones included."""
MANAGED_BY: Final = "realtimeapp-operator"
MANAGED_SELECTOR: Final = f"{LABEL_MANAGED_BY}={MANAGED_BY}"

ANNOTATION_HASH: Final = f"{GROUP}/applied-hash"
"""Hash of the manifest as it was applied last; the plan skips a child whose hash and generation are unchanged."""
ANNOTATION_TEMPLATE_HASH: Final = f"{GROUP}/template-hash"
"""Hash of a workload's pod template alone: tells whether an apply rolls pods."""
LABEL_TEMPLATE_HASH: Final = f"{GROUP}/template-hash"
"""The same as a label of a Deployment: `kubectl rollout undo` changes the annotations and leaves the labels."""
ANNOTATION_READY_SECONDS: Final = f"{GROUP}/ready-seconds"
"""`minReadySeconds` of the web Deployment as chosen for its last rollout."""
ANNOTATION_RESTARTED_AT: Final = f"{GROUP}/restarted-at"

ANNOTATION_DELETION_COST: Final = "controller.kubernetes.io/pod-deletion-cost"
"""Kubernetes' own: of pods that are alike in everything else a scale-in takes the one with the lowest."""

AUTOSCALERS: Final = frozenset({"HorizontalPodAutoscaler", "ScaledObject"})
"""Kinds of children that write the number of web pods."""

COMPONENT_WEB: Final = "web"
COMPONENT_WORKER: Final = "worker"
COMPONENT_REDIS: Final = "redis"
COMPONENT_MIGRATE: Final = "migrate"
COMPONENT_CHECK: Final = "check"
COMPONENT_CLEANUP: Final = "cleanup"

PROBE_HEADER: Final = "X-RealtimeApp-Probe"
"""Says that a WebSocket handshake is the operator's: `edge` is answered by the runtime, `application` by the application."""
REVISION_HEADER: Final = "X-RealtimeApp-Revision"
"""In the answer to such a handshake: `pod-template-hash` of the pod that gives it."""

APP_NAME_MAX: Final = 40
"""Longest RealtimeApp name: every child name below then fits 63 characters, a CronJob's 52."""
PART_NAME_MAX: Final = 20
"""Longest name of a worker or a clean-up."""
CRONJOB_NAME_MAX: Final = 52
WORKER_NAME_MAX: Final = 63
HASH_DIGITS: Final = 8

RUNTIME_DIR: Final = "/opt/realtimeapp"
"""Where the init container copies the runtime package; mounted read-only into the user's containers."""
LAUNCHER: Final = f"{RUNTIME_DIR}/realtimeapp_runtime/launch.py"
CONFIG_DIR: Final = "/etc/realtimeapp/config"
SETTINGS_FILE: Final = "settings.json"
SECRETS_DIR: Final = "/etc/realtimeapp/secrets"
RUN_DIR: Final = "/run/realtimeapp"
STATIC_DIR: Final = "/run/realtimeapp-static"
"""STATIC_ROOT where the operator collects static files."""

SECRET_KEY_KEY: Final = "secret-key"  # noqa: S105 - the name of a key, not a secret
REDIS_PASSWORD_KEY: Final = "password"  # noqa: S105 - the name of a key, not a password
REDIS_PROBE_PASSWORD_KEY: Final = "probe-password"  # noqa: S105 - the name of a key, not a password
REDIS_ACL_KEY: Final = "users.acl"


def account(app: str) -> str:
    """Name of the ServiceAccount."""
    return app


def web(app: str) -> str:
    """Name of the web Deployment, Service, PodDisruptionBudget and NetworkPolicy."""
    return f"{app}-web"


def worker(app: str, part: str) -> str:
    """Name of a worker Deployment: at most 63 characters, cut with a hash where it would be longer."""
    return _fit(f"{app}-worker-{part}", WORKER_NAME_MAX)


def workers(app: str) -> str:
    """Name of the NetworkPolicy of workers and jobs."""
    return f"{app}-workers"


def redis(app: str) -> str:
    """Name of the Redis StatefulSet, Service, Secret, ConfigMap and NetworkPolicy."""
    return f"{app}-redis"


def redis_headless(app: str) -> str:
    """Name of the Service that gives the Redis pod its stable DNS name."""
    return f"{app}-redis-headless"


def django_secret(app: str) -> str:
    """Name of the Secret with the generated Django secret key."""
    return f"{app}-django"


def settings_config(app: str, content: str) -> str:
    """Name of the immutable settings ConfigMap; `content` is its JSON text."""
    return f"{app}-settings-{short_hash(content)}"


def migrate(app: str, inputs: str) -> str:
    """Name of the migration Job for one set of `inputs` (canonical JSON of what a migration depends on)."""
    return f"{app}-migrate-{short_hash(inputs)}"


def check(app: str, inputs: str) -> str:
    """Name of the Job that runs Django's checks for one set of `inputs` (canonical JSON of what they depend on)."""
    return f"{app}-check-{short_hash(inputs)}"


def attempt(job: str, number: int) -> str:
    """Name of the `number`th attempt of a Job; the first has the name itself. Fits 63 characters up to 99 999."""
    return job if number == 1 else f"{job}-{number}"


def split_attempt(name: str) -> tuple[str, int]:
    """Name of the first attempt of the Job `name`, which ends in a hash, and which attempt it is."""
    first, _, number = name.rpartition("-")
    is_number = number.isdecimal() and len(number) < HASH_DIGITS == len(first.rpartition("-")[2])
    return (first, int(number)) if is_number else (name, 1)


def cleanup(app: str, job: str) -> str:
    """Name of a clean-up CronJob: at most 52 characters, cut with a hash where it would be longer."""
    return _fit(f"{app}-{job}", CRONJOB_NAME_MAX)


def short_hash(text: str) -> str:
    """First hexadecimal digits of the SHA-256 of `text`."""
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_DIGITS]


def _fit(name: str, limit: int) -> str:
    return name if len(name) <= limit else f"{name[: limit - HASH_DIGITS - 1].rstrip('-')}-{short_hash(name)}"
