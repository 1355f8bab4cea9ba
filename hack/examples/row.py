"""A row of the table, what is wrong with it, and the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hack.examples.disruption import Disruption

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from hack.examples.driver import Tally

HEADER = (
    "example",
    "Ready",
    "job done",
    "during",
    "closes",
    "sent",
    "lost",
    "twice",
    "HTTP errors",
    "state lost",
    "MiB",
)
RIGHT = frozenset({"Ready", "lost", "twice", "HTTP errors", "state lost"})


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one example did."""

    name: str
    ready_seconds: float
    job: str
    tallies: Mapping[Disruption, Tally]
    planned_codes: frozenset[int]
    memory: tuple[float, ...]
    """MiB of each web pod after the job."""


def find_faults(row: Row) -> list[str]:
    """What must not be in a row, one sentence each; empty when all is well."""
    return [
        f"{row.name}, {disruption.value}: {fault}"
        for disruption, tally in row.tallies.items()
        for fault in _find_faults(row, disruption, tally)
    ]


def _find_faults(row: Row, disruption: Disruption, tally: Tally) -> list[str]:
    faults = []
    if tally.lost:
        faults.append(f"{tally.lost} of {tally.sent} {tally.unit} lost")
    if tally.doubled:
        faults.append(f"{tally.doubled} of {tally.sent} {tally.unit} arrived twice")
    if tally.state_losses:
        faults.append(f"{tally.state_losses} clients lost their state")
    if row.planned_codes and not tally.closes:
        faults.append("no socket was closed, so nothing was shown")
    if disruption is Disruption.ROLLOUT:
        abnormal = {code: count for code, count in tally.closes.items() if code not in row.planned_codes}
        if abnormal:
            faults.append(f"abnormal closes: {say_closes(abnormal)}")
        if tally.http_errors:
            faults.append(f"{tally.http_errors} of {tally.requests} HTTP requests failed")
    return faults


def render_table(rows: Sequence[Row]) -> str:
    """The table: a line per example and disruption."""
    return align(HEADER, [line for row in rows for line in _render(row)], right=RIGHT)


def align(header: Sequence[str], lines: Sequence[Sequence[str]], *, right: Collection[str]) -> str:
    """Header and lines in columns, those named in `right` flush right."""
    widths = [max(len(line[column]) for line in (header, *lines)) for column in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if title in right else cell.ljust(width)
            for title, cell, width in zip(header, line, widths, strict=True)
        ).rstrip()
        for line in (header, *lines)
    )


def _render(row: Row) -> list[tuple[str, ...]]:
    start = (row.name, f"{row.ready_seconds:.1f} s", row.job)
    memory = ", ".join(f"{mebibytes:.0f}" for mebibytes in row.memory)
    lines: list[tuple[str, ...]] = []
    for disruption, tally in row.tallies.items():
        figures = (
            disruption.value,
            say_closes(tally.closes),
            f"{tally.sent} {tally.unit}",
            str(tally.lost),
            str(tally.doubled),
            f"{tally.http_errors} of {tally.requests}" if tally.requests else "-",
            str(tally.state_losses),
        )
        lines.append((*(start if not lines else ("", "", "")), *figures, "" if lines else memory))
    return lines


def say_closes(closes: Mapping[int, int]) -> str:
    """`40 x 1012, 1 x 1006`; a dash for none."""
    return ", ".join(f"{count} x {code}" for code, count in sorted(closes.items())) or "-"
