"""What is said of a rollout while it runs: pods, connections, its end, in a bounded number of writes."""

from __future__ import annotations

import asyncio
import copy
import functools
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.support.web_pods import hold, run_pod, stop_pod
from tests.support.world import World, deployment_status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NEW = "registry.example.com/counter:2"
PODS = 10
RATE = 200
EACH = 1000
STARTUP = 4
WEB: dict[str, Any] = {
    "replicas": PODS,
    "connections": {"maxPerPod": EACH},
    "rollout": {"maxReconnectsPerSecond": RATE, "drainTimeoutSeconds": 60},
}


class Rollout:
    """The Deployment controller and the pods of a paced rollout, in memory, second by second."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.statuses: list[dict[str, Any]] = []
        self.held = dict.fromkeys(range(PODS), EACH)

    def watch(self) -> None:
        """Remember every status from now on."""
        self.statuses = [copy.deepcopy(self.world.status())]

        def look() -> None:
            status = self.world.status()
            if status != self.statuses[-1]:
                self.statuses.append(copy.deepcopy(status))

        self.world.cluster.after = look

    def count(self, *, updated: int, old: int, ready: int) -> None:
        """The Deployment controller counts."""
        web = self.world.cluster.ref("Deployment", "counter-web")
        generation = self.world.cluster.objects[web]["metadata"]["generation"]
        conditions = [{"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}]
        if not old:
            conditions[0]["reason"] = "NewReplicaSetAvailable"
        self.world.cluster.set_status(
            web,
            {
                **deployment_status(generation, ready),
                "replicas": updated + old,
                "updatedReplicas": updated,
                "conditions": conditions,
            },
        )

    async def wait(self, seconds: float) -> None:
        for _ in range(int(seconds * 2)):
            await self.world.clock.advance(0.5)
            await self.world.settle()

    async def drain(self, number: int) -> None:
        """The pod closes what it holds at the rate; its clients come back to the new pods."""
        await self.wait(3)
        while self.held[number]:
            moved = min(RATE, self.held[number])
            self.held[number] -= moved
            self.held[PODS] += moved
            hold(self.world, number, self.held[number])
            hold(self.world, PODS, self.held[PODS])
            await self.wait(1)

    async def replace(self, step: int) -> None:
        """One new pod starts and serves, one old pod goes; its drain takes part of the next step."""
        pod = PODS + step
        run_pod(self.world, pod, revision="r2", connections=None, ready=False)
        self.count(updated=step + 1, old=PODS - step, ready=PODS)
        await self.wait(STARTUP)
        self.held.setdefault(pod, 0)
        run_pod(self.world, pod, revision="r2", connections=self.held[pod])
        self.count(updated=step + 1, old=PODS - step, ready=PODS + 1)
        ready_seconds = self.world.child("Deployment", "counter-web")["spec"]["minReadySeconds"]
        await self.wait(ready_seconds)
        ref = stop_pod(self.world, step)
        self.count(updated=step + 1, old=PODS - step - 1, ready=PODS)
        await self.drain(step)
        self.world.cluster.remove(ref)
        await self.world.settle()


@asynccontextmanager
async def sampling(world: World) -> AsyncIterator[None]:
    task = asyncio.create_task(world.sampler.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def bring_up(**changes: Any) -> Rollout:  # noqa: ANN401 - fields of the spec
    world = World()
    world.declare(
        web=WEB, migrations={"policy": "Disabled"}, checks={"deploy": "Off"}, ingress=None, **changes
    )
    for number in range(PODS):
        run_pod(world, number, connections=EACH)
    await world.settle()
    world.roll_out()
    await world.settle()
    assert world.condition("Ready")["status"] == "True"
    return Rollout(world)


async def begin(rollout: Rollout, **changes: Any) -> None:  # noqa: ANN401 - fields of the spec
    """A new image is declared, after the connections were counted."""
    await rollout.wait(1)
    rollout.watch()
    rollout.world.declare(
        image=NEW,
        migrations={"policy": "Disabled"},
        checks={"deploy": "Off"},
        ingress=None,
        **{"web": WEB, **changes},
    )
    await rollout.world.settle()


def pods_of(status: dict[str, Any]) -> object:
    """Every number of pods a status has, and what is said without a number."""
    rollout = status.get("rollout", {})
    counts = [rollout.get(name) for name in ("oldPods", "newPods", "terminatingPods")]
    verdicts = [(item["type"], item["status"], item["reason"]) for item in status["conditions"]]
    return status["web"], counts, verdicts


def moved_by_a_tenth(before: dict[str, Any], after: dict[str, Any]) -> bool:
    old, new = before.get("connections", {}), after.get("connections", {})
    left, now = before.get("rollout", {}), after.get("rollout", {})
    whole = old.get("active", 0) / 10
    return bool(
        abs(old.get("active", 0) - new.get("active", 0)) >= whole
        or abs(old.get("draining", 0) - new.get("draining", 0)) >= whole
        or abs(left["connectionsLeft"] - now["connectionsLeft"]) >= left["connectionsTotal"] / 10
    )


async def test_a_rollout_of_ten_pods_is_told_in_a_bounded_number_of_writes() -> None:
    rollout = await bring_up()
    world = rollout.world
    async with sampling(world):
        await begin(rollout)
        begun = world.clock.now()
        first = world.status()["rollout"]
        assert first["connectionsTotal"] == first["connectionsLeft"] == PODS * EACH
        assert (first["oldPods"], first["newPods"], first["terminatingPods"]) == (PODS, 0, 0)
        for step in range(PODS):
            assert world.condition("Progressing")["status"] == "True"
            await rollout.replace(step)
        took = (world.clock.now() - begun).total_seconds()
        await rollout.wait(10)
    assert world.condition("Progressing")["reason"] == "RolloutComplete"
    assert world.condition("Draining")["status"] == "False"
    assert "rollout" not in world.status()
    assert abs(world.status()["connections"]["active"] - PODS * EACH) < PODS * EACH / 10

    changes = list(zip(rollout.statuses, rollout.statuses[1:], strict=False))
    by_pods = sum(pods_of(before) != pods_of(after) for before, after in changes)
    for before, after in changes:
        assert pods_of(before) != pods_of(after) or moved_by_a_tenth(before, after), (before, after)
    assert by_pods <= 4 * PODS + 1, (
        "a pod comes, is ready, another one is told to stop, is gone; and the beginning"
    )
    assert len(changes) - by_pods <= 20, "what is left has ten tenths, what drains comes and goes"
    writes = [request for request in world.cluster.log if request.verb == "patch"]
    assert len(writes) <= len(changes) + 3, "the rest is the creation"

    estimates = [
        datetime.fromisoformat(status["rollout"]["estimatedCompletionTime"])
        for status in rollout.statuses
        if "rollout" in status
    ]
    assert all((end - begun).total_seconds() < 2.5 * took for end in estimates)
    assert abs((estimates[-1] - begun).total_seconds() - took) < 15
    assert all(
        f"done about {status['rollout']['estimatedCompletionTime'][11:19]} UTC"
        in next(item["message"] for item in status["conditions"] if item["type"] == "Progressing")
        for status in rollout.statuses
        if "rollout" in status
    )
    lefts = [status["rollout"]["connectionsLeft"] for status in rollout.statuses if "rollout" in status]
    assert lefts == sorted(lefts, reverse=True)
    assert lefts[-1] <= EACH


async def test_nothing_new_is_written_while_nothing_moves() -> None:
    rollout = await bring_up()
    world = rollout.world
    async with sampling(world):
        await begin(rollout)
        run_pod(world, PODS, revision="r2", connections=None, ready=False)
        rollout.count(updated=1, old=PODS, ready=PODS)
        await rollout.wait(2)
        world.cluster.log.clear()
        for second in range(60):
            hold(world, second % PODS, EACH - second)
            await rollout.wait(1)
        assert world.cluster.log == []


async def test_the_message_says_pods_connections_and_when() -> None:
    rollout = await bring_up()
    world = rollout.world
    async with sampling(world):
        await begin(rollout)
        await rollout.replace(0)
        run_pod(world, PODS + 1, revision="r2")
        stop_pod(world, 1)
        rollout.count(updated=2, old=PODS - 2, ready=PODS)
        await rollout.wait(3)
    said = world.condition("Progressing")["message"]
    assert said.startswith(
        "2 of 10 web pods are of the new revision, 8 old, 1 terminating; 9000 of 10000 connections left to move; "
    ), said
    assert world.condition("Draining")["message"] == "1 web pod is closing connections, 1000 left."


async def test_a_paused_rollout_says_how_it_goes_on() -> None:
    rollout = await bring_up()
    world = rollout.world
    async with sampling(world):
        await begin(rollout)
        await rollout.replace(0)
        web = world.cluster.ref("Deployment", "counter-web")
        world.cluster.edit(web, lambda live: live["spec"].update(paused=True))
        rollout.count(updated=1, old=PODS - 1, ready=PODS)
        await world.settle()
        progressing = world.condition("Progressing")
        assert (progressing["status"], progressing["reason"]) == ("False", "RolloutPaused")
        assert progressing["message"] == (
            "1 of 10 web pods are of the new revision, 9 old. The rollout is paused: to go on, "
            "run `kubectl rollout resume -n shop deployment/counter-web`."
        )
        assert world.condition("WebReady")["reason"] == world.condition("Ready")["reason"] == "RolloutPaused"
        assert world.status()["rollout"]["oldPods"] == PODS - 1
        assert "estimatedCompletionTime" not in world.status()["rollout"]
        assert world.child("Deployment", "counter-web")["spec"]["paused"] is True, "it is somebody's wish"
        world.probe.asked.clear()
        await rollout.wait(60)
        assert len(world.probe.asked) <= 2 * (PODS + 1), "asked as at rest"

        world.cluster.edit(web, lambda live: live["spec"].pop("paused"))
        await world.settle()
        assert world.condition("Progressing")["status"] == "True"
        assert "estimatedCompletionTime" in world.status()["rollout"]


async def test_a_pause_in_the_manifest_is_ended_in_the_manifest() -> None:
    rollout = await bring_up()
    paused = {**WEB, "rollout": {**WEB["rollout"], "paused": True}}
    async with sampling(rollout.world):
        await begin(rollout, web=paused)
        rollout.count(updated=0, old=PODS, ready=PODS)
        await rollout.world.settle()
    progressing = rollout.world.condition("Progressing")
    assert progressing["reason"] == "RolloutPaused"
    assert progressing["message"].endswith("to go on, set web.rollout.paused to false.")


async def test_a_pause_without_a_rollout_is_no_news() -> None:
    rollout = await bring_up()
    world = rollout.world
    web = world.cluster.ref("Deployment", "counter-web")
    for paused, reason in ((True, "DeploymentPaused"), (None, "DeploymentResumed")):
        change = {"paused": paused}
        world.cluster.edit(web, functools.partial(set_spec, change))
        generation = world.cluster.objects[web]["metadata"]["generation"]
        condition = {"type": "Progressing", "status": "Unknown", "reason": reason}
        world.cluster.set_status(web, {**deployment_status(generation, PODS), "conditions": [condition]})
        await world.settle()
        assert world.condition("Progressing")["reason"] == "RolloutComplete"
        assert world.condition("Ready")["status"] == "True"


def set_spec(change: dict[str, Any], live: dict[str, Any]) -> None:
    live["spec"].update(change)


async def test_an_operator_that_starts_amid_a_rollout_keeps_what_was_told() -> None:
    rollout = await bring_up()
    world = rollout.world
    async with sampling(world):
        await begin(rollout)
        await rollout.replace(0)
    before = world.status()
    world.cluster.log.clear()
    world.start()
    await world.settle()
    assert world.cluster.log == []
    assert world.status() == before
    async with sampling(world):
        await rollout.wait(3)
    assert world.loads.of(next(iter(world.loads.followed))).complete
    assert world.status()["rollout"]["startedAt"] == before["rollout"]["startedAt"]


async def test_a_rollout_of_pods_without_sockets_counts_pods_only() -> None:
    world = World()
    common: dict[str, Any] = {"framework": "Django", "ingress": None, "migrations": {"policy": "Disabled"}}
    world.declare(**common)
    for number in range(2):
        run_pod(world, number)
    await world.settle()
    world.roll_out()
    await world.settle()
    world.declare(**common, image=NEW)
    await world.settle()
    assert "connectionsLeft" not in world.status()["rollout"]
    assert world.status()["rollout"]["oldPods"] == 2
    assert "connections" not in world.condition("Progressing")["message"]
