"""The overlay's settings for djust: state and presence in Redis, lifetimes, and the limit per client address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from realtimeapp_runtime import redis_options
from realtimeapp_runtime.overlay_edge import trusts_proxies

if TYPE_CHECKING:
    from collections.abc import Mapping

    from realtimeapp_runtime.config import Config, Redis
    from realtimeapp_runtime.credentials import Credentials


def build(user: Mapping[str, Any], config: Config, credentials: Credentials) -> dict[str, Any]:
    """Return djust's settings; keys of the user's that nothing here names are kept."""
    changes: dict[str, Any] = {
        # the wrapper already made scope["client"] the true client, so djust has no proxy to count
        "DJUST_TRUSTED_PROXY_COUNT": 0,
        "DJUST_STATE_SNAPSHOT_MAX_AGE": config.session.ttl_seconds,
    }
    stated = user.get("DJUST_CONFIG") or {}
    if config.redis is not None:
        changes["DJUST_CONFIG"] = {
            **stated,
            **_build_state(stated, config, config.redis, credentials.redis_password),
        }
    if not trusts_proxies(config):
        changes["LIVEVIEW_CONFIG"] = _lift_address_limit(
            user.get("LIVEVIEW_CONFIG") or {}, stated, config.max_per_pod
        )
    if credentials.direct_database_url is not None and not user.get("DJUST_NOTIFY_DATABASE_URL"):
        # LISTEN through a transaction pooler hears nothing
        changes["DJUST_NOTIFY_DATABASE_URL"] = credentials.direct_database_url
    return changes


def _build_state(
    stated: Mapping[str, Any], config: Config, redis: Redis, password: str | None
) -> dict[str, Any]:
    url = redis_options.build_state_url(redis, password)
    by_tenant = str(stated.get("PRESENCE_BACKEND", "")).startswith("tenant_")
    return {
        "STATE_BACKEND": "redis",
        "REDIS_URL": url,
        "REDIS_KEY_PREFIX": f"{redis.key_prefix}djust:",
        # djust documents 0 as "never"; its Redis backend raises on it, so the session's seconds (>= 1) always rule
        "SESSION_TTL": config.session.ttl_seconds,
        "PRESENCE_BACKEND": "tenant_redis" if by_tenant else "redis",
        "PRESENCE_REDIS_URL": url,
        "PRESENCE_REDIS_PREFIX": f"{redis.key_prefix}djust-presence",
    }


def _lift_address_limit(liveview: Mapping[str, Any], stated: Mapping[str, Any], limit: int) -> dict[str, Any]:
    """Return LIVEVIEW_CONFIG with a per-address limit that cannot bite where every user has the edge's address.

    djust refuses the 11th socket of one address (4429, and its client then loops). A limit the user set stays; djust reads
    DJUST_CONFIG's only where LIVEVIEW_CONFIG has none.
    """
    rate = dict(liveview.get("rate_limit") or stated.get("rate_limit") or {})
    rate.setdefault("max_connections_per_ip", limit)
    return {**liveview, "rate_limit": rate}
