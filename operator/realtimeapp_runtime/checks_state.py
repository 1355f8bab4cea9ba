"""Rules about what must be the same for every pod: sessions, caches, djust's state and presence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from realtimeapp_runtime.checks import Facts, Settings, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from realtimeapp_runtime.config import Config

SIGNED_COOKIES: Final = "django.contrib.sessions.backends.signed_cookies"
CACHED: Final = ("django.contrib.sessions.backends.cache", "django.contrib.sessions.backends.cached_db")
PRIVATE_CACHES: Final = {
    "django.core.cache.backends.locmem.LocMemCache": "the memory of one process",
    "django.core.cache.backends.dummy.DummyCache": "nothing at all",
    "django.core.cache.backends.filebased.FileBasedCache": "the files of one pod",
}
EVICTING_CACHES: Final = {
    **PRIVATE_CACHES,
    "django.core.cache.backends.memcached.PyMemcacheCache": "a store that evicts",
    "django.core.cache.backends.memcached.PyLibMCCache": "a store that evicts",
}
_DJANGO_DEFAULT: Final = "django.core.cache.backends.locmem.LocMemCache"


@rule(
    "E010",
    meaning="djust keeps its state in the memory of one process: after a reconnect to another one it is gone.",
    remedy="Set DJUST_CONFIG['STATE_BACKEND'] to exactly 'redis' (any other text silently means memory), or leave it to the overlay.",
)
def find_state_of_one_process(settings: Settings, config: Config, _facts: Facts) -> Iterator[str]:
    """Only the exact string counts; the older setting DJUST_STATE_BACKEND may also hold a URL."""
    if config.framework != "Djust":
        return
    stated = (settings.get("DJUST_CONFIG") or {}).get("STATE_BACKEND") or settings.get("DJUST_STATE_BACKEND")
    if stated != "redis" and not str(stated).startswith(("redis://", "rediss://")):
        yield f"djust's state backend is {stated!r}."


@rule(
    "E011",
    meaning="With sessions in signed cookies djust cannot save the state of a page over its WebSocket, so a reconnect loses it.",
    remedy="Use the engine of spec.session, or any that stores sessions on the server.",
)
def find_cookie_sessions(settings: Settings, config: Config, _facts: Facts) -> Iterator[str]:
    """Djust only: elsewhere such sessions are a choice."""
    if config.framework == "Djust" and settings.get("SESSION_ENGINE") == SIGNED_COOKIES:
        yield "SESSION_ENGINE stores sessions in signed cookies."


@rule(
    "E012",
    meaning="Sessions are in a cache that the pods do not share: users are logged out whenever another pod answers.",
    remedy="Point the cache of SESSION_CACHE_ALIAS to Redis, or use sessions in the database (spec.session.engine: Database).",
)
def find_private_sessions(settings: Settings, _config: Config, _facts: Facts) -> Iterator[str]:
    """For `overlay: Disabled` and for images without the redis package."""
    if settings.get("SESSION_ENGINE") not in CACHED:
        return
    alias = settings.get("SESSION_CACHE_ALIAS", "default")
    backend = _read_backend(settings, alias)
    if backend in PRIVATE_CACHES:
        yield f"SESSION_ENGINE uses CACHES[{alias!r}], which is {PRIVATE_CACHES[backend]}."


@rule(
    "E013",
    meaning="The chat package keeps in the cache which rooms a user is in, and nowhere else: what the cache loses, users lose.",
    remedy="Leave CACHES['default'] to the overlay: a Redis without eviction.",
)
def find_memberships_that_vanish(settings: Settings, config: Config, _facts: Facts) -> Iterator[str]:
    """RealtimeChat only."""
    backend = _read_backend(settings, "default")
    if config.framework == "RealtimeChat" and backend in EVICTING_CACHES:
        yield f"CACHES['default'] is {EVICTING_CACHES[backend]}."


@rule(
    "W010",
    meaning="djust keeps presence in the memory of one process, so each pod shows only its own visitors.",
    remedy="Set DJUST_CONFIG['PRESENCE_BACKEND'] to 'redis' or 'tenant_redis', or leave it to the overlay.",
)
def find_presence_of_one_process(settings: Settings, config: Config, _facts: Facts) -> Iterator[str]:
    """Djust only."""
    stated = (settings.get("DJUST_CONFIG") or {}).get("PRESENCE_BACKEND", "memory")
    if config.framework == "Djust" and stated not in ("redis", "tenant_redis"):
        yield f"djust's presence backend is {stated!r}."


@rule(
    "W011",
    meaning="The default cache is not shared: each process fills its own, and what one of them removes the others still serve.",
    remedy="Leave CACHES['default'] to the overlay (the image then needs the package redis), or name a shared cache.",
)
def find_private_cache(settings: Settings, config: Config, facts: Facts) -> Iterator[str]:
    """Where the chat package is affected, E013 says so, and W012 where the cause is a missing package."""
    backend = _read_backend(settings, "default")
    explained = config.framework == "RealtimeChat" or _lacks_redis(settings, config, facts)
    if backend in PRIVATE_CACHES and not explained:
        yield f"CACHES['default'] is {PRIVATE_CACHES[backend]}."


@rule(
    "W012",
    meaning="The image lacks the package redis, so the application's Redis serves neither its cache nor its sessions.",
    remedy="Add redis to the image. Until then sessions are in the database where one is declared.",
)
def find_missing_redis(settings: Settings, config: Config, facts: Facts) -> Iterator[str]:
    """Only Django and ApiGatewayWebSockets come this far without it."""
    if _lacks_redis(settings, config, facts):
        yield "The package redis is not installed."


@rule(
    "W013",
    meaning="Sessions do not live as long as spec.session.ttlSeconds says, which clean-up, cookies and djust's state follow.",
    remedy="Set SESSION_COOKIE_AGE, and DJUST_CONFIG['SESSION_TTL'] with djust, to the same seconds, or leave them to the overlay.",
)
def find_other_lifetimes(settings: Settings, config: Config, _facts: Facts) -> Iterator[str]:
    """For `overlay: Disabled`."""
    lifetimes = {"SESSION_COOKIE_AGE": settings.get("SESSION_COOKIE_AGE", 1209600)}
    if config.framework == "Djust":
        lifetimes["DJUST_CONFIG['SESSION_TTL']"] = (settings.get("DJUST_CONFIG") or {}).get(
            "SESSION_TTL", 3600
        )
    for name, seconds in lifetimes.items():
        if seconds != config.session.ttl_seconds:
            yield f"{name} is {seconds} s, spec.session.ttlSeconds {config.session.ttl_seconds} s."


def _lacks_redis(settings: Settings, config: Config, facts: Facts) -> bool:
    return (
        bool(settings.get("REALTIMEAPP_OVERLAY"))
        and config.redis is not None
        and "redis" not in facts.versions
    )


def _read_backend(settings: Settings, alias: str) -> str:
    backend: str = (settings.get("CACHES") or {}).get(alias, {}).get("BACKEND", _DJANGO_DEFAULT)
    return backend


RULES: Final = (
    find_state_of_one_process,
    find_cookie_sessions,
    find_private_sessions,
    find_memberships_that_vanish,
    find_presence_of_one_process,
    find_private_cache,
    find_missing_redis,
    find_other_lifetimes,
)
