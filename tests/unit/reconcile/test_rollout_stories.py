"""The end of a rollout is told once and of rollouts only: where the first pods start, nothing was rolled out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.world import World, deployment_status

NEW = "registry.example.com/counter:2"
SPEC: dict[str, Any] = {"migrations": {"policy": "Disabled"}, "checks": {"deploy": "Off"}, "ingress": None}
WORKER = {"name": "celery", "type": "CeleryWorker", "app": "shop"}
WEB = "counter-web"
PODS = 2
NOT_YET: dict[str, Any] = {
    "conditions": [{"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}]
}


def count(world: World, name: str = WEB, **status: Any) -> None:  # noqa: ANN401 - fields of the status
    """The Deployment controller counts: all pods there and ready, but for `status`."""
    deployment = world.child("Deployment", name)
    generation, wanted = deployment["metadata"]["generation"], deployment["spec"]["replicas"]
    world.cluster.set_status(
        world.cluster.ref("Deployment", name), {**deployment_status(generation, wanted), **status}
    )


async def bring_up(world: World, *, restart: bool) -> None:
    """The first pods start, as the controllers of a real cluster tell it: ready first, available later."""
    world.declare(**SPEC)
    await world.settle()
    world.roll_out()
    for ready in range(PODS + 1):
        count(world, readyReplicas=ready, availableReplicas=0, **NOT_YET)
        await world.settle()
        if restart:
            world.start()
            await world.settle()
    count(world)
    await world.settle()
    assert world.condition("Ready")["status"] == "True"
    assert world.condition("Progressing")["status"] == "False"


@pytest.mark.parametrize("restart", [False, True])
async def test_the_first_start_is_told_as_ready_and_as_nothing_else(*, restart: bool) -> None:
    world = World()
    await bring_up(world, restart=restart)
    assert world.told.reasons() == ["Ready"]


async def test_a_first_start_says_how_many_pods_are_ready() -> None:
    world = World()
    world.declare(**SPEC)
    await world.settle()
    count(world, readyReplicas=1, availableReplicas=0, **NOT_YET)
    await world.settle()
    said = world.condition("Progressing")
    assert (said["status"], said["reason"]) == ("True", "PodsStarting")
    assert said["message"] == "1 of 2 web pods are ready; they are the first."


@pytest.mark.parametrize("restart", [False, True])
async def test_a_rollout_is_told_from_its_beginning_to_its_end(*, restart: bool) -> None:
    world = World()
    await bring_up(world, restart=False)
    world.told.stories.clear()
    world.declare(image=NEW, **SPEC)
    await world.settle()
    for updated, old in ((1, 2), (2, 1), (2, 0)):
        count(world, replicas=updated + old, updatedReplicas=updated, **NOT_YET)
        await world.settle()
        if restart:
            world.start()
            await world.settle()
    assert "RolloutFinished" not in world.told.reasons()
    count(world)
    await world.settle()
    assert sorted(world.told.reasons()) == ["Ready", "RolloutFinished", "RolloutStarted"]


async def test_a_rollout_that_ends_in_one_moment_is_told_as_well() -> None:
    world = World()
    await bring_up(world, restart=False)
    world.told.stories.clear()
    world.declare(image=NEW, **SPEC)
    await world.settle()
    count(world)
    await world.settle()
    assert sorted(world.told.reasons()) == ["Ready", "RolloutFinished", "RolloutStarted"]


async def test_a_rollout_that_somebody_stops_is_not_told_as_finished() -> None:
    world = World()
    await bring_up(world, restart=False)
    world.told.stories.clear()
    world.declare(image=NEW, **SPEC)
    await world.settle()
    count(world, replicas=3, updatedReplicas=1, **NOT_YET)
    await world.settle()
    world.declare(image=NEW, web={"rollout": {"paused": True}}, **SPEC)
    await world.settle()
    count(world, replicas=3, updatedReplicas=1, **NOT_YET)
    await world.settle()
    assert world.condition("Progressing")["reason"] == "RolloutPaused"
    assert "RolloutFinished" not in world.told.reasons()


async def test_a_worker_that_is_added_is_no_rollout() -> None:
    world = World()
    await bring_up(world, restart=False)
    world.told.stories.clear()
    world.declare(workers=[WORKER], **SPEC)
    await world.settle()
    assert world.condition("Progressing")["reason"] == "PodsStarting"
    count(world, "counter-worker-celery")
    await world.settle()
    assert world.told.reasons() == ["Ready"]
