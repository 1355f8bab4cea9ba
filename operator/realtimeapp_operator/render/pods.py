"""The pod every process of the application runs in: web, workers and jobs differ only in what they start.

An init container copies the runtime from the operator's image, so that the user's image needs nothing but Python and
Django. The security settings are the operator's: nothing a user writes weakens them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from realtimeapp_operator import names
from realtimeapp_operator.render.common import (
    container_security,
    dump,
    labels,
    pod_security,
    pull_secrets,
)
from realtimeapp_operator.render.deviations import scheduling
from realtimeapp_operator.render.environment import build_env, build_env_from, build_secrets_volume
from realtimeapp_operator.render.sizing import Rendered, install_resources, override

if TYPE_CHECKING:
    from realtimeapp_operator.api.app import RealtimeApp
    from realtimeapp_operator.api.pods import PodTemplate
    from realtimeapp_operator.render.facts import Facts, Manifest

LAUNCH: Final = ("python3", names.LAUNCHER)
"""The runtime's single entry point, inside the application's containers."""
COLLECT_STATIC: Final = ("manage", "collectstatic", "--noinput")


@dataclass(frozen=True, kw_only=True)
class Process:
    """What one kind of pod runs."""

    container: str
    """Name of the container."""
    arguments: tuple[str, ...]
    """Arguments of the launcher: a verb and what it takes, exactly as the process shall see them."""
    resources: Rendered
    """Requests and limits when the user names none."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Further fields of the container: ports, probes, lifecycle."""
    variables: tuple[dict[str, Any], ...] = ()
    """Environment variables of the operator's that only this process has."""
    serves_static: bool = False
    """Whether the pod collects static files before this process starts, if the manifest wants them collected."""


def build_template(  # noqa: PLR0913 - one keyword per dimension in which pods differ
    app: RealtimeApp,
    facts: Facts,
    *,
    process: Process,
    deviations: PodTemplate,
    settings: Manifest,
    component: str,
    worker: str | None = None,
    spec: dict[str, Any] | None = None,
    restart_policy: Literal["Always", "Never"] = "Always",
) -> dict[str, Any]:
    """Pod template that runs one process of the application's image.

    `settings` is the rendered settings ConfigMap; `spec` has further fields of the pod spec.
    """
    static = process.serves_static and app.spec.static.collect
    return {
        "metadata": _metadata(
            app, deviations, component=component, worker=worker, restart_policy=restart_policy
        ),
        "spec": {
            "serviceAccountName": deviations.service_account_name or names.account(app.metadata.name),
            "automountServiceAccountToken": False,
            # Otherwise every Service of the namespace becomes a set of variables.
            "enableServiceLinks": False,
            "restartPolicy": restart_policy,
            "securityContext": pod_security(),
            **pull_secrets(app),
            **scheduling(deviations),
            **(spec or {}),
            "initContainers": [
                _install_container(facts),
                *([_container(app, _collect(process), deviations, static="write")] if static else []),
            ],
            "containers": [_container(app, process, deviations, static="read" if static else None)],
            "volumes": _volumes(app, deviations, settings, static=static),
        },
    }


def _metadata(
    app: RealtimeApp, deviations: PodTemplate, *, component: str, worker: str | None, restart_policy: str
) -> dict[str, Any]:
    rendered: dict[str, Any] = {"labels": {**deviations.labels, **labels(app, component, worker)}}
    annotations = dict(deviations.annotations)
    if app.spec.restarted_at is not None and restart_policy == "Always":
        annotations[names.ANNOTATION_RESTARTED_AT] = app.spec.restarted_at.isoformat()
    if annotations:
        rendered["annotations"] = annotations
    return rendered


def _install_container(facts: Facts) -> dict[str, Any]:
    return {
        "name": "runtime",
        "image": facts.runtime_image,
        "imagePullPolicy": facts.pull_policy,
        "command": ["python3", "-m", "realtimeapp_runtime.launch", "install", names.RUNTIME_DIR],
        "resources": install_resources(),
        "securityContext": container_security(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": "runtime", "mountPath": names.RUNTIME_DIR}],
    }


def _collect(process: Process) -> Process:
    """Collectstatic before `process`, with its resources: a pod needs the larger of the two, not their sum."""
    return Process(container="static", arguments=COLLECT_STATIC, resources=process.resources)


def _container(
    app: RealtimeApp,
    process: Process,
    deviations: PodTemplate,
    *,
    static: Literal["read", "write"] | None = None,
) -> dict[str, Any]:
    env_from = build_env_from(app)
    return {
        "name": process.container,
        "image": app.spec.image,
        "imagePullPolicy": app.spec.image_pull_policy,
        # The image's entry point is replaced: what it would do is not known, and the runtime must be first.
        "command": list(LAUNCH),
        "args": list(process.arguments),
        "env": build_env(app, *process.variables),
        **({"envFrom": env_from} if env_from else {}),
        "resources": override(process.resources, deviations.resources),
        "securityContext": container_security(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        **process.extra,
        "volumeMounts": [
            {"name": "runtime", "mountPath": names.RUNTIME_DIR, "readOnly": True},
            {"name": "run", "mountPath": names.RUN_DIR},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of the pod's own
            {"name": "config", "mountPath": names.CONFIG_DIR, "readOnly": True},
            {"name": "secrets", "mountPath": names.SECRETS_DIR, "readOnly": True},
            *(_static_mount(read_only=static == "read") if static else []),
            *(dump(mount) for mount in deviations.volume_mounts),
        ],
    }


def _static_mount(*, read_only: bool) -> list[dict[str, Any]]:
    mount: dict[str, Any] = {"name": "static", "mountPath": names.STATIC_DIR}
    return [{**mount, "readOnly": True} if read_only else mount]


def _volumes(
    app: RealtimeApp, deviations: PodTemplate, settings: Manifest, *, static: bool
) -> list[dict[str, Any]]:
    return [
        {"name": "runtime", "emptyDir": {"sizeLimit": "16Mi"}},
        {"name": "run", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
        # No size limit: reaching it would evict the pod, and with it every socket, for one large upload.
        {"name": "tmp", "emptyDir": {}},
        {"name": "config", "configMap": {"name": settings["metadata"]["name"]}},
        build_secrets_volume(app),
        *([{"name": "static", "emptyDir": {}}] if static else []),
        *(dump(volume) for volume in deviations.volumes),
    ]
