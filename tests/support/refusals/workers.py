"""Refused workers, scheduled commands and migrations."""

from __future__ import annotations

from typing import Final

from tests.support.refusals.table import Refused, worker

_BELOW = "should be greater than or equal to"

_LEFT_OUT = "must be left out: only"

WORKERS: Final = {
    "celery-app": Refused(
        change=worker("CeleryWorker"), path="spec.workers[0]", says="must have app with the type CeleryWorker"
    ),
    "beat-app": Refused(
        change=worker("CeleryBeat"), path="spec.workers[0]", says="must have app with the type CeleryWorker"
    ),
    "beat-twice": Refused(
        change=worker("CeleryBeat", app="shop", replicas=2),
        path="spec.workers[0].replicas",
        says="must be 1 or 0 with CeleryBeat",
    ),
    "beat-queues": Refused(
        change=worker("CeleryBeat", app="shop", queues=["a"]), path="spec.workers[0].queues", says=_LEFT_OUT
    ),
    "beat-concurrency": Refused(
        change=worker("CeleryBeat", app="shop", concurrency=2),
        path="spec.workers[0].concurrency",
        says=_LEFT_OUT,
    ),
    "channels-none": Refused(
        change=worker("ChannelsWorker"),
        path="spec.workers[0]",
        says="must have channels with the type ChannelsWorker",
    ),
    "channels-with-app": Refused(
        change=worker("ChannelsWorker", channels=["a"], app="shop"),
        path="spec.workers[0].app",
        says=_LEFT_OUT,
    ),
    "celery-with-channels": Refused(
        change=worker("CeleryWorker", app="shop", channels=["a"]),
        path="spec.workers[0].channels",
        says=_LEFT_OUT,
    ),
    "celery-with-command": Refused(
        change=worker("CeleryWorker", app="shop", command=["a"]),
        path="spec.workers[0].command",
        says=_LEFT_OUT,
    ),
    "command-none": Refused(
        change=worker("ManagementCommand"), path="spec.workers[0]", says="must have command with the type"
    ),
    "custom-none": Refused(
        change=worker("Custom", command=[]), path="spec.workers[0]", says="must have command with the type"
    ),
    "command-option-first": Refused(
        change=worker("ManagementCommand", command=["--verbosity=2", "run"]),
        path="spec.workers[0].command",
        says="must begin with the name of a management command",
    ),
    "command-shell": Refused(
        change=worker("ManagementCommand", command=["run; rm -rf /"]),
        path="spec.workers[0].command",
        says="must begin with the name of a management command",
    ),
    "worker-name": Refused(
        change={"spec.workers": [{"name": "Big_One", "type": "Custom", "command": ["a"]}]},
        path="spec.workers[0].name",
        says="must consist of lower-case letters, digits and '-'",
    ),
    "worker-name-long": Refused(
        change={"spec.workers": [{"name": "a" * 21, "type": "Custom", "command": ["a"]}]},
        path="spec.workers[0].name",
        says="must have at most 20 characters",
        server="may not be more than 20 bytes",
    ),
    "worker-name-twice": Refused(
        change={"spec.workers": [{"name": "a", "type": "Custom", "command": ["a"]}] * 2},
        path="spec.workers[1]",
        says="must be unique: a is there twice",
        server="Duplicate value",
    ),
    "queue": Refused(
        change=worker("CeleryWorker", app="shop", queues=["a b"]),
        path="spec.workers[0].queues[0]",
        says="must consist of letters, digits and _ . : -",
    ),
    "celery-app-object": Refused(
        change=worker("CeleryWorker", app="shop:app"),
        path="spec.workers[0].app",
        says="must be a Python module",
    ),
    "argument-nul": Refused(
        change=worker("Custom", command=["a\x00b"]),
        path="spec.workers[0].command[0]",
        says="must not contain a NUL character",
    ),
    "worker-mount": Refused(
        change=worker(
            "Custom", command=["a"], podTemplate={"volumeMounts": [{"name": "media", "mountPath": "/srv"}]}
        ),
        path="spec.workers",
        says="must mount only volumes of the worker's or the application's podTemplate",
    ),
    "cleanup-command": Refused(
        change={"spec.cleanup": [{"name": "a", "schedule": "@daily", "command": ["clear sessions"]}]},
        path="spec.cleanup[0].command",
        says="must begin with the name of a management command",
    ),
    "cleanup-schedule": Refused(
        change={"spec.cleanup": [{"name": "a", "schedule": "17 3 * *", "command": ["clearsessions"]}]},
        path="spec.cleanup[0].schedule",
        says="must be five cron fields",
    ),
    "cleanup-schedule-zone": Refused(
        change={
            "spec.cleanup": [
                {"name": "a", "schedule": "CRON_TZ=UTC 17 3 * * *", "command": ["clearsessions"]}
            ]
        },
        path="spec.cleanup[0].schedule",
        says="must be five cron fields",
    ),
    **{
        f"cleanup-{label}": Refused(
            change={"spec.cleanup": [{"name": "a", "schedule": schedule, "command": ["clearsessions"]}]},
            path="spec.cleanup[0].schedule",
            says="must be five cron fields",
        )
        for label, schedule in {
            "minute": "60 3 * * *",
            "hour": "0 24 * * *",
            "day": "0 0 32 * *",
            "weekday": "0 0 * * 7",
            "step": "*/0 * * * *",
        }.items()
    },
    "cleanup-zone-unknown": Refused(
        change={
            "spec.cleanup": [
                {"name": "a", "schedule": "@daily", "command": ["clearsessions"], "timeZone": "Mars/Olympus"}
            ]
        },
        path="spec.cleanup[0].timeZone",
        says="must be a name of the time zone database such as Etc/UTC",
    ),
    "cleanup-zone-local": Refused(
        change={
            "spec.cleanup": [
                {"name": "a", "schedule": "@daily", "command": ["clearsessions"], "timeZone": "Local"}
            ]
        },
        path="spec.cleanup[0].timeZone",
        says="must be a name of the time zone database such as Etc/UTC",
    ),
    "cleanup-zone": Refused(
        change={
            "spec.cleanup": [
                {"name": "a", "schedule": "@daily", "command": ["clearsessions"], "timeZone": "a b"}
            ]
        },
        path="spec.cleanup[0].timeZone",
        says="must be a name of the time zone database",
    ),
    "cleanup-twice": Refused(
        change={"spec.cleanup": [{"name": "a", "schedule": "@daily", "command": ["clearsessions"]}] * 2},
        path="spec.cleanup[1]",
        says="must be unique",
        server="Duplicate value",
    ),
    "migration-deadline": Refused(
        change={"spec.migrations.activeDeadlineSeconds": 5},
        path="spec.migrations.activeDeadlineSeconds",
        says="must be at least 10",
        server=_BELOW,
    ),
}
