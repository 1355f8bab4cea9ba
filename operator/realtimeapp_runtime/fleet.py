"""What the server processes of an application's web pods tell each other: one row per process, and how old a row may get.

Plain values. Rows travel through Redis (board.py), times are Redis' own, and pods of two versions of this package may read each
other: unknown keys are ignored, and a row that cannot be read counts for nothing.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

REST_SECONDS: Final = 5.0
"""Between two beats of a process that only serves."""
BUSY_SECONDS: Final = 0.5
"""Between two beats while this process drains, or while anybody sheds."""
MISSED_BEATS: Final = 3
LEAST_SILENCE_SECONDS: Final = 3.0
"""A process short of processor time may miss beats; who takes it for gone takes its share of the rate as well."""


@dataclass(frozen=True)
class Row:
    """One process: `at` and `closes_from` in seconds of Redis' clock; `closes_from` is None while it serves."""

    pod: str
    revision: str
    open: int
    at: float
    period: float = REST_SECONDS
    closes_from: float | None = None
    shedding: bool = False

    def is_gone(self, now: float) -> bool:
        """Tell whether nothing was heard of the process for too long, at `now` of Redis' clock."""
        return now - self.at > max(MISSED_BEATS * self.period, LEAST_SILENCE_SECONDS)


@dataclass(frozen=True)
class Mark:
    """From when to when, in seconds of Redis' clock, pods may even out what they hold; see balance.py."""

    begins: float
    until: float


@dataclass(frozen=True)
class View:
    """The board as one process read it: `rows` by process without those that are gone, its own among them under `own`.

    `read_at` is monotonic, `ahead` what Redis' clock is ahead of the monotonic one.
    """

    own: str
    rows: Mapping[str, Row]
    read_at: float
    ahead: float
    mark: Mark | None = None

    def is_fresh(self, now: float) -> bool:
        """Tell whether a busy process may still act on this at `now`, monotonic."""
        return now - self.read_at <= LEAST_SILENCE_SECONDS


def encode(entry: Row | Mark) -> str:
    """Return `entry` as it stands on the board."""
    return json.dumps(asdict(entry), separators=(",", ":"))


def decode_mark(text: str | None) -> Mark | None:
    """Return the mark in `text`, or None where there is none this version understands."""
    try:
        found = json.loads(text or "null")
        return Mark(begins=float(found["begins"]), until=float(found["until"]))
    except (ValueError, TypeError, KeyError):
        return None


def decode(text: str) -> Row | None:
    """Return the row in `text`, or None where there is none this version understands."""
    try:
        found = json.loads(text)
        closes_from = found.get("closes_from")
        return Row(
            pod=str(found["pod"]),
            revision=str(found["revision"]),
            open=max(0, int(found["open"])),
            at=float(found["at"]),
            period=float(found["period"]),
            closes_from=None if closes_from is None else float(closes_from),
            shedding=bool(found.get("shedding")),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
