"""Scaling under load: who goes when pods are taken away, and how new pods get their share."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hack.bench.rollout.measure import (
    LOOK_SECONDS,
    PATH,
    START_SECONDS,
    await_settled,
    everybody_back,
    start,
    unevenness,
)
from hack.bench.rollout.report import EVEN
from hack.bench.rollout.sides import APP
from hack.clients.application import is_ready
from hack.clients.crowd import Crowd
from hack.clients.waiting import eventually_async
from realtimeapp_operator.probe.connections import ConnectionProbe

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping, Sequence

    from hack.bench.rollout.measure import Stage
    from hack.bench.rollout.sides import Side, Size
    from hack.clients.kubectl import Kubectl

EVEN_SECONDS: Final = 600.0
PORT: Final = 8000
"""The default of `web.port`."""
REST_SECONDS: Final = 1.5
"""Longer than the second for which the operator takes a count as fresh: a load that changes in that second is another one."""
LEAST_SHARE: Final = 0.1
"""Of a full pod's load: what the emptiest pod of a seed is left with at least."""


@dataclass(frozen=True, kw_only=True)
class ScaleIn:
    """Half of the pods taken away from an uneven load."""

    seed: int
    before: tuple[int, ...]
    """Sockets by pod."""
    victims: tuple[int, ...]
    """Of these, those of the pods that went."""
    codes: dict[int, int]
    peak: int
    seconds: float

    @property
    def worst_ratio(self) -> float:
        """The i-th lightest victim over the i-th least loaded pod, at worst: 1 when exactly the lightest went."""
        least = sorted(self.before)
        return max(
            (
                victim / max(lightest, 1)
                for victim, lightest in zip(sorted(self.victims), least, strict=False)
            ),
            default=float("inf"),
        )


@dataclass(frozen=True, kw_only=True)
class ScaleOut:
    """Pods added to an even load."""

    pods_before: int
    pods_after: int
    sockets: int
    spread_before: float
    spread_after: float
    seconds: float
    """From the last new pod's readiness until the load was even, or until time was up."""
    peak: int
    codes: dict[int, int]
    refusals: dict[str, int]
    p50: float
    p99: float


async def measure_scale_in(side: Side, size: Size, *, seeds: int, stage: Stage) -> list[ScaleIn]:
    """Make the load uneven and halve the pods, once per seed; `size` is that of the full set of pods."""
    kubectl, host, say = stage.kubectl, stage.host, stage.say
    await start(side, stage=stage)
    results = []
    async with Crowd(host=host, path=PATH, size=size.sockets, sticky=False) as crowd:
        for seed in range(1, seeds + 1):
            crowd.scatter()
            await asyncio.to_thread(scale, kubectl, size.pods)
            await await_settled(side, kubectl, what="all pods run")
            await crowd.gather(within=START_SECONDS)
            await eventually_async(lambda: everybody_named(crowd), within=START_SECONDS, what="all named")
            before = make_uneven(crowd, seed=seed)
            await await_rest(kubectl, side.selector, before)
            crowd.forget()
            began = time.monotonic()
            await asyncio.to_thread(scale, kubectl, size.pods // 2)
            # A cost is written once a minute at most, so a step may wait as long; Ready says so and stays true.
            await eventually_async(
                lambda: asyncio.to_thread(has_pods, kubectl, side.selector, size.pods // 2),
                within=START_SECONDS,
                what="half of the pods are gone",
                interval=LOOK_SECONDS,
            )
            seconds = time.monotonic() - began
            left = await asyncio.to_thread(name_pods, kubectl, side.selector)
            results.append(
                ScaleIn(
                    seed=seed,
                    before=tuple(before.values()),
                    victims=tuple(count for pod, count in before.items() if pod not in left),
                    codes=crowd.codes(),
                    peak=crowd.peak(),
                    seconds=seconds,
                )
            )
            say(f"seed {seed}: {sorted(before.values())}, gone {sorted(results[-1].victims)}")
    return results


async def measure_scale_out(side: Side, size: Size, *, to: int, stage: Stage) -> ScaleOut:
    """Add pods and wait until they carry their share, or until time is up."""
    kubectl, host, say = stage.kubectl, stage.host, stage.say
    await start(side, stage=stage)
    async with Crowd(host=host, path=PATH, size=size.sockets) as crowd:
        await crowd.gather(within=START_SECONDS)
        crowd.forget()
        await asyncio.to_thread(scale, kubectl, to)
        await eventually_async(
            lambda: asyncio.to_thread(has_pods, kubectl, side.selector, to),
            within=START_SECONDS,
            what="the new pods are ready",
            interval=LOOK_SECONDS,
        )
        before = unevenness(crowd.by_pod(), pods=to)
        say(f"{to} pods are ready, the fullest has {before:.2f} times the mean")
        began = time.monotonic()
        while time.monotonic() - began < EVEN_SECONDS:
            await asyncio.sleep(1)
            if crowd.connected == crowd.size and unevenness(crowd.by_pod(), pods=to) <= EVEN:
                break
        downtimes = sorted(crowd.downtimes) or [0.0]
        return ScaleOut(
            pods_before=size.pods,
            pods_after=to,
            sockets=size.sockets,
            spread_before=before,
            spread_after=unevenness(crowd.by_pod(), pods=to),
            seconds=time.monotonic() - began,
            peak=crowd.peak(),
            codes=crowd.codes(),
            refusals=dict(crowd.refusals),
            p50=downtimes[len(downtimes) // 2],
            p99=downtimes[int(len(downtimes) * 0.99)],
        )


def make_uneven(crowd: Crowd, *, seed: int) -> Counter[str]:
    """Send clients home, from each pod another share of them; return what is left by pod."""
    source = random.Random(seed)  # noqa: S311 - reproducible, not a secret
    for pod, count in sorted(crowd.by_pod().items()):
        crowd.leave_from(pod, keep=max(1, int(count * source.uniform(LEAST_SHARE, 1.0))))
    return crowd.by_pod()


async def await_rest(kubectl: Kubectl, selector: str, loads: Mapping[str, int]) -> None:
    """Wait until each pod has noticed who went home, for as long as the operator may go by a count it has."""
    pods = await asyncio.to_thread(kubectl.items, "pods", selector)
    addresses = {pod["metadata"]["name"]: pod["status"]["podIP"] for pod in pods}
    since = time.monotonic()
    async with ConnectionProbe() as probe:

        async def rests() -> bool:
            nonlocal since
            said = await asyncio.gather(*(probe.read(addresses[pod], PORT) for pod in loads))
            if [reading and reading.connections for reading in said] != list(loads.values()):
                since = time.monotonic()
            return time.monotonic() - since > REST_SECONDS

        await eventually_async(rests, within=START_SECONDS, what="the pods know what they hold")


async def everybody_named(crowd: Crowd) -> bool:
    """Whether every client is connected and knows its pod."""
    return await everybody_back(crowd) and "" not in crowd.by_pod()


def scale(kubectl: Kubectl, replicas: int) -> None:
    """What a person does."""
    kubectl.run("scale", "rta", APP, f"--replicas={replicas}")


def name_pods(kubectl: Kubectl, selector: str) -> Sequence[str]:
    """Names of the web pods that stay."""
    pods = kubectl.items("pods", selector)
    return [pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"]]


def has_pods(kubectl: Kubectl, selector: str, wanted: int) -> bool:
    """Whether there are that many pods, and all of them ready."""
    pods = kubectl.items("pods", selector)
    return len(pods) == wanted and all(is_ready(pod) for pod in pods)
