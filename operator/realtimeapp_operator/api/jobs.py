"""Jobs of a RealtimeApp: migrations, checks, static files, clean-ups."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from realtimeapp_operator.api.base import Argument, Cron, Model, PartName, TimeZone


class Migrations(Model):
    """Database migrations."""

    policy: Literal["BeforeRollout", "AfterRollout", "Manual", "Disabled"] = Field(
        default="BeforeRollout",
        description="`BeforeRollout` runs `migrate` as a Job and holds the rollout until it is complete; "
        "`AfterRollout` runs it when no pod of an older revision is left, for what only they still used; "
        "with `Manual` somebody else runs it; `Disabled`: there is nothing to migrate.",
    )
    backoff_limit: Annotated[int, Field(ge=0, le=10)] = Field(
        default=2, description="Retries of a failed migration."
    )
    active_deadline_seconds: Annotated[int, Field(ge=10, le=86_400)] = Field(
        default=600, description="Longest run, retries included."
    )


class Checks(Model):
    """Django's own checks of the project, run once for every image and configuration."""

    deploy: Literal["Enforce", "Warn", "Off"] = Field(
        default="Warn",
        description="What `check --deploy` holds: with `Enforce` an error stops the migration and the rollout, "
        "with `Warn` it is only told in the condition ChecksPassed; `Off` runs no checks.",
    )


class Static(Model):
    """Static files."""

    collect: bool = Field(
        default=False,
        description="Run `collectstatic` in every web pod before it starts, into a volume of the pod; "
        "for an image that was built without it.",
    )


class Cleanup(Model):
    """One scheduled management command."""

    name: PartName = Field(description="Name, part of the CronJob's name.")
    schedule: Cron = Field(
        description="Five cron fields or one of @hourly, @daily, @weekly, @monthly, @yearly."
    )
    command: Annotated[tuple[Argument, ...], Field(min_length=1, max_length=33)] = Field(
        description="Management command and its arguments."
    )
    time_zone: TimeZone = Field(default="Etc/UTC", description="Time zone of the schedule.")
