"""What the shop's tables say about its tasks: which were lost, which ran twice, whether one scheduler alone ticked."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hack.examples.drivers.database import query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hack.clients.kubectl import Kubectl

_COUNT_RUNS = """
    SELECT count(*) FILTER (WHERE ended = 0), count(*) FILTER (WHERE begun > 1)
    FROM (
        SELECT wanted.id, count(run.id) AS begun, count(run.ended_at) AS ended
        FROM unnest(string_to_array(:'numbers', ',')::bigint[]) AS wanted(id)
        LEFT JOIN orders_taskrun AS run ON run.order_id = wanted.id
        GROUP BY wanted.id
    ) AS counted
"""
_TICKS = """
    SELECT sender, extract(epoch FROM sent_at)
    FROM orders_tick
    WHERE sent_at > to_timestamp(:'since')
    ORDER BY sent_at
"""
PERIOD = timedelta(seconds=3)
"""Of the tick, in the shop's settings."""


@dataclass(frozen=True, kw_only=True)
class Runs:
    """How the tasks of some orders went."""

    unfinished: int
    """Orders without a run that reached its end."""
    repeated: int
    """Orders whose task began more than once."""


@dataclass(frozen=True, kw_only=True)
class Tick:
    """One tick: which scheduler sent it, and when."""

    sender: str
    sent_at: datetime


async def count_runs(kubectl: Kubectl, orders: Sequence[int]) -> Runs:
    """Look up the runs of the tasks of `orders`, which must not be empty."""
    ((unfinished, repeated),) = await query(kubectl, _COUNT_RUNS, numbers=",".join(map(str, orders)))
    return Runs(unfinished=int(unfinished), repeated=int(repeated))


async def read_clock(kubectl: Kubectl) -> datetime:
    """The database's time now."""
    ((seconds,),) = await query(kubectl, "SELECT extract(epoch FROM now())")
    return datetime.fromtimestamp(float(seconds), tz=UTC)


async def read_ticks(kubectl: Kubectl, *, since: datetime) -> list[Tick]:
    """Ticks that were sent after `since`, in the order in which they were sent."""
    rows = await query(kubectl, _TICKS, since=since.timestamp())
    return [
        Tick(sender=sender, sent_at=datetime.fromtimestamp(float(seconds), tz=UTC))
        for sender, seconds in rows
    ]


def find_double_ticks(ticks: Sequence[Tick]) -> list[str]:
    """Sentences about ticks that a single scheduler cannot have sent; empty when all is well.

    Two at once show in two ways: one that was relieved ticks again, or a tick comes long before it is due. Half a
    period is allowed for a scheduler that was late once and is on time again.
    """
    faults = []
    relieved: set[str] = set()
    for before, tick in itertools.pairwise(ticks):
        if tick.sender != before.sender:
            relieved.add(before.sender)
        if tick.sender in relieved:
            faults.append(f"{tick.sender} ticked at {tick.sent_at:%H:%M:%S} after another had taken over")
        if tick.sent_at - before.sent_at < PERIOD / 2:
            apart = (tick.sent_at - before.sent_at).total_seconds()
            faults.append(f"{before.sender} and {tick.sender} ticked {apart:.2f} s apart")
    return faults
