"""Autoscaling of the web tier: between which counts, by what, and whose engine does it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from realtimeapp_operator.api.base import Model

Engine = Literal["HorizontalPodAutoscaler", "KEDA"]


class Autoscaling(Model):
    """How many web pods there are, by what they hold and use; Kubernetes' own engine decides, or KEDA's."""

    min_replicas: Annotated[int, Field(ge=1, le=1000)] = Field(default=2, description="Web pods at least.")
    max_replicas: Annotated[int, Field(ge=1, le=1000)] = Field(description="Web pods at most.")
    target_connections_per_pod: Annotated[int, Field(ge=1, le=100_000)] | None = Field(
        default=None,
        description="Open connections per web pod that are aimed at, as a mean. Default: 70 % of "
        "`connections.maxPerPod` where the server holds sockets and no other target is given.",
    )
    # The spelling of Kubernetes' own autoscaler.
    target_cpu_utilization_percentage: Annotated[int, Field(ge=1, le=100)] | None = Field(
        default=None,
        alias="targetCPUUtilizationPercentage",
        description="CPU of the web pods that is aimed at, as a mean, in percent of what they request.",
    )
    engine: Engine = Field(
        default="HorizontalPodAutoscaler",
        description="`HorizontalPodAutoscaler` needs the chart's `externalMetrics.enabled` for connections, "
        "`KEDA` an installed KEDA.",
    )
