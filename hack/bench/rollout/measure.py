"""One rollout under load: everybody connected, people at work, a new image, and what they all saw of it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hack.bench.rollout.ledgers import LedgerWatch, find_fastest
from hack.bench.rollout.sides import APP
from hack.clients.crowd import Crowd
from hack.clients.departures import DepartureWatch
from hack.clients.edge import await_edge
from hack.clients.stalls import Stalls
from hack.clients.waiting import eventually_async
from hack.examples.driver import ExampleError, Target
from hack.examples.drivers.djust_counter import DjustCounter

if TYPE_CHECKING:
    from collections.abc import Callable

    from hack.bench.rollout.sides import Side, Size
    from hack.clients.kubectl import Kubectl
    from hack.examples.driver import Load, Tally

PATH: Final = "/ws/whoami/"
CLICKERS: Final = 12
"""People with a page of djust and a count in it, among the sockets that only listen."""
START_SECONDS: Final = 300.0
LOOK_SECONDS: Final = 2.0
"""Between two looks: kubectl takes as much of a processor as the clients do."""
PACE_SECONDS: Final = 5.0
KILLED: Final = 137


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Where a side is played: a namespace, a host name, and somebody who is told how it goes."""

    kubectl: Kubectl
    host: str
    say: Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one rollout was like. Seconds; closes and sockets are counts of the crowd alone."""

    side: str
    sockets: int
    seconds: float
    """From the new image to the last old pod's end."""
    closing_seconds: float
    """From the first close to the last."""
    peak: int
    source_peak: float
    """The same by the pods' own counts, 0 where they keep none: what was closed, not when it arrived."""
    pace: float
    """Closes per second over the fullest PACE_SECONDS: what is left of a peak when somebody's stall is taken out."""
    codes: dict[int, int]
    closes_by_client: tuple[int, ...]
    refusals: dict[str, int]
    downtimes: tuple[float, ...]
    killed: int
    """Pods that ended by SIGKILL."""
    departed: int
    people: Tally | None
    """None where somebody got no answer for so long that he gave up."""
    spread: float
    """Sockets of the fullest pod over the mean, afterwards."""
    stalled: float
    """The longest time the clients themselves stood still: what they read late, they read at once."""
    stranded: int
    """Sockets that seem open afterwards and whose pod is gone."""

    @property
    def reconnects_per_client(self) -> float:
        """Closes over sockets."""
        return sum(self.codes.values()) / self.sockets

    def downtime(self, quantile: float) -> float:
        """Quantile of the time between a close and the next connection; 0 without any."""
        times = sorted(self.downtimes)
        return times[min(int(quantile * len(times)), len(times) - 1)] if times else 0.0


async def measure_rollout(side: Side, size: Size, *, stage: Stage) -> Outcome:
    """Run `side`, connect everybody, put another image in, and wait until it is over.

    AssertionError where it does not come up, does not let everybody in, or does not end.
    """
    kubectl, host, say = stage.kubectl, stage.host, stage.say
    await start(side, stage=stage)
    target = Target(app=APP, host=host, namespace=kubectl.namespace, image="", new_image="", kubectl=kubectl)
    async with (
        DepartureWatch(kubectl=kubectl, selector=side.selector) as watch,
        Stalls() as stalls,
        LedgerWatch() as ledgers,
        Crowd(host=host, path=PATH, size=size.sockets) as crowd,
        DjustCounter(clickers=CLICKERS).load(target=target) as people,
    ):
        say(f"{side.name}: {size.pods} pods are ready, {size.sockets} sockets come")
        await crowd.gather(within=START_SECONDS)
        crowd.forget()
        stalls.longest = 0.0
        say(f"{side.name}: everybody is connected, {describe_spread(crowd)}; a new image")
        began = time.monotonic()
        await asyncio.to_thread(side.roll, kubectl)
        await await_settled(side, kubectl, what="the rollout is over")
        seconds = time.monotonic() - began
        await eventually_async(lambda: everybody_back(crowd), within=START_SECONDS, what="everybody is back")
        say(
            f"{side.name}: over after {seconds:.0f} s, closes {crowd.codes()}, {crowd.peak()} in a second at most"
        )
        tally = await count_people(people, say=say)
        return Outcome(
            side=side.name,
            sockets=size.sockets,
            seconds=seconds,
            closing_seconds=crowd.seconds_of_closing(),
            peak=crowd.peak(),
            source_peak=find_fastest(ledgers.samples),
            pace=crowd.peak(PACE_SECONDS) / PACE_SECONDS,
            codes=crowd.codes(),
            closes_by_client=tuple(Counter(close.client for close in crowd.closes).values()),
            refusals=dict(crowd.refusals),
            downtimes=tuple(crowd.downtimes),
            killed=sum(KILLED in departure.exit_codes.values() for departure in watch.departures.values()),
            departed=len(watch.departures),
            people=tally,
            spread=unevenness(crowd.by_pod(), pods=size.pods),
            stalled=stalls.longest,
            stranded=await asyncio.to_thread(count_stranded, crowd, kubectl, side.selector),
        )


async def count_people(people: Load, *, say: Callable[[str], None]) -> Tally | None:
    """Let everybody finish; None when somebody cannot."""
    try:
        return await people.finish()
    except (ExampleError, AssertionError) as error:
        say(f"somebody gave up: {error}")
        return None


async def start(side: Side, *, stage: Stage) -> None:
    """Apply the side's objects and wait until its pods run and the edge leads to them."""
    await asyncio.to_thread(stage.kubectl.apply, *side.objects(host=stage.host))
    await await_settled(side, stage.kubectl, what="the pods run")
    await await_edge(stage.host, "/whoami/")


async def await_settled(side: Side, kubectl: Kubectl, *, what: str) -> None:
    """Wait until the side is where it is going."""

    async def settled() -> bool:
        return await asyncio.to_thread(side.is_settled, kubectl)

    await eventually_async(settled, within=START_SECONDS, what=what, interval=LOOK_SECONDS)


async def everybody_back(crowd: Crowd) -> bool:
    """Whether every client of the crowd is connected."""
    return crowd.connected == crowd.size


def unevenness(by_pod: Counter[str], *, pods: int) -> float:
    """Sockets of the fullest pod over the mean of `pods` pods."""
    return max(by_pod.values()) * pods / by_pod.total() if by_pod else 0.0


def count_stranded(crowd: Crowd, kubectl: Kubectl, selector: str) -> int:
    """Sockets of pods that do not exist: their clients would wait for ever."""
    there = {pod["metadata"]["name"] for pod in kubectl.items("pods", selector)}
    return sum(count for pod, count in crowd.by_pod().items() if pod not in there)


def describe_spread(crowd: Crowd) -> str:
    """How the sockets lie on the pods."""
    counts = sorted(count for pod, count in crowd.by_pod().items() if pod)
    return f"{counts[0]} to {counts[-1]} on a pod" if counts else "on no pod"
