"""`migrations.policy: AfterRollout`: what only older pods used goes when the last of them is gone, and not before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from realtimeapp_operator import names
from tests.support.world import World, deployment_status

if TYPE_CHECKING:
    from realtimeapp_operator.kube.kinds import Ref

NEW = "registry.example.com/counter:2"
AFTER: dict[str, Any] = {"migrations": {"policy": "AfterRollout"}, "checks": {"deploy": "Off"}}
WORKERS = [{"name": "celery", "type": "CeleryWorker", "app": "shop"}]
RUNNING = {"phase": "Running"}
NEVER = "2026-01-01T00:00:00Z"


@pytest.fixture
async def world() -> World:
    made = World()
    made.declare(workers=WORKERS, **AFTER)
    await made.bring_up_unchecked()
    for name in ("counter-web-1", "counter-web-2"):
        made.pod(name, revision="r1", status=RUNNING)
    await made.settle()
    made.told.stories.clear()
    return made


def migrations(world: World, image: str = NEW) -> int:
    """How many Jobs migrate for an image."""
    found = (world.child("Job", name) for name in world.jobs(names.COMPONENT_MIGRATE))
    return sum(job["spec"]["template"]["spec"]["containers"][0]["image"] == image for job in found)


def image(world: World) -> str:
    return str(world.child("Deployment", "counter-web")["spec"]["template"]["spec"]["containers"][0]["image"])


def delete(world: World, name: str) -> Ref:
    """A pod that closes its connections before it ends."""
    ref = world.cluster.ref("Pod", name)
    world.cluster.edit(ref, lambda live: live["metadata"].update(deletionTimestamp=NEVER))
    return ref


async def test_the_first_migration_comes_before_the_first_pods() -> None:
    world = World()
    world.declare(**AFTER)
    await world.settle()
    assert len(world.jobs(names.COMPONENT_MIGRATE)) == 1
    assert world.cluster.get("Deployment", "counter-web") is None
    world.finish_migration()
    await world.settle()
    assert world.cluster.get("Deployment", "counter-web") is not None


async def test_the_rollout_is_not_held_and_the_migration_waits_for_the_last_old_pod(world: World) -> None:
    world.declare(image=NEW, workers=WORKERS, **AFTER)
    await world.settle()
    assert image(world) == NEW
    assert migrations(world) == 0
    migrated = world.condition("MigrationsComplete")
    assert (migrated["status"], migrated["reason"]) == ("False", "WaitingForRollout")
    assert world.condition("Reconciled")["status"] == "True"
    assert world.condition("Ready")["status"] == "False"
    assert world.condition("Ready")["reason"] != "WaitingForRollout", "the rollout itself says more"

    for name in ("counter-web-3", "counter-web-4"):
        world.pod(name, revision="r2", status=RUNNING)
    world.cluster.remove(delete(world, "counter-web-1"))
    last = delete(world, "counter-web-2")
    world.roll_out()
    await world.settle()
    assert migrations(world) == 0, "an old pod still drains"
    assert world.condition("Ready")["reason"] == "WaitingForRollout"

    world.cluster.remove(last)
    await world.settle()
    assert migrations(world) == 1
    assert world.condition("MigrationsComplete")["reason"] == "MigrationRunning"
    assert world.condition("Ready")["status"] == "False"
    world.finish_migration()
    await world.settle()
    assert world.condition("Ready")["status"] == "True"
    assert world.status()["migrations"]["image"] == NEW
    assert "MigrationComplete" in world.told.reasons()


async def test_a_worker_that_still_runs_the_old_code_is_waited_for(world: World) -> None:
    world.declare(image=NEW, workers=WORKERS, **AFTER)
    await world.settle()
    for name in ("counter-web-1", "counter-web-2"):
        world.cluster.remove(delete(world, name))
    world.pod("celery-1", component=names.COMPONENT_WORKER, worker="celery", revision="w2", status=RUNNING)
    old = world.pod(
        "celery-0", component=names.COMPONENT_WORKER, worker="celery", revision="w1", status=RUNNING
    )
    world.roll_out()
    await world.settle()
    assert migrations(world) == 0
    world.cluster.remove(old)
    await world.settle()
    assert migrations(world) == 1


async def test_a_rollout_that_does_not_end_migrates_nothing(world: World) -> None:
    world.declare(image=NEW, workers=WORKERS, **AFTER)
    await world.settle()
    ref = world.cluster.ref("Deployment", "counter-web")
    generation = world.cluster.objects[ref]["metadata"]["generation"]
    stuck = {**deployment_status(generation, 2), "replicas": 3, "updatedReplicas": 1, "readyReplicas": 2}
    world.cluster.set_status(ref, stuck)
    await world.settle()
    assert migrations(world) == 0
    world.declare(workers=WORKERS, **AFTER)
    await world.settle()
    world.roll_out()
    await world.settle()
    assert migrations(world) == 0, "back at the revision that is migrated"
    assert world.condition("Ready")["status"] == "True"


async def test_a_newer_revision_skips_the_migration_that_was_waited_for(world: World) -> None:
    world.declare(image=NEW, workers=WORKERS, **AFTER)
    await world.settle()
    newest = "registry.example.com/counter:3"
    world.declare(image=newest, workers=WORKERS, **AFTER)
    await world.settle()
    assert image(world) == newest
    for name in ("counter-web-1", "counter-web-2"):
        world.cluster.remove(delete(world, name))
    world.roll_out()
    await world.settle()
    world.finish_migration()
    await world.settle()
    assert world.status()["migrations"]["image"] == newest
    assert world.condition("Ready")["status"] == "True"


async def test_a_failing_migration_does_not_hold_the_next_revision(world: World) -> None:
    world.declare(image=NEW, workers=WORKERS, **AFTER)
    await world.settle()
    for name in ("counter-web-1", "counter-web-2"):
        world.cluster.remove(delete(world, name))
    world.roll_out()
    await world.settle()
    world.fail_migration()
    await world.settle()
    assert world.condition("Ready")["reason"] == "MigrationFailed"
    mended = "registry.example.com/counter:3"
    world.declare(image=mended, workers=WORKERS, **AFTER)
    await world.settle()
    assert image(world) == mended


async def test_enforced_checks_hold_the_rollout_all_the_same(world: World) -> None:
    world.declare(image=NEW, workers=WORKERS, **{**AFTER, "checks": {"deploy": "Enforce"}})
    await world.settle()
    assert image(world) != NEW
    world.finish_check()
    await world.settle()
    assert image(world) == NEW


async def test_a_suspended_application_is_migrated_when_its_last_pod_is_gone(world: World) -> None:
    world.declare(image=NEW, workers=WORKERS, suspend=True, **AFTER)
    await world.settle()
    world.roll_out()
    await world.settle()
    assert migrations(world) == 0
    for name in ("counter-web-1", "counter-web-2"):
        world.cluster.remove(world.cluster.ref("Pod", name))
    await world.clock.advance(20)
    for _ in range(3):
        await world.reconcile()
        world.roll_out()
        await world.settle()
    assert migrations(world) == 1
