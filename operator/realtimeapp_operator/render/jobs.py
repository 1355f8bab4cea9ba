"""What the application runs once: the migration before or after a rollout, Django's checks beside it, scheduled clean-ups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from realtimeapp_operator import names
from realtimeapp_operator.api import defaults
from realtimeapp_operator.render.common import canonical, dump, literals, metadata
from realtimeapp_operator.render.pods import Process, build_template
from realtimeapp_operator.render.sizing import processes_resources

if TYPE_CHECKING:
    from realtimeapp_operator.api.app import RealtimeApp
    from realtimeapp_operator.api.jobs import Cleanup
    from realtimeapp_operator.render.facts import Facts, Manifest

CONFIGURATION_ERROR: Final = 78
"""Exit status of the runtime when it cannot start at all (EX_CONFIG): trying again would not help."""
STARTING_DEADLINE_SECONDS: Final = 300
"""A clean-up that could not start within this time waits for its next turn."""
CLEANUP_SECONDS: Final = 3600
CHECK_SECONDS: Final = 300
"""Longest run of the checks, which touch neither database nor network; most of it is for pulling the image."""
CHECK_CPU: Final = "10m"
"""A tenth of what others ask for: where CPU is short, the migration and the web pods that start go first."""
CLEANUP_RETRIES: Final = 1


def build_migration(app: RealtimeApp, facts: Facts, *, settings: Manifest) -> list[Manifest]:
    """The migration Job, if the policy wants one.

    Its name has the hash of everything the user can change about it, so that a failed Job, which is immutable, is
    replaced as soon as the manifest is mended. What the operator adds (runtime, settings) is not in the hash: its
    change does not migrate again.
    """
    if app.spec.migrations.policy not in {"BeforeRollout", "AfterRollout"}:
        return []
    name = names.migrate(app.metadata.name, canonical(_migration_inputs(app)))
    return [
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": metadata(app, name, component=names.COMPONENT_MIGRATE),
            "spec": {
                "backoffLimit": app.spec.migrations.backoff_limit,
                "activeDeadlineSeconds": app.spec.migrations.active_deadline_seconds,
                **_failure_policy("migrate"),
                "template": _template(
                    app,
                    facts,
                    process=_management("migrate", "migrate", "--noinput", options=("--direct-database",)),
                    component=names.COMPONENT_MIGRATE,
                    settings=settings,
                ),
            },
        }
    ]


def build_check(app: RealtimeApp, facts: Facts, *, settings: Manifest) -> list[Manifest]:
    """The Job of Django's checks, unless they are off.

    Its name has the hash of everything they can depend on. Whether it holds the rollout is not among that: to enforce
    what only warned does not run it again. It has no retries: its result is the same each time.
    """
    if app.spec.checks.deploy == "Off":
        return []
    inputs = {**_project_inputs(app), "settings": settings["metadata"]["name"]}
    resources = processes_resources(1)
    return [
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": metadata(
                app, names.check(app.metadata.name, canonical(inputs)), component=names.COMPONENT_CHECK
            ),
            "spec": {
                "backoffLimit": 0,
                "activeDeadlineSeconds": CHECK_SECONDS,
                **_failure_policy("check"),
                "template": _template(
                    app,
                    facts,
                    process=Process(
                        container="check",
                        arguments=("check",),
                        resources={**resources, "requests": {**resources["requests"], "cpu": CHECK_CPU}},
                    ),
                    component=names.COMPONENT_CHECK,
                    settings=settings,
                ),
            },
        }
    ]


def build_cleanups(app: RealtimeApp, facts: Facts, *, settings: Manifest) -> list[Manifest]:
    """One CronJob per clean-up."""
    return [_build_cleanup(app, facts, cleanup, settings) for cleanup in defaults.cleanups(app.spec)]


def _migration_inputs(app: RealtimeApp) -> dict[str, Any]:
    return {**_project_inputs(app), "migrations": dump(app.spec.migrations)}


def _project_inputs(app: RealtimeApp) -> dict[str, Any]:
    """What a user can change about how the project is loaded."""
    spec = app.spec
    return {
        "image": spec.image,
        "imagePullPolicy": spec.image_pull_policy,
        "imagePullSecrets": [dump(secret) for secret in spec.image_pull_secrets],
        "settingsModule": spec.django.settings_module,
        "overlay": spec.django.overlay,
        "secretKey": dump(spec.django.secret_key_secret_ref) if spec.django.secret_key_secret_ref else None,
        "database": dump(spec.database) if spec.database else None,
        "env": [dump(variable) for variable in spec.env],
        "envFrom": [dump(source) for source in spec.env_from],
        "podTemplate": dump(spec.pod_template),
        "restartedAt": spec.restarted_at.isoformat() if spec.restarted_at else None,
    }


def _failure_policy(container: str) -> dict[str, Any]:
    return {
        "podFailurePolicy": {
            "rules": [
                {
                    "action": "FailJob",
                    "onExitCodes": {
                        "containerName": container,
                        "operator": "In",
                        "values": [CONFIGURATION_ERROR],
                    },
                },
                # An evicted pod says nothing about the command.
                {
                    "action": "Ignore",
                    "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
                },
            ]
        }
    }


def _build_cleanup(app: RealtimeApp, facts: Facts, cleanup: Cleanup, settings: Manifest) -> Manifest:
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": metadata(
            app,
            names.cleanup(app.metadata.name, cleanup.name),
            component=names.COMPONENT_CLEANUP,
        ),
        "spec": {
            "schedule": cleanup.schedule,
            "timeZone": cleanup.time_zone,
            "suspend": app.spec.suspend,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": STARTING_DEADLINE_SECONDS,
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 1,
            "jobTemplate": {
                "metadata": {"labels": metadata(app, "", component=names.COMPONENT_CLEANUP)["labels"]},
                "spec": {
                    "backoffLimit": CLEANUP_RETRIES,
                    "activeDeadlineSeconds": CLEANUP_SECONDS,
                    **_failure_policy("cleanup"),
                    "template": _template(
                        app,
                        facts,
                        process=_management("cleanup", *cleanup.command),
                        component=names.COMPONENT_CLEANUP,
                        settings=settings,
                    ),
                },
            },
        },
    }


def _management(container: str, *command: str, options: tuple[str, ...] = ()) -> Process:
    """A management command; `options` are those of the launcher."""
    return Process(
        container=container,
        arguments=("manage", *options, *literals(command)),
        resources=processes_resources(1),
    )


def _template(
    app: RealtimeApp, facts: Facts, *, process: Process, component: str, settings: Manifest
) -> dict[str, Any]:
    return build_template(
        app,
        facts,
        process=process,
        deviations=app.spec.pod_template,
        settings=settings,
        component=component,
        restart_policy="Never",
    )
