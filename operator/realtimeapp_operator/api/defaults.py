"""Effective values where a default depends on the framework or on another field.

The model keeps what the user wrote; everybody who needs the effective value asks here, so a default has one home.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Literal

from realtimeapp_operator.api.frameworks import FRAMEWORKS
from realtimeapp_operator.api.jobs import Cleanup
from realtimeapp_operator.api.quantity import parse_quantity
from realtimeapp_operator.api.servers import PRIVATE_RESTART, SERVERS, SERVICE_RESTART

if TYPE_CHECKING:
    from fractions import Fraction

    from realtimeapp_operator.api.app import Spec
    from realtimeapp_operator.api.frameworks import AffinityType, Layer
    from realtimeapp_operator.api.servers import Compression, Server

ASSUMED_CPUS: Final = 1
"""Processors of a pod without a CPU limit, for the number of Gunicorn's workers: what the node has says nothing."""
TARGET_PERCENT: Final = 70
"""Part of `maxPerPod` that autoscaling aims at: what is left takes newcomers in while further pods start."""
CHAT_SESSION_MIN_SECONDS: Final = 86_400
"""Youngest chat session that a clean-up may delete: a client that is back within a day keeps its own."""

CLEAR_SESSIONS: Final = Cleanup(name="clearsessions", schedule="17 3 * * *", command=("clearsessions",))
WEBSOCKET_TOKENS: Final = Cleanup(
    name="websocket-tokens", schedule="*/5 * * * *", command=("cleanupWebSocketTokens",)
)
WEBSOCKET_SESSIONS: Final = Cleanup(
    name="websocket-sessions", schedule="23 * * * *", command=("clearWebSocketSessions",)
)


def server(spec: Spec) -> Server:
    """The server of the web pods: the manifest's, else the framework's."""
    return spec.web.server or FRAMEWORKS[spec.framework].server


def holds_sockets(spec: Spec) -> bool:
    """Whether web pods can hold connections open; under WSGI there are only requests."""
    return SERVERS[server(spec)].websockets


def processes(spec: Spec) -> int:
    """Server processes of a web pod.

    An event loop fills one processor, and the pod is what is scaled: 1. A WSGI worker serves one request at a time:
    2 for each processor and 1 more, as Gunicorn's documentation says, counted from the container's limit.
    """
    if spec.web.processes_per_pod is not None:
        return spec.web.processes_per_pod
    if holds_sockets(spec):
        return 1
    limit = _cpu_limit(spec)
    return 2 * (ASSUMED_CPUS if limit is None else max(1, math.ceil(limit))) + 1


def _cpu_limit(spec: Spec) -> Fraction | None:
    """CPU limit of the web container: its own, else the application's."""
    for template in (spec.web.pod_template, spec.pod_template):
        if template.resources is not None and "cpu" in template.resources.limits:
            return parse_quantity(template.resources.limits["cpu"])
    return None


def compression(spec: Spec) -> Compression:
    """permessage-deflate of WebSockets: off, where the server can leave it."""
    return spec.web.connections.compression or SERVERS[server(spec)].compression[0]


def channel_layer_type(spec: Spec) -> Layer | None:
    """The kind of channel layer; None for a framework without one."""
    return spec.channel_layer.type or FRAMEWORKS[spec.framework].channel_layer


def session_engine(spec: Spec) -> Literal["CachedDatabase", "Database", "Cache"]:
    """A database only where one is declared: a database file inside a pod must never hold sessions."""
    if spec.session.engine is not None:
        return spec.session.engine
    return "CachedDatabase" if spec.database is not None else "Cache"


def websocket_paths(spec: Spec) -> tuple[str, ...]:
    """Paths of the WebSocket endpoints at the edge."""
    if spec.ingress is not None and spec.ingress.websocket_paths is not None:
        return spec.ingress.websocket_paths
    return FRAMEWORKS[spec.framework].websocket_paths


def affinity_type(spec: Spec) -> AffinityType:
    """How a client comes back to its pod: by a cookie where a pod may hold something for it."""
    if spec.ingress is not None and spec.ingress.affinity.type is not None:
        return spec.ingress.affinity.type
    return FRAMEWORKS[spec.framework].affinity


def affinity_ttl_seconds(spec: Spec) -> int:
    """Lifetime of the affinity cookie: the session's, unless said otherwise."""
    if spec.ingress is not None and spec.ingress.affinity.ttl_seconds is not None:
        return spec.ingress.affinity.ttl_seconds
    return spec.session.ttl_seconds


def cleanups(spec: Spec) -> tuple[Cleanup, ...]:
    """Scheduled management commands: the user's list, also an empty one, or what the framework leaves behind."""
    if spec.cleanup is not None:
        return spec.cleanup
    match spec.framework:
        case "RealtimeChat":
            return (CLEAR_SESSIONS, _chat_sessions(spec))
        case "ApiGatewayWebSockets":
            return (CLEAR_SESSIONS, WEBSOCKET_TOKENS, WEBSOCKET_SESSIONS)
        case _:
            return (CLEAR_SESSIONS,)


def _chat_sessions(spec: Spec) -> Cleanup:
    """The chat package writes a row for each connection and never deletes one."""
    age = max(CHAT_SESSION_MIN_SECONDS, spec.session.ttl_seconds)
    return Cleanup(
        name="chat-sessions",
        schedule="37 3 * * *",
        command=("clearchatsessions", f"--max-age-seconds={age}"),
    )


def close_code(spec: Spec) -> int:
    """Close code of a drain, one the server can send."""
    if spec.web.rollout.close_code is not None:
        return spec.web.rollout.close_code
    return SERVICE_RESTART if SERVERS[server(spec)].restart_codes else PRIVATE_RESTART


def hosts(spec: Spec) -> tuple[str, ...]:
    """ALLOWED_HOSTS: what the user named, else the hosts of the edge."""
    if spec.django.allowed_hosts:
        return spec.django.allowed_hosts
    return spec.ingress.hosts if spec.ingress is not None else ()


def replicas(spec: Spec) -> int:
    """Web pods wanted now: none while suspended. With autoscaling the count it starts from, within its bounds."""
    if spec.suspend:
        return 0
    scaling = spec.web.autoscaling
    if scaling is None:
        return spec.web.replicas
    return min(max(spec.web.replicas, scaling.min_replicas), scaling.max_replicas)


def target_connections(spec: Spec) -> int | None:
    """Connections per web pod that autoscaling aims at; None where it does not look at them, or there is none."""
    scaling = spec.web.autoscaling
    if scaling is None:
        return None
    if scaling.target_connections_per_pod is not None:
        return scaling.target_connections_per_pod
    if scaling.target_cpu_utilization_percentage is not None or not holds_sockets(spec):
        return None
    return max(1, spec.web.connections.max_per_pod * TARGET_PERCENT // 100)


def probe_path(spec: Spec) -> str | None:
    """Path of the WebSocket that is opened after a rollout; None where none is."""
    if spec.ingress is None or spec.ingress.websocket_probe.mode == "Disabled" or not holds_sockets(spec):
        return None
    return spec.ingress.websocket_probe.path or next(iter(websocket_paths(spec)), None)


def probe_reaches_application(spec: Spec) -> bool:
    """Whether that WebSocket is opened in the application; else the runtime in front of it answers.

    Djust's endpoint takes everybody in, and a path in the manifest is promised to. Of others nothing is known: an
    endpoint may ask who comes, or count its members.
    """
    chosen = spec.ingress is not None and spec.ingress.websocket_probe.path is not None
    return chosen or spec.framework == "Djust"
