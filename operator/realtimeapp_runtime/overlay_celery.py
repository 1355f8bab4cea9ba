"""The overlay's settings for Celery: the application's Redis as broker where the user means a Redis at all.

Celery reads CELERY_BROKER_URL and CELERY_RESULT_BACKEND from the environment before any setting, so those are judged as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from realtimeapp_runtime import redis_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from realtimeapp_runtime.config import Redis

VARIABLES: Final = ("CELERY_BROKER_URL", "CELERY_RESULT_BACKEND")
TRANSPORT_OPTIONS: Final = {"socket_connect_timeout": 5, "socket_keepalive": True}
"""Seconds, and probes of the kernel: without them a worker may wait for hours on a Redis node that vanished silently."""
_DEVELOPMENT_HOSTS: Final = (None, "localhost", "127.0.0.1", "::1", "redis")


def build(user: Mapping[str, Any], redis: Redis, password: str | None) -> dict[str, Any]:
    """Return Celery's settings under the usual prefix CELERY_."""
    url = redis_options.build_url(redis, password, use="celery")
    # another broker or result store is the user's own choice; a Redis in the settings can only be meant to be this one
    changes: dict[str, Any] = {name: url for name in VARIABLES if is_redis(user.get(name))}
    if user.get("CELERY_BROKER_URL") is None:
        changes["CELERY_BROKER_URL"] = url
    if "CELERY_BROKER_URL" in changes:
        changes["CELERY_BROKER_TRANSPORT_OPTIONS"] = {
            **TRANSPORT_OPTIONS,
            **(user.get("CELERY_BROKER_TRANSPORT_OPTIONS") or {}),
        }
    return changes


def list_replaced_variables(environ: Mapping[str, str]) -> list[str]:
    """Return the variables of VARIABLES that name a developer's Redis, as images made for docker compose have them.

    Any other address was written for this deployment and is kept.
    """
    return [
        name
        for name in VARIABLES
        if is_redis(environ.get(name)) and urlsplit(environ[name]).hostname in _DEVELOPMENT_HOSTS
    ]


def is_redis(value: object) -> bool:
    """Tell whether a broker or result store is some Redis."""
    return isinstance(value, str) and value.startswith(("redis:", "rediss:"))
