"""The status of a RealtimeApp: its schema, field by field.

Only what is written now; nothing that changes by itself with time, so a status at rest is never written.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field

from realtimeapp_operator.api.base import Model, Unique, grammar
from realtimeapp_operator.api.conditions import MESSAGE_MAX, ConditionType

Count = Annotated[int, Field(ge=0, le=1_000_000)]
# The API server reads a schema's bounds as floating point: 2**63 - 1 would be rounded up and overflow to a negative one.
Connections = Annotated[int, Field(ge=0, le=1_000_000_000)]
Generation = Annotated[int, Field(ge=0, le=2**53 - 1)]
Name = Annotated[str, Field(max_length=253)]
ImageName = Annotated[str, Field(max_length=512)]
Url = Annotated[str, Field(max_length=600)]
ReadyOfWanted = Annotated[str, grammar(r"^[0-9]+/[0-9]+$", "must be ready/wanted, such as 2/2", longest=16)]
ConditionReason = Annotated[
    str, grammar(r"^[A-Za-z][A-Za-z0-9]*$", "must be a CamelCase word", shortest=1, longest=128)
]
CheckId = Annotated[
    str,
    grammar(r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$", "must be the id of a check, such as security.W004", longest=64),
]
FINDINGS_MAX: Final = 40
"""Ids kept of one run of the checks; the runtime inside the pods reports as many."""


class ConditionStatusEntry(Model):
    """One observation about the application."""

    type: ConditionType = Field(description="What is observed.")
    status: Literal["True", "False", "Unknown"] = Field(description="Whether it holds.")
    reason: ConditionReason = Field(
        description="Why, in one CamelCase word; docs/conditions.md explains each."
    )
    message: Annotated[str, Field(max_length=MESSAGE_MAX)] = Field(
        description="What a person should know or do."
    )
    observed_generation: Generation = Field(description="Generation of the spec this was observed for.")
    last_transition_time: AwareDatetime = Field(description="When `status` flipped last.")


class WebStatus(Model):
    """The web pods."""

    ready: ReadyOfWanted | None = Field(default=None, description="Ready pods / wanted pods.")
    replicas: Count | None = Field(default=None, description="Pods that exist.")
    ready_replicas: Count | None = Field(default=None, description="Pods that serve.")
    updated_replicas: Count | None = Field(default=None, description="Pods of the current revision.")
    terminating_replicas: Count | None = Field(
        default=None, description="Pods that are draining or stopping."
    )
    selector: Annotated[str, Field(max_length=512)] | None = Field(
        default=None, description="Label selector of the pods, for the scale subresource."
    )
    runtime_image: ImageName | None = Field(
        default=None, description="Image the runtime is copied from; it changes only with your own rollouts."
    )
    template_hash: Annotated[str, Field(max_length=64)] | None = Field(
        default=None, description="Hash of the pod template that was applied last; tells an undo from it."
    )


class ConnectionsStatus(Model):
    """Open connections of the web pods, counted in the pods; written when the sum has moved by a tenth."""

    active: Connections | None = Field(default=None, description="Open connections of all web pods.")
    draining: Connections | None = Field(
        default=None, description="Those of them on pods that are about to stop."
    )
    max_per_pod: Connections | None = Field(default=None, description="Connections of the fullest web pod.")
    sampled_at: AwareDatetime | None = Field(default=None, description="When they were counted.")


class RolloutStatus(Model):
    """The rollout that is running; absent at rest."""

    started_at: AwareDatetime | None = Field(default=None, description="When it began.")
    old_pods: Count | None = Field(default=None, description="Web pods of older revisions that serve.")
    new_pods: Count | None = Field(default=None, description="Web pods of the new revision.")
    terminating_pods: Count | None = Field(
        default=None, description="Web pods that are draining or stopping."
    )
    connections_total: Connections | None = Field(
        default=None, description="Connections on older pods when it began."
    )
    connections_left: Connections | None = Field(
        default=None, description="Connections that are still to be moved."
    )
    estimated_completion_time: AwareDatetime | None = Field(
        default=None, description="When it ends, by the pace of `web.rollout` and what is left."
    )


class WebSocketStatus(Model):
    """The last WebSocket that was opened through the ingress."""

    url: Url | None = Field(default=None, description="What was opened.")
    checked_for: Annotated[str, Field(max_length=64)] | None = Field(
        default=None, description="Revision of pods and ingress it speaks of."
    )
    checked_at: AwareDatetime | None = Field(default=None, description="When the answer came.")


class WorkerStatus(Model):
    """One group of workers."""

    name: Name = Field(description="Name of the worker.")
    ready: ReadyOfWanted | None = Field(default=None, description="Ready pods / wanted pods.")
    replicas: Count | None = Field(default=None, description="Pods that exist.")
    ready_replicas: Count | None = Field(default=None, description="Pods that run.")


class RedisStatus(Model):
    """Redis."""

    mode: Literal["Standalone"] | None = Field(default=None, description="How it runs.")
    ready: ReadyOfWanted | None = Field(default=None, description="Ready servers / wanted servers.")


class EdgeStatus(Model):
    """The way in."""

    provider: Literal["Traefik", "Generic"] | None = Field(
        default=None, description="Controller whose options are rendered."
    )
    unmet: Annotated[tuple[Annotated[str, Field(max_length=512)], ...], Field(max_length=16), Unique()] = (
        Field(default=(), description="What this controller is not known to do.")
    )


class JobFailure(Model):
    """What a Job ended with, kept when its pod and its log are gone."""

    job: Name = Field(description="Name of the Job.")
    reason: ConditionReason = Field(description="Why, in one CamelCase word.")
    message: Annotated[str, Field(max_length=MESSAGE_MAX)] = Field(description="Its last words.")
    failed_at: AwareDatetime | None = Field(
        default=None, description="When it gave up; absent while it is stuck."
    )
    retry_at: AwareDatetime | None = Field(
        default=None, description="When it is tried again by itself; absent where a person has to act."
    )


class MigrationsStatus(Model):
    """The last migration."""

    job: Name | None = Field(default=None, description="Name of the Job.")
    image: ImageName | None = Field(default=None, description="Image that migrated.")
    completed_at: AwareDatetime | None = Field(default=None, description="When it was complete.")
    failure: JobFailure | None = Field(
        default=None, description="What stands in the way of the one asked for now."
    )


class ChecksStatus(Model):
    """The last run of Django's checks that came to a result."""

    job: Name | None = Field(default=None, description="Name of the Job.")
    image: ImageName | None = Field(default=None, description="Image that was checked.")
    completed_at: AwareDatetime | None = Field(default=None, description="When it ended.")
    message: Annotated[str, Field(max_length=MESSAGE_MAX)] | None = Field(
        default=None, description="The result in a sentence."
    )
    findings: Annotated[tuple[CheckId, ...], Field(max_length=FINDINGS_MAX)] = Field(
        default=(), description="Ids of errors and warnings, errors first."
    )
    failure: JobFailure | None = Field(default=None, description="Why the Job asked for now has no result.")


class CleanupStatus(Model):
    """One scheduled command."""

    name: Name = Field(description="Name in `spec.cleanup`.")
    last_schedule_time: AwareDatetime | None = Field(default=None, description="When it started last.")
    last_successful_time: AwareDatetime | None = Field(default=None, description="When it succeeded last.")
    failure: JobFailure | None = Field(default=None, description="How its latest run failed.")


class Status(Model):
    """What was observed."""

    observed_generation: Generation | None = Field(
        default=None, description="Generation of the spec the status speaks of."
    )
    url: Url | None = Field(default=None, description="Where the application is.")
    websocket_url: Url | None = Field(default=None, description="Where its first WebSocket endpoint is.")
    web: WebStatus | None = Field(default=None, description="The web pods.")
    connections: ConnectionsStatus | None = Field(default=None, description="Open connections.")
    rollout: RolloutStatus | None = Field(default=None, description="The rollout that is running.")
    websocket: WebSocketStatus | None = Field(
        default=None, description="The last try of the way in, for the condition WebSocketReady."
    )
    workers: Annotated[tuple[WorkerStatus, ...], Field(max_length=16), Unique(("name",))] = Field(
        default=(), description="The workers."
    )
    redis: RedisStatus | None = Field(default=None, description="Redis.")
    edge: EdgeStatus | None = Field(default=None, description="The way in.")
    migrations: MigrationsStatus | None = Field(default=None, description="The last migration.")
    checks: ChecksStatus | None = Field(default=None, description="Django's checks.")
    cleanup: Annotated[tuple[CleanupStatus, ...], Field(max_length=16), Unique(("name",))] = Field(
        default=(), description="The scheduled commands."
    )
    conditions: Annotated[tuple[ConditionStatusEntry, ...], Field(max_length=16), Unique(("type",))] = Field(
        default=(), description="Observations, each with a reason and what to do."
    )
