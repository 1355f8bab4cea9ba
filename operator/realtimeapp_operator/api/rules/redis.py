"""Rules about Redis: memory that fits its container, a volume that fits its memory and does not change."""

from __future__ import annotations

from typing import Final

from realtimeapp_operator.api.quantity import parse_quantity
from realtimeapp_operator.api.redis import StandaloneRedis, Storage
from realtimeapp_operator.api.rules.base import Rule

MEMORY: Final = ("16Mi", "1Ti")
"""Bounds of maxMemory: an empty Redis 7 takes about 1 MiB; one process above 1 TiB is no single server's job."""
STORAGE: Final = ("64Mi", "64Ti")


def _between(text: str, bounds: tuple[str, str]) -> bool:
    return parse_quantity(bounds[0]) <= parse_quantity(text) <= parse_quantity(bounds[1])


def _between_cel(bounds: tuple[str, str]) -> str:
    low, high = bounds
    return f"quantity(self).compareTo(quantity('{low}')) >= 0 && quantity(self).compareTo(quantity('{high}')) <= 0"


def _log_fits(redis: StandaloneRedis) -> bool:
    return parse_quantity(redis.storage.size) >= 2 * parse_quantity(redis.max_memory)


def _memory_fits(redis: StandaloneRedis) -> bool:
    limit = None if redis.resources is None else redis.resources.limits.get("memory")
    return limit is None or parse_quantity(limit) > parse_quantity(redis.max_memory)


RULES: Final = (
    Rule(
        on=StandaloneRedis,
        at="max_memory",
        cel=_between_cel(MEMORY),
        holds=lambda text: _between(text, MEMORY),
        message="must be between 16Mi and 1Ti",
    ),
    Rule(
        on=StandaloneRedis,
        blame="storage.size",
        cel="quantity(self.storage.size).compareTo("
        "quantity(self.maxMemory).add(quantity(self.maxMemory))) >= 0",
        holds=_log_fits,
        message="must be at least twice redis.standalone.maxMemory: the log and its rewrite lie side by side",
    ),
    Rule(
        on=StandaloneRedis,
        blame="resources",
        cel="!has(self.resources) || !has(self.resources.limits) || !('memory' in self.resources.limits) "
        "|| quantity(self.resources.limits['memory']).compareTo(quantity(self.maxMemory)) > 0",
        holds=_memory_fits,
        message="must have a memory limit above maxMemory, best twice as much: Redis would be killed otherwise",
    ),
    Rule(
        on=Storage,
        at="size",
        cel=_between_cel(STORAGE),
        holds=lambda text: _between(text, STORAGE),
        message="must be between 64Mi and 64Ti",
    ),
    Rule(
        on=Storage,
        at="size",
        cel="self == oldSelf",
        holds=None,
        message="must stay as it was created: a StatefulSet's volume cannot change its size",
    ),
    Rule(
        on=Storage,
        cel="has(self.className) == has(oldSelf.className) "
        "&& (!has(self.className) || self.className == oldSelf.className)",
        holds=None,
        message="must keep className as it was created: a volume cannot change its StorageClass",
    ),
)
