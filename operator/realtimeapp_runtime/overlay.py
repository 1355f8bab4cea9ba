"""What the operator changes in the user's Django settings, as a pure function of those settings.

It sets what must hold for the application to run on more than one pod: hosts, cookies, the secret key, sessions, cache, channel
layer, djust's state, Celery's broker. It never touches INSTALLED_APPS, MIDDLEWARE, ASGI_APPLICATION, STORAGES, WEBSOCKETS,
REALTIME_CHAT_MESSAGING or the credentials in DATABASES.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from realtimeapp_runtime import json_log, overlay_celery, overlay_djust, overlay_edge, redis_options

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from realtimeapp_runtime.config import Config, Redis
    from realtimeapp_runtime.credentials import Credentials

SESSION_ENGINES: Final = {
    "Cache": "django.contrib.sessions.backends.cache",
    "CachedDatabase": "django.contrib.sessions.backends.cached_db",
    "Database": "django.contrib.sessions.backends.db",
}
POSTGRESQL: Final = ("django.db.backends.postgresql", "django.contrib.gis.db.backends.postgis")
_USER_CACHE_KEYS: Final = ("TIMEOUT", "VERSION", "KEY_FUNCTION")


def list_packages(config: Config) -> dict[str, str]:
    """Return the packages without which the pods would not share their state: import name -> what needs it."""
    if config.redis is None or config.channel_layer is None:
        return {}
    return {"redis": "the cache and the sessions", "channels_redis": "the channel layer"}


def build(
    user: Mapping[str, Any],
    *,
    config: Config,
    credentials: Credentials,
    pod_ip: str | None,
    missing: Collection[str] = (),
) -> dict[str, Any]:
    """Return the settings that replace those in `user` (upper-case names only); `missing` are packages the image lacks."""
    shares_redis = config.redis is not None and "redis" not in missing
    changes: dict[str, Any] = {"DEBUG": False, "REALTIMEAPP_OVERLAY": True}
    if credentials.secret_key is not None:
        changes["SECRET_KEY"] = credentials.secret_key
    changes.update(overlay_edge.build(user, config, pod_ip))
    changes.update(_build_session(config, shares_redis=shares_redis))
    if config.redis is not None:
        if shares_redis:
            changes.update(_build_redis(user, config, config.redis, credentials.redis_password))
        changes.update(overlay_celery.build(user, config.redis, credentials.redis_password))
    if config.framework == "Djust":
        changes.update(overlay_djust.build(user, config, credentials))
    if config.pooling == "TransactionPooler":
        changes.update(_build_pooled_databases(user))
    if config.static_root is not None:
        changes["STATIC_ROOT"] = config.static_root
    if "LOGGING" not in user:
        changes["LOGGING"] = json_log.LOGGING
    return changes


def _build_session(config: Config, *, shares_redis: bool) -> dict[str, Any]:
    changes: dict[str, Any] = {"SESSION_COOKIE_AGE": config.session.ttl_seconds}
    if shares_redis or config.session.engine == "Database":
        changes.update(SESSION_ENGINE=SESSION_ENGINES[config.session.engine], SESSION_CACHE_ALIAS="default")
    elif config.database_url_file is not None:
        # the user's cache is that of one process, the database is everybody's
        changes["SESSION_ENGINE"] = SESSION_ENGINES["Database"]
    return changes


def _build_redis(
    user: Mapping[str, Any], config: Config, redis: Redis, password: str | None
) -> dict[str, Any]:
    caches = user.get("CACHES") or {}
    cache = caches.get("default") or {}
    # how long a key lives is the application's business: the chat package keeps memberships in the cache for ever
    kept = {key: value for key, value in cache.items() if key in _USER_CACHE_KEYS}
    changes: dict[str, Any] = {
        "CACHES": {**caches, "default": {**kept, **redis_options.build_cache(redis, password, cache)}}
    }
    if config.channel_layer is not None:
        layers = user.get("CHANNEL_LAYERS") or {}
        changes["CHANNEL_LAYERS"] = {
            **layers,
            "default": redis_options.build_channel_layer(
                config.channel_layer, redis, password, layers.get("default") or {}
            ),
        }
    return changes


def _build_pooled_databases(user: Mapping[str, Any]) -> dict[str, Any]:
    """Return DATABASES as a transaction pooler needs them: it hands every transaction to another connection."""
    return {
        "DATABASES": {
            alias: {**entry, "DISABLE_SERVER_SIDE_CURSORS": True, "CONN_MAX_AGE": 0}
            if entry.get("ENGINE") in POSTGRESQL
            else entry
            for alias, entry in (user.get("DATABASES") or {}).items()
        }
    }
