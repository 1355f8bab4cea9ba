"""Effective values where a default depends on the framework or on another field.

The model keeps what the user wrote; everybody who needs the effective value asks here, so a default has one home.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from realtimeapp_operator.api.jobs import Cleanup

if TYPE_CHECKING:
    from realtimeapp_operator.api.app import Spec

CLOSE_CODE = 1012
"""Service restart, IANA WebSocket close code registry."""
DAPHNE_CLOSE_CODE = 4012
"""Daphne's WebSocket library sends only 1000 and 3000-4999."""

DAILY_CLEARSESSIONS = Cleanup(name="clearsessions", schedule="17 3 * * *", command=("clearsessions",))


def channel_layer_type(spec: Spec) -> Literal["PubSub", "Core"]:
    """PubSub for Djust: nothing to evict, and it resubscribes by itself; Core for Channels."""
    if spec.channel_layer.type is not None:
        return spec.channel_layer.type
    return "PubSub" if spec.framework == "Djust" else "Core"


def session_engine(spec: Spec) -> Literal["CachedDatabase", "Database", "Cache"]:
    """A database only where one is declared: a database file inside a pod must never hold sessions."""
    if spec.session.engine is not None:
        return spec.session.engine
    return "CachedDatabase" if spec.database is not None else "Cache"


def websocket_paths(spec: Spec) -> tuple[str, ...]:
    """Paths of the WebSocket endpoints at the edge; djust's client has its path built in."""
    if spec.ingress is not None and spec.ingress.websocket_paths is not None:
        return spec.ingress.websocket_paths
    return ("/ws/live/",) if spec.framework == "Djust" else ("/ws/",)


def affinity_type(spec: Spec) -> Literal["Cookie", "None"]:
    """How a client comes back to its pod; Cookie for both frameworks."""
    if spec.ingress is not None and spec.ingress.affinity.type is not None:
        return spec.ingress.affinity.type
    return "Cookie"


def affinity_ttl_seconds(spec: Spec) -> int:
    """Lifetime of the affinity cookie: the session's, unless said otherwise."""
    if spec.ingress is not None and spec.ingress.affinity.ttl_seconds is not None:
        return spec.ingress.affinity.ttl_seconds
    return spec.session.ttl_seconds


def cleanups(spec: Spec) -> tuple[Cleanup, ...]:
    """Scheduled management commands: the user's list, also an empty one, or the framework's."""
    return (DAILY_CLEARSESSIONS,) if spec.cleanup is None else spec.cleanup


def close_code(spec: Spec) -> int:
    """Close code of a drain, one the server can send."""
    if spec.web.rollout.close_code is not None:
        return spec.web.rollout.close_code
    return DAPHNE_CLOSE_CODE if spec.web.server == "Daphne" else CLOSE_CODE


def hosts(spec: Spec) -> tuple[str, ...]:
    """ALLOWED_HOSTS: what the user named, else the hosts of the edge."""
    if spec.django.allowed_hosts:
        return spec.django.allowed_hosts
    return spec.ingress.hosts if spec.ingress is not None else ()


def replicas(spec: Spec) -> int:
    """Web pods wanted now: none while suspended."""
    return 0 if spec.suspend else spec.web.replicas
