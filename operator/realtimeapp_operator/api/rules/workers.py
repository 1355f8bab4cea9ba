"""Rules about workers and scheduled commands: which field goes with which type."""

from __future__ import annotations

import functools
import re
import zoneinfo
from typing import TYPE_CHECKING, Final

from realtimeapp_operator.api.base import COMMAND_NAME
from realtimeapp_operator.api.jobs import Cleanup
from realtimeapp_operator.api.rules.base import Rule, cel_list
from realtimeapp_operator.api.workers import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

CELERY: Final = ("CeleryWorker", "CeleryBeat")
WITH_COMMAND: Final = ("ManagementCommand", "Custom")
_COMMAND_NAME: Final = re.compile(COMMAND_NAME)


def _names_a_command(command: tuple[str, ...]) -> bool:
    return not command or _COMMAND_NAME.fullmatch(command[0]) is not None


@functools.cache
def _time_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _is_time_zone(name: str) -> bool:
    """Whether the time zone exists; without a time zone database on this machine, whoever has one decides."""
    return not _time_zones() or name in _time_zones()


def _needs(field: str, attribute: str, types: tuple[str, ...], example: str) -> Rule:
    filled = f"has(self.{field})" if attribute == "app" else f"has(self.{field}) && self.{field}.size() > 0"
    return Rule(
        on=Worker,
        cel=f"!(self.type in {cel_list(types)}) || ({filled})",
        holds=lambda worker: worker.type not in types or bool(getattr(worker, attribute)),
        message=f"must have {field} with the type {' or '.join(types)}, such as {example}",
    )


def _only(field: str, attribute: str, types: tuple[str, ...]) -> Rule:
    empty: Callable[[Worker], bool] = lambda worker: not getattr(worker, attribute)  # noqa: E731 - short and typed
    absent = f"!has(self.{field})"
    if attribute not in {"app", "concurrency"}:
        absent = f"{absent} || self.{field}.size() == 0"
    return Rule(
        on=Worker,
        blame=field,
        cel=f"self.type in {cel_list(types)} || {absent}",
        holds=lambda worker: worker.type in types or empty(worker),
        message=f"must be left out: only {' and '.join(types)} take {field}",
    )


RULES: Final = (
    _needs("app", "app", CELERY, "app: shop"),
    _only("app", "app", CELERY),
    _only("queues", "queues", ("CeleryWorker",)),
    _only("concurrency", "concurrency", ("CeleryWorker",)),
    _needs("channels", "channels", ("ChannelsWorker",), "channels: [thumbnails]"),
    _only("channels", "channels", ("ChannelsWorker",)),
    _needs("command", "command", WITH_COMMAND, "command: [run_consumer]"),
    _only("command", "command", WITH_COMMAND),
    Rule(
        on=Worker,
        blame="replicas",
        cel="self.type != 'CeleryBeat' || self.replicas <= 1",
        holds=lambda worker: worker.type != "CeleryBeat" or worker.replicas <= 1,
        message="must be 1 or 0 with CeleryBeat: two schedulers would send every task twice",
    ),
    Rule(
        on=Worker,
        blame="command",
        cel="self.type != 'ManagementCommand' || !has(self.command) || self.command.size() == 0 "
        f"|| self.command[0].matches('{COMMAND_NAME}')",
        holds=lambda worker: worker.type != "ManagementCommand" or _names_a_command(worker.command),
        message="must begin with the name of a management command such as run_consumer, its arguments after it",
    ),
    Rule(
        on=Cleanup,
        at="command",
        cel=f"self.size() == 0 || self[0].matches('{COMMAND_NAME}')",
        holds=_names_a_command,
        message="must begin with the name of a management command such as clearsessions, its arguments after it",
    ),
    Rule(
        on=Cleanup,
        at="time_zone",
        # An unknown zone is an error of the function, which the API server reports with this rule's message.
        cel="self != 'Local' && timestamp('2000-01-01T00:00:00Z').getHours(self) >= 0",
        holds=_is_time_zone,
        message="must be a name of the time zone database such as Etc/UTC or Europe/Berlin, spelt as there",
    ),
)
