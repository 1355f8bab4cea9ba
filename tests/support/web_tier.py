"""The web pods of an application in memory: Deployment, ReplicaSet and kubelet as one, and clients that are counted."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

from realtimeapp_operator import names
from realtimeapp_operator.kube.kinds import Ref
from realtimeapp_operator.probe.connections import Reading
from tests.support.replica_set import victims
from tests.support.world import KEY, deployment_status

if TYPE_CHECKING:
    from tests.support.world import World

NEVER = "2026-01-01T00:00:00Z"


class Gone(NamedTuple):
    """A pod that was taken away: what it held, and the least any pod held that could have gone instead."""

    name: str
    held: int
    least: int


class WebTier:
    """Web pods that follow the Deployment's number as Kubernetes makes them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.gone: list[Gone] = []
        self.heaviest = 0
        """Most connections on pods that were leaving at the same time."""
        self._numbers = itertools.count(1)

    @property
    def wanted(self) -> int:
        """Replicas of the Deployment."""
        replicas: int = self.world.child("Deployment", names.web(KEY.name))["spec"]["replicas"]
        return replicas

    def staying(self) -> list[dict[str, Any]]:
        """Pods that nobody has told to go."""
        return [pod for pod in self._pods() if "deletionTimestamp" not in pod["metadata"]]

    def leaving(self) -> list[dict[str, Any]]:
        """Pods that are draining."""
        return [pod for pod in self._pods() if "deletionTimestamp" in pod["metadata"]]

    def hold(self, *loads: int) -> None:
        """Let the pods that stay hold so many connections, in the order of their names."""
        for pod, load in zip(self.staying(), loads, strict=True):
            self.world.probe.holds[pod["status"]["podIP"]] = Reading(load, draining=False)

    def held(self, pod: dict[str, Any]) -> int:
        """What a pod holds."""
        reading = self.world.probe.holds.get(pod["status"]["podIP"])
        return reading.connections if reading is not None else 0

    def control(self) -> None:
        """Let the controllers do what is due: pods come and go until there are as many as wanted."""
        staying = self.staying()
        for _ in range(self.wanted - len(staying)):
            self._start()
        going = victims(staying, max(len(staying) - self.wanted, 0), now=self.world.clock.monotonic())
        least = sorted(self.held(pod) for pod in staying)
        for pod, fewest in zip(going, least, strict=False):
            self.gone.append(Gone(pod["metadata"]["name"], self.held(pod), fewest))
            self.world.cluster.edit(
                Ref.of(pod), lambda live: live["metadata"].update(deletionTimestamp=NEVER)
            )
        self.heaviest = max(self.heaviest, sum(self.held(pod) for pod in self.leaving()))
        deployment = self.world.child("Deployment", names.web(KEY.name))
        status = deployment_status(deployment["metadata"]["generation"], self.wanted)
        self.world.cluster.set_status(Ref.of(deployment), status)

    def end_drain(self) -> None:
        """All pods that were leaving are gone."""
        for pod in self.leaving():
            self.world.cluster.remove(Ref.of(pod))

    async def come_to_rest(self, *, rounds: int = 60) -> None:
        """Let operator, controllers and time work until nothing leaves and the number does not move."""
        for _ in range(rounds):
            await self.world.settle()
            before = self.wanted
            self.control()
            await self.world.settle()
            if not self.leaving() and self.wanted == before == len(self.staying()) and not self._waits():
                return
            self.end_drain()
            await self.world.clock.advance(self._pause())
            self.world.due[KEY] = None
        raise AssertionError(f"{self.wanted} wanted, {len(self.staying())} stay, {len(self.leaving())} leave")

    def _waits(self) -> bool:
        outcome = self.world.outcomes.get(KEY)
        return outcome is not None and outcome.after is not None and outcome.after < 60

    def _pause(self) -> float:
        outcome = self.world.outcomes.get(KEY)
        return (outcome.after or 1.0) if outcome is not None else 1.0

    def _start(self) -> None:
        number = next(self._numbers)
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": NEVER}
        status = {
            "phase": "Running",
            "podIP": f"192.0.2.{number}",
            "conditions": [ready],
            "containerStatuses": [{"name": "web", "state": {"running": {}}, "restartCount": 0}],
        }
        self.world.pod(f"counter-web-{number:03}", status=status)

    def _pods(self) -> list[dict[str, Any]]:
        found = (obj for obj in self.world.cluster.children(KEY) if obj["kind"] == "Pod")
        pods = [pod for pod in found if pod["metadata"]["labels"][names.LABEL_COMPONENT] == "web"]
        return sorted(pods, key=lambda pod: str(pod["metadata"]["name"]))
