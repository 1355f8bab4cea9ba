"""How the libraries in the user's image are told to use Redis so that a restart of Redis costs no WebSocket.

The numbers come from measurements with redis-py 8.1 and channels_redis 4.3 (docs/runtime.md, "Redis options"). `redis` is imported
only inside the functions that need its objects, so a missing package is reported as such and not as an ImportError.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from realtimeapp_runtime.config import ChannelLayer, Redis

MAX_CONNECTIONS: Final = 1000
"""Per process. redis-py 8 stops at 100, which 600 clients reconnecting at once exceed."""
CONNECT_SECONDS: Final = 2
HEALTH_CHECK_SECONDS: Final = 15
CACHE_SECONDS: Final = 5
LAYER_SECONDS: Final = 30
"""Read timeout of the channel layer. redis-py 8's default of 5 s equals the layer's blocking read and ends idle sockets."""
LAYER_RETRIES: Final = 12
"""With a backoff of 0.1 s doubling to 2 s: 20 s, more than a Redis pod needs to come back."""
CACHE_RETRIES: Final = 6
"""With a backoff of 0.05 s doubling to 1 s: 2.5 s, so a page waits a little rather than failing."""

POOL_CLASS: Final = "realtimeapp_runtime.redispool.SharedPool"

DJANGO_REDIS: Final = "django_redis."
"""Start of the backends of the package django-redis. Code that uses more of them than Django's cache API needs them kept."""
_OTHER_SERVERS: Final = frozenset(
    {"USERNAME", "PASSWORD", "CLIENT_CLASS", "CONNECTION_FACTORY", "CONNECTION_POOL_CLASS", "SENTINELS"}
)
"""Options of django-redis that belong to the server the settings meant, or to another kind of server."""
_LAYER_KEYS: Final = {
    "PubSub": ("symmetric_encryption_keys", "serializer_format", "on_disconnect", "on_reconnect"),
    "Core": ("symmetric_encryption_keys", "serializer_format", "channel_capacity"),
}
"""Options of a channels_redis layer that say nothing about the server."""


def build_url(redis: Redis, password: str | None, *, use: str | None = None, options: str = "") -> str:
    """Return a redis:// URL with every byte of the credentials quoted; `use` names one of `redis.databases`."""
    login = "" if password is None else f"{quote(redis.username, safe='')}:{quote(password, safe='')}@"
    host = f"[{redis.host}]" if ":" in redis.host else redis.host
    number = redis.databases["state" if use is None else use]
    return f"redis://{login}{host}:{redis.port}/{number}{'?' + options if options else ''}"


def build_state_url(redis: Redis, password: str | None) -> str:
    """Return the URL for djust's state and presence, which take options only in the URL."""
    return build_url(
        redis,
        password,
        use="state",
        options=f"max_connections={MAX_CONNECTIONS}&socket_connect_timeout={CONNECT_SECONDS}"
        f"&socket_timeout={CACHE_SECONDS}&health_check_interval={HEALTH_CHECK_SECONDS}",
    )


def build_cache(redis: Redis, password: str | None, user: Mapping[str, Any]) -> dict[str, Any]:
    """Return the CACHES entry in place of `user`: one shared pool per process, and commands that outlive a short absence of Redis."""
    connection = {
        "max_connections": MAX_CONNECTIONS,
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": CACHE_SECONDS,
        "health_check_interval": HEALTH_CHECK_SECONDS,
        **_build_sync_retry(),
    }
    entry: dict[str, Any] = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        # a list: Django splits a string at commas and semicolons
        "LOCATION": [build_url(redis, password, use="cache")],
        "KEY_PREFIX": f"{redis.key_prefix}cache",
        "OPTIONS": {"pool_class": POOL_CLASS, **connection},
    }
    if str(user.get("BACKEND")).startswith(DJANGO_REDIS):
        options = {
            name: value for name, value in (user.get("OPTIONS") or {}).items() if name not in _OTHER_SERVERS
        }
        stated = options.get("CONNECTION_POOL_KWARGS") or {}
        entry["BACKEND"] = user["BACKEND"]
        entry["OPTIONS"] = {**options, "CONNECTION_POOL_KWARGS": {**stated, **connection}}
    return entry


def build_channel_layer(
    layer: ChannelLayer, redis: Redis, password: str | None, user: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the CHANNEL_LAYERS entry in place of `user`; the credentials are arguments, not a URL, so nothing needs quoting."""
    # imported here: it needs the redis package
    from realtimeapp_runtime.redis_connection import Connection  # noqa: PLC0415

    host: dict[str, Any] = {
        "connection_class": Connection,
        "host": redis.host,
        "port": redis.port,
        "db": redis.databases["channels"],
        "max_connections": MAX_CONNECTIONS,
        "socket_timeout": LAYER_SECONDS,
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_keepalive": True,
        "health_check_interval": HEALTH_CHECK_SECONDS,
        **_build_async_retry(),
    }
    if password is not None:
        host.update(username=redis.username, password=password)
    options: dict[str, Any] = {"hosts": [host], "prefix": f"{redis.key_prefix}asgi"}
    if str(user.get("BACKEND")).startswith("channels_redis."):
        stated = user.get("CONFIG") or {}
        options.update({name: stated[name] for name in _LAYER_KEYS[layer.type] if name in stated})
    if layer.type == "PubSub":
        return {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": options}
    options.update(
        capacity=layer.capacity, expiry=layer.expiry_seconds, group_expiry=layer.group_expiry_seconds
    )
    return {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": options}


def _build_sync_retry() -> dict[str, Any]:
    from redis.backoff import ExponentialBackoff  # noqa: PLC0415 - see the module docstring
    from redis.retry import Retry  # noqa: PLC0415

    return {"retry": Retry(ExponentialBackoff(cap=1, base=0.05), CACHE_RETRIES), "retry_on_error": _errors()}


def _build_async_retry() -> dict[str, Any]:
    from redis.asyncio.retry import Retry  # noqa: PLC0415 - see the module docstring
    from redis.backoff import ExponentialBackoff  # noqa: PLC0415

    return {"retry": Retry(ExponentialBackoff(cap=2, base=0.1), LAYER_RETRIES), "retry_on_error": _errors()}


def _errors() -> list[type[Exception]]:
    from redis import exceptions  # noqa: PLC0415 - see the module docstring

    return [exceptions.ConnectionError, exceptions.TimeoutError, exceptions.BusyLoadingError]
