"""How many requests a change costs: exactly those it needs."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from realtimeapp_operator.kube.kinds import Ref
from realtimeapp_operator.reconcile.ports import Images
from tests.support.world import KEY, World


@pytest.fixture
def world() -> World:
    return World()


def count(world: World) -> Counter[str]:
    return Counter(request.verb for request in world.cluster.log)


async def test_a_creation_is_one_write_per_child_and_one_per_status_change(world: World) -> None:
    world.declare()
    await world.settle()
    first = [request for request in world.cluster.log if request.verb != "patch"]
    assert len(first) == len(set(first)) == len(world.cluster.children(KEY))
    assert count(world) == {"create": 2, "apply": len(first) - 2, "patch": 1}
    assert world.cluster.get("Deployment", "counter-web") is None

    world.cluster.log.clear()
    world.finish_migration()
    await world.settle()
    assert sorted(request[:2] for request in world.cluster.log) == [
        ("apply", "CronJob"),
        ("apply", "Deployment"),
        ("patch", "RealtimeApp"),
    ]

    world.cluster.log.clear()
    world.roll_out()
    await world.settle()
    assert world.condition("Ready")["status"] == "True"
    assert count(world) == {"patch": 2}, "the pods serve, and the way in was tried"
    assert len(world.doorbell.rung) == 1


@pytest.mark.parametrize("deploy", ["Warn", "Enforce"])
async def test_checks_cost_their_job_and_a_status_for_their_result(world: World, deploy: str) -> None:
    world.declare(checks={"deploy": deploy})
    await world.settle()
    assert [request.verb for request in world.cluster.log if request.name == world.check()] == ["apply"]
    world.cluster.log.clear()
    world.finish_check(warnings=["security.W004"])
    await world.settle()
    migration = [("apply", "Job")] if deploy == "Enforce" else []
    assert [request[:2] for request in world.cluster.log] == [*migration, ("patch", "RealtimeApp")]
    world.cluster.log.clear()
    world.declare(checks={"deploy": "Off"})
    await world.settle()
    assert sorted(request[:2] for request in world.cluster.log) == [
        ("delete", "Job"),
        ("patch", "RealtimeApp"),
    ]


async def test_a_one_field_change_is_one_apply_and_its_status(world: World) -> None:
    world.declare(web={"replicas": 2})
    await world.bring_up()
    world.cluster.log.clear()
    world.declare(web={"replicas": 3})
    await world.settle()
    assert [request[:2] for request in world.cluster.log] == [
        ("apply", "Deployment"),
        ("patch", "RealtimeApp"),
    ]
    assert world.child("Deployment", "counter-web")["spec"]["replicas"] == 3
    assert world.condition("Ready")["status"] == "False"
    world.roll_out()
    await world.settle()
    assert count(world) == {"apply": 1, "patch": 2}


async def test_a_restart_asks_and_writes_nothing(world: World) -> None:
    world.declare(workers=[{"name": "celery", "type": "CeleryWorker", "app": "shop"}])
    await world.bring_up()
    world.cluster.log.clear()
    world.start()
    assert world.due
    await world.settle()
    assert world.cluster.log == []


async def test_a_reconcile_at_rest_writes_nothing_and_asks_for_no_other(world: World) -> None:
    world.declare()
    await world.bring_up()
    world.cluster.log.clear()
    outcome = await world.reconcile()
    assert outcome.after is None
    assert world.cluster.log == []


async def test_noise_of_others_wakes_nobody(world: World) -> None:
    world.declare()
    await world.bring_up()
    world.cluster.log.clear()
    web = world.cluster.ref("Deployment", "counter-web")
    for n in range(100):
        noise = {"somebody.example.com/heartbeat": str(n)}

        def beat(live: dict[str, Any], noise: dict[str, str] = noise) -> None:
            live["metadata"]["annotations"].update(noise)

        world.cluster.edit(web, beat)
        world.cluster.set_status(web, {"collisionCount": n})
        world.deliver()
        assert not world.due
    assert world.cluster.log == []


async def test_a_repeated_or_older_event_wakes_nobody(world: World) -> None:
    world.declare()
    await world.bring_up()
    old = world.child("Deployment", "counter-web")
    assert world.observed.observe("MODIFIED", old) == ()
    stale = {**old, "metadata": {**old["metadata"], "resourceVersion": "99"}, "status": {}}
    assert world.observed.observe("MODIFIED", stale) == ()
    newer = {**stale, "metadata": {**old["metadata"], "resourceVersion": "99999"}}
    assert world.observed.observe("MODIFIED", newer) == (KEY,)


async def test_an_operator_upgrade_leaves_every_pod_template_alone(world: World) -> None:
    world.declare(workers=[{"name": "beat", "type": "CeleryBeat", "app": "shop"}])
    await world.bring_up()
    templates = {
        ref: obj["spec"]["template"]
        for ref, obj in world.cluster.objects.items()
        if ref.kind in {"Deployment", "StatefulSet"}
    }
    world.images = Images(runtime="registry.example.com/operator:2", redis="registry.example.com/redis:8")
    world.cluster.log.clear()
    world.start()
    await world.settle()
    assert world.cluster.log == []
    assert world.status()["web"]["runtimeImage"] == "registry.example.com/operator:1"

    world.declare(
        image="registry.example.com/counter:2",
        workers=[{"name": "beat", "type": "CeleryBeat", "app": "shop"}],
    )
    await world.settle()
    world.finish_migration()
    await world.settle()
    new = {ref: world.cluster.objects[ref]["spec"]["template"] for ref in templates}
    web = Ref("apps/v1", "Deployment", KEY.namespace, "counter-web")
    redis = Ref("apps/v1", "StatefulSet", KEY.namespace, "counter-redis")
    assert new[web]["spec"]["initContainers"][0]["image"] == "registry.example.com/operator:2"
    assert new[redis] == templates[redis]
    assert world.status()["web"]["runtimeImage"] == "registry.example.com/operator:2"


async def test_a_deleted_application_is_left_to_the_garbage_collector(world: World) -> None:
    world.declare()
    await world.bring_up()
    world.cluster.log.clear()
    world.undeclare()
    await world.settle()
    world.cluster.collect()
    await world.settle()
    assert world.cluster.log == []
    assert world.cluster.children(KEY) == []
