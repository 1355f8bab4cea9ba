"""Rules about channel layers: who hears a message, and whether an idle socket lives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

from realtimeapp_runtime.checks import Facts, Settings, read_major, rule
from realtimeapp_runtime.config import LAYERED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from realtimeapp_runtime.config import Config

IN_MEMORY: Final = "channels.layers.InMemoryChannelLayer"
CORE: Final = "channels_redis.core.RedisChannelLayer"
PUBSUB: Final = "channels_redis.pubsub.RedisPubSubChannelLayer"
BLOCKING_READ_SECONDS: Final = 5
"""For how long channels_redis waits in one read, and redis-py 8's default time-out: whichever comes first wins by chance."""
CHANGED_DEFAULTS: Final = 8
"""The major version of redis-py with a default time-out of 5 s and a default limit of 100 connections."""


@rule(
    "E001",
    meaning="The default channel layer is missing or lives in the memory of one process, so messages reach only that process.",
    remedy="Leave CHANNEL_LAYERS['default'] to the overlay, or configure channels_redis.",
)
def find_layer_of_one_process(settings: Settings, config: Config, _facts: Facts) -> Iterator[str]:
    """The overlay replaces the default layer; this is for `overlay: Disabled`."""
    if config.framework not in LAYERED:
        return
    backend = (settings.get("CHANNEL_LAYERS") or {}).get("default", {}).get("BACKEND")
    if backend is None:
        yield "CHANNEL_LAYERS has no 'default'."
    elif backend == IN_MEMORY:
        yield "CHANNEL_LAYERS['default'] is the in-memory layer."


@rule(
    "E002",
    meaning="redis-py 8 or newer ends a read after 5 s, which is as long as channels_redis waits in one: an idle WebSocket of "
    "each process is closed with 1006 every few seconds.",
    remedy="Give the layer's hosts a longer time-out, 'redis://HOST:6379/0?socket_timeout=30', as the overlay does for 'default'.",
)
def find_short_reads(settings: Settings, _config: Config, facts: Facts) -> Iterator[str]:
    """Only the core layer blocks in a read; the Pub/Sub layer polls."""
    if read_major(facts, "redis") < CHANGED_DEFAULTS:
        return
    for alias, layer in _list_layers(settings, CORE):
        hosts = _read_options(layer, "socket_timeout")
        if any(value is None or value <= BLOCKING_READ_SECONDS for value in hosts):
            yield (
                f"CHANNEL_LAYERS[{alias!r}] reads with a time-out of {BLOCKING_READ_SECONDS} s or less from redis-py "
                f"{facts.versions['redis']}."
            )


@rule(
    "E003",
    meaning="The chat package adds channels of other processes to groups, which the Pub/Sub layer cannot: joining a room fails "
    "with error 4006.",
    remedy="Use channels_redis.core.RedisChannelLayer (spec.channelLayer.type: Core).",
)
def find_layer_unfit_for_chat(settings: Settings, config: Config, _facts: Facts) -> Iterator[str]:
    """RealtimeChat only."""
    if config.framework != "RealtimeChat":
        return
    if (settings.get("CHANNEL_LAYERS") or {}).get("default", {}).get("BACKEND") == PUBSUB:
        yield "CHANNEL_LAYERS['default'] is the Pub/Sub layer."


@rule(
    "W001",
    meaning="redis-py 8 or newer allows 100 connections per pool by default; more clients than that reconnecting at once get errors.",
    remedy="Set max_connections in the layer's hosts, 'redis://HOST:6379/0?max_connections=1000', as the overlay does for 'default'.",
)
def find_few_connections(settings: Settings, _config: Config, facts: Facts) -> Iterator[str]:
    """Both layers of channels_redis."""
    if read_major(facts, "redis") < CHANGED_DEFAULTS:
        return
    for alias, layer in _list_layers(settings, CORE, PUBSUB):
        if None in _read_options(layer, "max_connections"):
            yield f"CHANNEL_LAYERS[{alias!r}] sets no max_connections for redis-py {facts.versions['redis']}."


@rule(
    "W002",
    meaning="A socket that stays open longer than the layer's group_expiry silently leaves its groups, and its session may live longer.",
    remedy="Set group_expiry of the layer to at least spec.session.ttlSeconds.",
)
def find_groups_that_end_early(settings: Settings, config: Config, _facts: Facts) -> Iterator[str]:
    """Core layers of any alias; the default of channels_redis is a day."""
    for alias, layer in _list_layers(settings, CORE):
        expiry = (layer.get("CONFIG") or {}).get("group_expiry", 86400)
        if expiry < config.session.ttl_seconds:
            yield (
                f"CHANNEL_LAYERS[{alias!r}] forgets members of groups after {expiry} s; "
                f"a session lives {config.session.ttl_seconds} s."
            )


@rule(
    "W003",
    meaning="A further channel layer lives in the memory of one process, so its messages reach only that process.",
    remedy="Configure the alias with channels_redis; the overlay replaces only 'default'.",
)
def find_further_layers_of_one_process(settings: Settings, _config: Config, _facts: Facts) -> Iterator[str]:
    """Aliases other than `default`."""
    for alias, _layer in _list_layers(settings, IN_MEMORY):
        if alias != "default":
            yield f"CHANNEL_LAYERS[{alias!r}] is the in-memory layer."


def _list_layers(settings: Settings, *backends: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for alias, layer in (settings.get("CHANNEL_LAYERS") or {}).items():
        if layer.get("BACKEND") in backends:
            yield alias, layer


def _read_options(layer: Mapping[str, Any], name: str) -> list[float | None]:
    """Return option `name` of each host of a layer, None where it is left to redis-py."""
    hosts = (layer.get("CONFIG") or {}).get("hosts") or ["redis://localhost:6379"]
    return [_read_option(host, name) for host in ([hosts] if isinstance(hosts, str) else hosts)]


def _read_option(host: object, name: str) -> float | None:
    address: object = host
    if isinstance(host, dict):
        if host.get(name) is not None:
            return float(host[name])
        address = host.get("address", "")
    values = parse_qs(urlsplit(address).query).get(name) if isinstance(address, str) else None
    return float(values[-1]) if values and values[-1].replace(".", "", 1).isdecimal() else None


RULES: Final = (
    find_layer_of_one_process,
    find_short_reads,
    find_layer_unfit_for_chat,
    find_few_connections,
    find_groups_that_end_early,
    find_further_layers_of_one_process,
)
