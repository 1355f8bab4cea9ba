"""What the operator changes in the user's Django settings, as a pure function of those settings.

It sets what must hold for the application to run on more than one pod: hosts, cookies, the secret key, sessions, cache, channel
layer, djust's state. It never touches INSTALLED_APPS, MIDDLEWARE, ASGI_APPLICATION, DATABASES or LOGGING.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, Final

from realtimeapp_runtime import redis_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from realtimeapp_runtime.config import Config, Redis
    from realtimeapp_runtime.credentials import Credentials

SESSION_ENGINES: Final = {
    "Cache": "django.contrib.sessions.backends.cache",
    "CachedDatabase": "django.contrib.sessions.backends.cached_db",
    "Database": "django.contrib.sessions.backends.db",
}


def list_packages(config: Config) -> dict[str, str]:
    """Return the packages the overlay needs in the image: import name -> what needs it."""
    if config.redis is None:
        return {}
    return {"redis": "the cache and the sessions", "channels_redis": "the channel layer"}


def build(
    user: Mapping[str, Any], *, config: Config, credentials: Credentials, pod_ip: str | None
) -> dict[str, Any]:
    """Return the settings that replace those in `user` (upper-case names only)."""
    changes: dict[str, Any] = {"DEBUG": False, "REALTIMEAPP_OVERLAY": True}
    if credentials.secret_key is not None:
        changes["SECRET_KEY"] = credentials.secret_key
    changes.update(_build_hosts(user, config, pod_ip))
    changes.update(_build_session(config))
    if config.redis is not None:
        changes.update(_build_redis(user, config, config.redis, credentials.redis_password))
    if config.framework == "Djust":
        changes.update(_build_djust(user, config, credentials.redis_password))
    return changes


def _build_hosts(user: Mapping[str, Any], config: Config, pod_ip: str | None) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if config.hosts:
        changes["ALLOWED_HOSTS"] = [*config.hosts, *_own_address(pod_ip)]
    if config.csrf_trusted_origins:
        origins = [*config.csrf_trusted_origins, *user.get("CSRF_TRUSTED_ORIGINS", ())]
        changes["CSRF_TRUSTED_ORIGINS"] = list(dict.fromkeys(origins))
    if config.tls:
        changes.update(SESSION_COOKIE_SECURE=True, CSRF_COOKIE_SECURE=True)
    return changes


def _own_address(pod_ip: str | None) -> list[str]:
    """Return the pod's address as Django spells a host, for scrapes that go to the pod itself."""
    if not pod_ip:
        return []
    try:
        address = ipaddress.ip_address(pod_ip)
    except ValueError:
        return []
    return [f"[{address}]" if isinstance(address, ipaddress.IPv6Address) else str(address)]


def _build_session(config: Config) -> dict[str, Any]:
    return {
        "SESSION_ENGINE": SESSION_ENGINES[config.session.engine],
        "SESSION_CACHE_ALIAS": "default",
        "SESSION_COOKIE_AGE": config.session.ttl_seconds,
    }


def _build_redis(
    user: Mapping[str, Any], config: Config, redis: Redis, password: str | None
) -> dict[str, Any]:
    changes: dict[str, Any] = {
        "CACHES": {**(user.get("CACHES") or {}), "default": redis_options.build_cache(redis, password)},
        "CHANNEL_LAYERS": {
            **(user.get("CHANNEL_LAYERS") or {}),
            "default": redis_options.build_channel_layer(config.channel_layer, redis, password),
        },
    }
    celery = redis_options.build_url(redis, password, use="celery")
    for name in ("CELERY_BROKER_URL", "CELERY_RESULT_BACKEND"):
        # another broker or result store is the user's own choice; a Redis can only be meant to be this one
        if str(user.get(name) or "").startswith(("redis:", "rediss:")):
            changes[name] = celery
    if "CELERY_BROKER_URL" not in user:
        changes["CELERY_BROKER_URL"] = celery
    return changes


def _build_djust(user: Mapping[str, Any], config: Config, password: str | None) -> dict[str, Any]:
    # the ASGI wrapper already made scope["client"] the true client, so djust has no proxy to count
    changes: dict[str, Any] = {"DJUST_TRUSTED_PROXY_COUNT": 0}
    if config.redis is not None:
        url = redis_options.build_state_url(config.redis, password)
        changes["DJUST_CONFIG"] = {
            **(user.get("DJUST_CONFIG") or {}),
            "STATE_BACKEND": "redis",
            "REDIS_URL": url,
            "REDIS_KEY_PREFIX": f"{config.redis.key_prefix}djust:",
            # djust documents 0 as "never"; its Redis backend raises on it, so the session's seconds (>= 1) always rule
            "SESSION_TTL": config.session.ttl_seconds,
            "PRESENCE_BACKEND": "redis",
            "PRESENCE_REDIS_URL": url,
            "PRESENCE_REDIS_PREFIX": f"{config.redis.key_prefix}djust-presence",
        }
    if config.trusted_hops is None and not config.trusted_cidrs:
        changes["LIVEVIEW_CONFIG"] = _lift_address_limit(
            user.get("LIVEVIEW_CONFIG") or {}, config.max_per_pod
        )
    return changes


def _lift_address_limit(liveview: Mapping[str, Any], limit: int) -> dict[str, Any]:
    """Return LIVEVIEW_CONFIG with a per-address limit that cannot bite where every user has the edge's address.

    djust refuses the 11th socket of one address (4429, and its client then loops). A limit the user set stays.
    """
    rate = dict(liveview.get("rate_limit") or {})
    rate.setdefault("max_connections_per_ip", limit)
    return {**liveview, "rate_limit": rate}
