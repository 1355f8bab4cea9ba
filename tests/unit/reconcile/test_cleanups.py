"""A scheduled command that fails at night is visible in the morning, and gone once a run succeeds."""

from __future__ import annotations

from typing import Any

import pytest

from realtimeapp_operator import names
from realtimeapp_operator.kube.kinds import Ref
from tests.support.serving import bring_up_world
from tests.support.world import KEY, World

NAME = "counter-clearsessions"


@pytest.fixture
async def world() -> World:
    return await bring_up_world()


def start(world: World, name: str) -> None:
    """The CronJob's controller starts a run, as it does: labels from the template, owned by the CronJob."""
    cron_job = world.child("CronJob", NAME)
    template = cron_job["spec"]["jobTemplate"]
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": NAME, "controller": True}
    world.cluster.put(
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {
                "name": name,
                "namespace": KEY.namespace,
                "labels": dict(template["metadata"]["labels"]),
                "ownerReferences": [{**owner, "uid": cron_job["metadata"]["uid"]}],
            },
            "spec": template["spec"],
        }
    )
    world.cluster.set_status(world.cluster.ref("CronJob", NAME), {"lastScheduleTime": world.time()})


def succeed(world: World, name: str) -> None:
    """A run completes; the controller takes the older successful one away."""
    condition = {"type": "Complete", "status": "True", "lastTransitionTime": world.time()}
    world.cluster.set_status(
        world.cluster.ref("Job", name), {"conditions": [condition], "completionTime": world.time()}
    )
    world.cluster.set_status(world.cluster.ref("CronJob", NAME), {"lastSuccessfulTime": world.time()})


def fail(world: World, name: str, message: str = "ValueError: no such table") -> None:
    """A run fails for good."""
    world.end_pod(name, component=names.COMPONENT_CLEANUP, message=message, code=1)
    world.fail_job(name)


def entry(world: World) -> dict[str, Any]:
    found: dict[str, Any] = world.status()["cleanup"][0]
    return found


async def test_the_last_success_is_in_the_status(world: World) -> None:
    start(world, "run-1")
    await world.clock.advance(3)
    succeed(world, "run-1")
    await world.settle()
    success = world.time()
    assert entry(world)["lastSuccessfulTime"] == success
    await world.clock.advance(60)
    start(world, "run-2")
    fail(world, "run-2")
    await world.settle()
    assert entry(world)["lastSuccessfulTime"] == success
    assert entry(world)["lastScheduleTime"] == world.time()
    assert entry(world)["failure"]["job"] == "run-2", "an older success excuses nothing"


async def test_a_failed_run_is_visible_and_does_not_touch_ready(world: World) -> None:
    start(world, "run-1")
    fail(world, "run-1", "OperationalError: postgres://me:hunter2@db/shop no")
    await world.settle()
    degraded = world.condition("Degraded")
    assert (degraded["status"], degraded["reason"]) == ("True", "CleanupFailed")
    assert "clearsessions failed: OperationalError: postgres://***@db/shop no" in degraded["message"]
    assert world.condition("Ready")["status"] == "True"
    assert entry(world)["failure"] == {
        "job": "run-1",
        "reason": "CleanupFailed",
        "message": "OperationalError: postgres://***@db/shop no",
        "failedAt": world.time(),
    }
    assert world.told.reasons() == ["CleanupFailed"]
    assert "hunter2" not in str(world.status()) + str(world.told.stories)


async def test_a_run_that_succeeds_clears_it_though_the_failed_job_is_kept(world: World) -> None:
    start(world, "run-1")
    fail(world, "run-1")
    await world.settle()
    await world.clock.advance(86_400)
    start(world, "run-2")
    await world.settle()
    assert world.condition("Degraded")["status"] == "True", "a run that runs proves nothing"
    await world.clock.advance(2)
    succeed(world, "run-2")
    await world.settle()
    assert world.condition("Degraded")["status"] == "False"
    assert "failure" not in entry(world)
    assert world.told.reasons() == ["CleanupFailed", "Recovered"]


async def test_each_failed_run_is_told_in_the_same_words(world: World) -> None:
    for number in range(3):
        start(world, f"run-{number}")
        fail(world, f"run-{number}")
        await world.settle()
        await world.clock.advance(86_400)
    assert world.told.reasons() == ["CleanupFailed"] * 3
    assert len(set(world.told.stories)) == 1
    assert entry(world)["failure"]["job"] == "run-2"


async def test_a_failed_run_survives_its_pod_and_the_operator(world: World) -> None:
    start(world, "run-1")
    fail(world, "run-1")
    await world.settle()
    before = (entry(world), world.condition("Degraded"))
    world.cluster.log.clear()
    world.cluster.remove(Ref("v1", "Pod", KEY.namespace, "run-1-x"))
    await world.settle()
    world.start()
    await world.settle()
    assert (entry(world), world.condition("Degraded")) == before
    assert world.cluster.log == []


async def test_deleting_the_failed_job_clears_it_and_asks_nothing(world: World) -> None:
    start(world, "run-1")
    fail(world, "run-1")
    await world.settle()
    world.cluster.log.clear()
    world.cluster.remove(world.cluster.ref("Job", "run-1"))
    await world.settle()
    assert world.condition("Degraded")["status"] == "False"
    assert [request.verb for request in world.cluster.log] == ["patch"]


async def test_a_run_of_another_cron_job_is_not_ours(world: World) -> None:
    start(world, "run-1")

    def give_away(live: dict[str, Any]) -> None:
        live["metadata"]["ownerReferences"][0]["uid"] = "somebody"

    world.cluster.edit(world.cluster.ref("Job", "run-1"), give_away)
    fail(world, "run-1")
    await world.settle()
    assert world.condition("Degraded")["status"] == "False"


async def test_a_scheduled_command_does_not_hold_up_a_migration(world: World) -> None:
    start(world, "run-1")
    world.pod("run-1-x", component=names.COMPONENT_CLEANUP, revision="run-1", status={"phase": "Running"})
    world.declare(image="registry.example.com/counter:2")
    await world.settle()
    assert len(world.jobs(names.COMPONENT_MIGRATE)) == 2
    assert "run-1" not in str(world.status()["conditions"])
