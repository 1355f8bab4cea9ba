"""Background workers of a RealtimeApp."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from realtimeapp_operator.api.base import Argument, Model, PartName, PythonModule, Unique, grammar
from realtimeapp_operator.api.pods import PodTemplate

WorkerType = Literal["CeleryWorker", "CeleryBeat", "ChannelsWorker", "ManagementCommand", "Custom"]
QueueName = Annotated[
    str,
    grammar(r"^[A-Za-z0-9_.:-]+$", "must consist of letters, digits and _ . : -", shortest=1, longest=100),
]


class Worker(Model):
    """One named group of worker pods; which fields it takes depends on its type."""

    name: PartName = Field(description="Name, part of the Deployment's name.")
    type: WorkerType = Field(description="What runs.")
    app: PythonModule | None = Field(
        default=None, description="Celery application; CeleryWorker and CeleryBeat."
    )
    queues: Annotated[tuple[QueueName, ...], Field(max_length=32), Unique()] = Field(
        default=(), description="Celery queues; empty means Celery's default."
    )
    concurrency: Annotated[int, Field(ge=1, le=256)] | None = Field(
        default=None, description="Celery worker processes per pod; default 2."
    )
    channels: Annotated[tuple[QueueName, ...], Field(max_length=32), Unique()] = Field(
        default=(), description="Channel names; ChannelsWorker."
    )
    command: Annotated[tuple[Argument, ...], Field(max_length=33)] = Field(
        default=(),
        description="ManagementCommand: the command's name and arguments. Custom: the argument vector.",
    )
    replicas: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=1, description="Pods; CeleryBeat is always one."
    )
    termination_grace_period_seconds: Annotated[int, Field(ge=1, le=86400)] = Field(
        default=60, description="Time a pod has to finish its work; longer than the longest task."
    )
    pod_template: PodTemplate = Field(
        default_factory=PodTemplate, description="Merged over `spec.podTemplate`."
    )
