"""A rollout is told as one, and nothing else is: not a pod that is deleted, evicted or no longer wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.world import World, deployment_status

if TYPE_CHECKING:
    from realtimeapp_operator.kube.kinds import Ref

NEW = "registry.example.com/counter:2"


@pytest.fixture
async def world() -> World:
    made = World()
    made.declare()
    made.pod("counter-web-1", revision="r1", status={"phase": "Running"})
    made.pod("counter-web-2", revision="r1", status={"phase": "Running"})
    await made.bring_up()
    made.told.stories.clear()
    return made


def web(world: World) -> Ref:
    return world.cluster.ref("Deployment", "counter-web")


def delete(world: World, name: str) -> Ref:
    """A pod that closes its connections before it ends."""
    ref = world.cluster.ref("Pod", name)
    world.cluster.edit(ref, lambda live: live["metadata"].update(deletionTimestamp="2026-01-01T00:00:00Z"))
    return ref


async def test_an_evicted_pod_is_not_a_rollout(world: World) -> None:
    generation = world.cluster.objects[web(world)]["metadata"]["generation"]
    pod = delete(world, "counter-web-1")
    world.pod("counter-web-3", revision="r1", status={"phase": "Pending"})
    world.cluster.set_status(web(world), {**deployment_status(generation, 2), "readyReplicas": 1})
    await world.settle()
    assert world.condition("Ready")["status"] == "False"
    assert world.condition("Draining")["status"] == "True"
    assert world.condition("Progressing")["status"] == "False"

    world.cluster.remove(pod)
    world.roll_out()
    await world.settle()
    assert world.told.reasons() == ["Ready"]


@pytest.mark.parametrize("replicas", [1, 3])
async def test_a_change_of_scale_is_not_a_rollout(world: World, replicas: int) -> None:
    world.declare(web={"replicas": replicas})
    await world.settle()
    assert world.child("Deployment", "counter-web")["spec"]["replicas"] == replicas
    assert world.condition("Progressing")["status"] == "False"
    pod = delete(world, "counter-web-1")
    world.roll_out()
    await world.settle()
    assert world.condition("Progressing")["status"] == "False"
    world.cluster.remove(pod)
    await world.settle()
    assert world.told.reasons() == ["Ready"]


async def test_a_new_revision_is_a_rollout_until_the_last_old_pod_is_gone(world: World) -> None:
    world.declare(image=NEW)
    await world.settle()
    assert world.condition("Progressing")["status"] == "True"
    assert world.told.reasons() == ["RolloutStarted"]
    world.finish_migration()
    await world.settle()
    assert world.condition("Progressing")["reason"] == "RolloutInProgress", "nothing has happened yet"

    generation = world.cluster.objects[web(world)]["metadata"]["generation"]
    halfway = {**deployment_status(generation, 2), "replicas": 3, "updatedReplicas": 1}
    world.cluster.set_status(web(world), halfway)
    await world.settle()
    message = world.condition("Progressing")["message"]
    assert message.startswith("1 of 2 web pods are of the new revision, 2 old; done about ")

    world.cluster.remove(world.cluster.ref("Pod", "counter-web-1"))
    for name in ("counter-web-3", "counter-web-4"):
        world.pod(name, revision="r2", status={"phase": "Running"})
    last = delete(world, "counter-web-2")
    world.roll_out()
    await world.settle()
    assert world.condition("Progressing")["message"].startswith(
        "1 old web pod is still draining; done about "
    )
    world.cluster.remove(last)
    await world.settle()
    assert world.condition("Progressing")["status"] == "False"


async def test_a_restarted_operator_knows_a_rollout_that_has_not_begun(world: World) -> None:
    world.declare(image=NEW, migrations={"policy": "Disabled"})
    await world.settle()
    world.start()
    await world.settle()
    assert world.condition("Progressing")["status"] == "True"
