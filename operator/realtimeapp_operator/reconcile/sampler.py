"""Asks the pods of all applications for their connections, again and again, and says when the answer is news.

One part of the process. The requests of an interval are spread over it, so that a thousand applications are a steady
trickle; an application whose pods do not answer is asked ever more rarely. Writes nothing and asks the API server
nothing: what is news goes to the queue, and whether it is written is the reconcile's decision.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING, Final, Never, Protocol

from realtimeapp_operator.reconcile.loads import can_be_asked, is_news
from realtimeapp_operator.reconcile.pod_state import PodState

if TYPE_CHECKING:
    from collections.abc import Callable

    from realtimeapp_operator.probe.connections import Reading
    from realtimeapp_operator.reconcile.apps import Apps
    from realtimeapp_operator.reconcile.loads import AppLoads, Followed, Loads
    from realtimeapp_operator.reconcile.ports import Clock, Key

logger = logging.getLogger(__name__)

REST_SECONDS: Final = 30
"""Default interval at rest: two pods of each of a thousand applications are 67 requests per second, measured 0.6 ms of CPU
each."""
AUTOSCALED_SECONDS: Final = 10.0
"""Below the 15 s in which autoscalers ask."""
MOVING_SECONDS: Final = 2.0
"""While a rollout, a drain or a scale-in runs: a person looks, and decisions are made from samples of 5 s."""
TICK_SECONDS: Final = 0.5
SILENT_MAX_SECONDS: Final = 120.0
"""Longest pause between two samples of pods that never answer."""
TOLD_SILENCES: Final = 3
"""Rounds without any answer until the log says so."""


class Probe(Protocol):
    """How one pod is asked; never raises."""

    async def read(self, address: str, port: int) -> Reading | None:
        """Return what the pod says, None when it does not."""


class LoadMeter(Protocol):
    """Where the counts go for Prometheus."""

    def connections(self, key: Key, *, active: int, draining: int) -> None:
        """Open connections of an application, and how many of them are on pods about to stop."""

    def forget_connections(self, key: Key) -> None:
        """They are not known any more."""


class Sampler:
    """Fills `loads`.

    `rest_seconds` is the interval at rest, 0 for never asking anybody. `announce` is called with an application whose
    status would say something else; `phase` gives the part of the first interval that is waited (0 to 1).
    """

    def __init__(  # noqa: PLR0913 - everything from outside is injected
        self,
        *,
        loads: Loads,
        apps: Apps,
        probe: Probe,
        clock: Clock,
        meter: LoadMeter,
        announce: Callable[[Key], None],
        rest_seconds: float,
        phase: Callable[[], float] = random.random,
    ) -> None:
        self._loads = loads
        self._apps = apps
        self._probe = probe
        self._clock = clock
        self._meter = meter
        self._announce = announce
        self._rest_seconds = rest_seconds
        self._phase = phase
        self._due: dict[Key, float] = {}
        self._silences: dict[Key, int] = {}
        self._rounds: dict[Key, asyncio.Task[None]] = {}

    async def run(self) -> Never:
        """Sample until cancelled."""
        try:
            while True:
                if self._rest_seconds:
                    self._start_due_rounds()
                await self._clock.sleep(TICK_SECONDS)
        finally:
            for task in self._rounds.values():
                task.cancel()

    async def refresh(self, key: Key) -> AppLoads:
        """Ask all pods of an application now; return what is known then. Takes as long as the probe's timeout at most.

        Counts may be missing afterwards: whoever decides by them looks at `complete`, or `is_fresh`.
        """
        if self._rest_seconds and key in self._loads.followed:
            # Whatever ends the round (also the sampler), it is the loads that say what is known.
            await asyncio.wait({self._begin_round(key)})
        return self._loads.of(key)

    def _start_due_rounds(self) -> None:
        now, followed = self._clock.monotonic(), self._loads.followed
        for key in self._due.keys() - followed.keys():
            del self._due[key]
            self._silences.pop(key, None)
            self._meter.forget_connections(key)
        for key, how in followed.items():
            interval = self._seconds_between(how, now=now)
            due = self._due.get(key)
            if due is None:
                due = now + self._phase() * interval
            pause = min(
                interval * 2 ** min(self._silences.get(key, 0), 10), max(interval, SILENT_MAX_SECONDS)
            )
            due = min(due, now + pause)  # It was at rest, and is no more.
            if due <= now:
                self._begin_round(key)
                due = now + pause
            self._due[key] = due

    def _seconds_between(self, how: Followed, *, now: float) -> float:
        if now < how.moving_until:
            return min(MOVING_SECONDS, self._rest_seconds)
        if how.autoscaled:
            return min(AUTOSCALED_SECONDS, self._rest_seconds)
        return self._rest_seconds

    def _begin_round(self, key: Key) -> asyncio.Task[None]:
        """Start to ask the pods of an application, or join those who do already."""
        task = self._rounds.get(key)
        if task is None:
            task = asyncio.create_task(self._ask(key), name=f"sample {key}")
            self._rounds[key] = task
            task.add_done_callback(lambda _: self._rounds.pop(key, None))
        return task

    async def _ask(self, key: Key) -> None:
        how = self._loads.followed.get(key)
        if how is None:  # Forgotten in the moment it was begun.
            return
        pods = [pod for pod in self._loads.pods(key) if can_be_asked(pod)]
        answers = await asyncio.gather(
            *(self._probe.read(pod.detail.ip, how.port) for pod in pods if isinstance(pod.detail, PodState))
        )
        self._loads.note(key, {pod.uid: answer for pod, answer in zip(pods, answers, strict=True)})
        loads = self._loads.of(key)
        self._note_silence(key, silent=bool(pods) and not loads.complete and not any(answers))
        body = self._apps.get(key)
        if body is None or key not in self._loads.followed:
            return
        if loads.complete:
            self._meter.connections(key, active=loads.active, draining=loads.draining)
        else:
            self._meter.forget_connections(key)
        if is_news(loads, body.status, self._loads.followed[key], now=self._clock.now()):
            self._announce(key)

    def _note_silence(self, key: Key, *, silent: bool) -> None:
        before = self._silences.pop(key, 0)
        where = {"namespace": key.namespace, "object": key.name}
        if silent:
            self._silences[key] = before + 1
            if before + 1 == TOLD_SILENCES:
                logger.warning(
                    "no web pod of %s says how many connections it holds: is a NetworkPolicy in the way?",
                    key,
                    extra=where,
                )
        elif before >= TOLD_SILENCES:
            logger.info("the web pods of %s say again how many connections they hold", key, extra=where)
