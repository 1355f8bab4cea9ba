"""What the runtime's own checks are made of: rules over the settings, the operator's configuration and what is installed.

A rule is a pure function that yields one sentence per problem. Everything a person reads about it (docs/checks.md, the hint under a
finding) is in the rule itself. Rules say nothing about what Django's and the packages' own checks already find.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from realtimeapp_runtime.config import Config

Settings = Mapping[str, Any]
"""The upper-case names of Django's settings, as they are in the pod: with the overlay, or without where it is off."""

ERROR: Final = "ERROR"
"""Users would notice: something breaks as soon as there are two pods, or by itself."""
WARNING: Final = "WARNING"
"""Something is lost, slow or unsafe in a case that may not be this application's."""


@dataclass(frozen=True)
class Facts:
    """What a rule may know besides the settings; `versions` are of installed distributions, by normalised name."""

    versions: Mapping[str, str] = field(default_factory=dict)
    imported_with_debug: bool = False
    settings_variable: str = ""
    serves_static: bool = False
    has_collected_files: bool = False
    has_event_streams: bool = False
    database_url: str | None = field(default=None, repr=False)
    redis_urls: tuple[str, ...] = field(default=(), repr=False)
    """The application's Redis for Celery, without and with credentials."""
    broker: str | None = field(default=None, repr=False)
    result_backend: str | None = field(default=None, repr=False)
    """What Celery itself says it uses; None without Celery."""


Find = Callable[["Settings", "Config", Facts], Iterator[str]]


@dataclass(frozen=True)
class Rule:
    """`number` is E or W and three digits, never used again for anything else."""

    number: str
    meaning: str
    remedy: str
    find: Find

    @property
    def id(self) -> str:
        """The id people meet in conditions and can put into SILENCED_SYSTEM_CHECKS."""
        return f"realtimeapp.{self.number}"

    @property
    def level(self) -> str:
        """ERROR or WARNING, by the first letter of the number."""
        return ERROR if self.number.startswith("E") else WARNING


@dataclass(frozen=True)
class Finding:
    """One problem of this application."""

    rule: Rule
    message: str


def rule(number: str, *, meaning: str, remedy: str) -> Callable[[Find], Rule]:
    """Make a rule of the decorated function."""

    def make(find: Find) -> Rule:
        return Rule(number=number, meaning=meaning, remedy=remedy, find=find)

    return make


def read_major(facts: Facts, distribution: str) -> int:
    """Return the first number of the installed version of `distribution`, 0 when it is absent or has none."""
    first = facts.versions.get(distribution, "0").split(".", maxsplit=1)[0]
    return int(first) if first.isdecimal() else 0
