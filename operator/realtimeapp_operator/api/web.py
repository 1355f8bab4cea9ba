"""The web tier of a RealtimeApp: server, replicas, connections, rollout, autoscaling."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from realtimeapp_operator.api.autoscaling import Autoscaling
from realtimeapp_operator.api.base import Model
from realtimeapp_operator.api.pods import PodTemplate, Probes
from realtimeapp_operator.api.servers import Compression, Server

DRAIN_LAG_SECONDS: Final = 3
"""A pod keeps serving this long after its readiness failed. Measured: new clients leave it within 0.4 s of the
deletion, clients held by a cookie within 2.3 s of the failing probe (1 s period)."""


class Connections(Model):
    """Limits and options of long-lived connections."""

    max_per_pod: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=2000,
        description="Connections one pod holds at most; a further handshake is answered 503 with Retry-After.",
    )
    compression: Compression | None = Field(
        default=None,
        description="permessage-deflate; costs about 40 KiB of memory per open socket. Default: `Disabled`; with "
        "Hypercorn, which always accepts it, `Enabled`.",
    )
    max_age_seconds: Annotated[int, Field(ge=0, le=604_800)] = Field(
        default=0,
        description="Age, give or take a tenth, at which a connection is closed and its client comes back, perhaps "
        "to another pod: 60 to 604800, or 0 for never.",
    )
    rebalance: Literal["AfterScaleOut", "Disabled"] = Field(
        default="AfterScaleOut",
        description="`AfterScaleOut`: when pods were added, those that hold more than the mean close the excess, "
        "at the pace of `rollout`; `Disabled`: new pods fill up with new clients only.",
    )


class Rollout(Model):
    """How connections are moved when pods are replaced."""

    strategy: Literal["Paced", "SurgeAll"] = Field(
        default="Paced",
        description="`Paced` replaces one pod after another; `SurgeAll` starts all new pods first, so each client reconnects once.",
    )
    max_reconnects_per_second: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=100, description="Connections the whole rollout closes per second at most."
    )
    drain_timeout_seconds: Annotated[int, Field(ge=1, le=3600)] = Field(
        default=30,
        description="Longest drain of one pod; under Gunicorn, what requests in flight get to end.",
    )
    close_code: Annotated[int, Field(ge=1000, le=4999)] | None = Field(
        default=None,
        description="WebSocket close code of a drain: 1001, 1012 or 4000-4999. Default: 1012; with Daphne, which cannot send it, 4012.",
    )
    paused: bool = Field(
        default=False,
        description="Stop replacing web pods where it is; both revisions serve until it is false again.",
    )


class DisruptionBudget(Model):
    """What a node drain may take away at once."""

    max_unavailable: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=1, description="Web pods that may be evicted at the same time."
    )


class Web(Model):
    """The pods that serve HTTP and WebSockets."""

    replicas: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=2,
        description="Web pods. With `autoscaling` only where a new or resumed application starts, within its bounds.",
    )
    autoscaling: Autoscaling | None = Field(
        default=None, description="Change the number of web pods with what they hold and use."
    )
    server: Server | None = Field(
        default=None,
        description="Server of the image; all but Gunicorn serve ASGI. Default: Gunicorn for ApiGatewayWebSockets and "
        "Django, else Uvicorn.",
    )
    processes_per_pod: Annotated[int, Field(ge=1, le=32)] | None = Field(
        default=None,
        description="Server processes per pod; server-sent-event fallbacks need 1. Default: 1; with Gunicorn twice the "
        "CPU limit of the pods and one more, 3 without a limit.",
    )
    port: Annotated[int, Field(ge=1024, le=65535)] = Field(
        default=8000, description="Port the server listens on."
    )
    ping_interval_seconds: Annotated[int, Field(ge=1, le=300)] = Field(
        default=20,
        description="WebSocket ping interval; at most half of any idle limit on the way. Granian sends no pings, Hypercorn one at least every 8 seconds.",
    )
    connections: Connections = Field(
        default_factory=Connections, description="Limits of long-lived connections."
    )
    rollout: Rollout = Field(
        default_factory=Rollout, description="How connections move when pods are replaced."
    )
    disruption_budget: DisruptionBudget = Field(
        default_factory=DisruptionBudget, description="What a node drain may take away at once."
    )
    probes: Probes = Field(default_factory=Probes, description="Overrides of the probes' timing.")
    pod_template: PodTemplate = Field(
        default_factory=PodTemplate, description="Merged over `spec.podTemplate`."
    )
