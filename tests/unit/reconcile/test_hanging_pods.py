"""A pod that hangs says nothing by itself: when it is looked at, how often, and from when on it is a problem."""

from __future__ import annotations

import pytest

from tests.support.pod_statuses import IMAGE, begin_rollout, unschedulable, waiting
from tests.support.world import KEY, World


@pytest.fixture
async def world() -> World:
    return await begin_rollout()


async def test_a_missing_secret_behind_a_volume_is_found_while_a_pod_hangs_and_only_then() -> None:
    world = World()
    world.declare(
        migrations={"policy": "Disabled"}, database={"urlSecretRef": {"name": "shop-db", "key": "url"}}
    )
    await world.settle()
    reads = [request for request in world.cluster.log if request.verb == "get"]
    assert reads == []
    world.pod("counter-web-1", status=waiting("ContainerCreating"))
    await world.settle()
    after = world.outcomes[KEY].after
    assert after is not None
    await world.clock.advance(after)
    await world.reconcile()
    ready = world.condition("Ready")
    assert ready["reason"] == "SecretMissing"
    assert ready["message"].startswith("Secret shop-db does not exist. Create it")

    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "shop-db", "namespace": KEY.namespace},
    }
    world.cluster.put(secret)
    world.pod("counter-web-1", status={"phase": "Running"})
    world.roll_out()
    await world.settle()
    assert world.condition("Ready")["status"] == "True"
    world.cluster.log.clear()
    await world.reconcile()
    assert world.cluster.log == []


async def test_looks_at_a_hanging_pod_become_rare_and_a_pod_without_a_node_gets_none() -> None:
    world = World()
    world.declare(migrations={"policy": "Disabled"})
    await world.settle()
    pod = world.pod("counter-web-1", status={"phase": "Pending"})
    await world.settle()
    waits = []
    for _ in range(9):
        after = (await world.reconcile()).after
        assert after is not None
        waits.append(after)
        await world.clock.advance(after)
    assert waits == [5, 5, 10, 20, 40, 80, 160, 300, 300]

    world.cluster.edit(pod, lambda live: live["spec"].pop("nodeName"))
    await world.settle()
    assert (await world.reconcile()).after is None


async def test_a_pod_no_node_takes_for_a_moment_is_no_problem(world: World) -> None:
    world.told.stories.clear()
    busy = unschedulable("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.")
    pod = world.pod("counter-web-new", revision="r2", status=busy)
    world.cluster.edit(pod, lambda live: live["spec"].pop("nodeName"))
    await world.settle()
    assert world.condition("WebReady")["reason"] == "RolloutInProgress"
    after = world.outcomes[KEY].after
    assert after is not None
    await world.clock.advance(after / 2)
    full = unschedulable("0/1 nodes are available: 1 Insufficient memory.")
    world.pod("counter-web-new", revision="r2", status=full)
    await world.settle()
    assert world.condition("WebReady")["reason"] == "RolloutInProgress"
    await world.clock.advance(after / 2)
    assert (await world.reconcile()).after is None
    assert world.condition("WebReady")["reason"] == "Unschedulable", (
        "the first sight counts, in other words too"
    )

    world.cluster.log.clear()
    world.start()
    await world.settle()
    assert world.cluster.log == [], "to a new operator it is not new"

    world.pod("counter-web-new", revision="r2", status={"phase": "Pending"})
    await world.settle()
    assert world.told.reasons() == ["Unschedulable", "Recovered"]


async def test_an_error_of_the_scheduler_itself_is_no_problem(world: World) -> None:
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "SchedulerError",
        "message": "Operation cannot be fulfilled on persistentvolumeclaims: the object has been modified",
    }
    pod = world.pod("counter-web-new", revision="r2", status={"phase": "Pending", "conditions": [condition]})
    world.cluster.edit(pod, lambda live: live["spec"].pop("nodeName"))
    await world.settle()
    assert world.outcomes[KEY].after is None
    assert world.condition("WebReady")["reason"] == "RolloutInProgress"


async def test_a_running_pod_that_stays_silent_fails_its_probe(world: World) -> None:
    running = {
        "phase": "Running",
        "containerStatuses": [{"name": "web", "image": IMAGE, "state": {"running": {}}}],
    }
    world.pod("counter-web-new", revision="r2", status=running)
    await world.settle()
    assert world.condition("WebReady")["reason"] == "RolloutInProgress"
    after = world.outcomes[KEY].after
    assert after is not None
    await world.clock.advance(after)
    await world.reconcile()
    assert world.condition("WebReady")["reason"] == "ProbeFailing"
    assert (await world.reconcile()).after is None, "it is known now; an event will tell when it ends"
