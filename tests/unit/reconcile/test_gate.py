"""No new revision before its migration: what a failing one does, and how it gets well again."""

from __future__ import annotations

import pytest

from realtimeapp_operator import names
from realtimeapp_operator.reconcile.ports import Surroundings
from tests.support.serving import bring_up_world
from tests.support.world import KEY, World

WORKER = {"name": "celery", "type": "CeleryWorker", "app": "shop"}
NEW = "registry.example.com/counter:2"


@pytest.fixture
async def world() -> World:
    return await bring_up_world(workers=[WORKER])


def image(world: World, name: str = "counter-web") -> str:
    pod = world.child("Deployment", name)["spec"]["template"]["spec"]
    return str(pod["containers"][0]["image"])


def jobs(world: World) -> list[str]:
    return world.jobs(names.COMPONENT_MIGRATE)


async def test_pods_change_only_after_the_migration(world: World) -> None:
    world.declare(workers=[WORKER], image=NEW)
    await world.settle()
    assert len(jobs(world)) == 2
    assert image(world) != NEW
    assert image(world, "counter-worker-celery") != NEW
    ready = world.condition("Ready")
    assert (ready["status"], ready["reason"]) == ("False", "WaitingForMigrations")
    assert ready["message"].endswith("The old pods keep serving.")
    assert world.condition("Degraded")["status"] == "False"
    assert world.condition("Progressing")["status"] == "True"

    world.finish_migration()
    await world.settle()
    assert image(world) == image(world, "counter-worker-celery") == NEW
    assert world.condition("Progressing")["reason"] == "RolloutInProgress"

    world.roll_out()
    await world.settle()
    assert world.condition("Ready")["status"] == "True"
    assert len(jobs(world)) == 1, "the older migration goes once nothing rolls"
    assert world.status()["migrations"]["image"] == NEW


async def test_a_failing_migration_keeps_the_old_pods_and_a_new_image_mends_it(world: World) -> None:
    world.declare(workers=[WORKER], image=NEW)
    await world.settle()
    before = {ref: obj for ref, obj in world.cluster.objects.items() if ref.kind == "Deployment"}
    world.fail_migration(message="OperationalError: postgres://me:hunter2@db/shop no")
    await world.settle()
    assert {ref: world.cluster.objects[ref] for ref in before} == before
    for kind in ("MigrationsComplete", "Ready"):
        condition = world.condition(kind)
        if kind == "MigrationsComplete":
            assert (condition["status"], condition["reason"]) == ("False", "MigrationFailed")
            assert "OperationalError: postgres://***@db/shop no" in condition["message"]
    degraded = world.condition("Degraded")
    assert (degraded["status"], degraded["reason"]) == ("True", "MigrationFailed")
    assert "keep serving" in degraded["message"]
    assert "MigrationFailed" in world.told.reasons()
    assert "hunter2" not in str(world.status()) + str(world.told.stories)
    settings = {obj["metadata"]["name"] for obj in world.cluster.children(KEY) if obj["kind"] == "ConfigMap"}
    assert world.outcomes[KEY].after is None, "nothing happens by waiting"

    world.declare(workers=[WORKER], image="registry.example.com/counter:3")
    await world.bring_up()
    assert image(world).endswith(":3")
    assert world.condition("Degraded")["status"] == "False"
    assert (
        world.told.reasons()[-2:] == ["Recovered", "MigrationComplete"] or "Recovered" in world.told.reasons()
    )
    assert settings


async def test_a_change_of_scale_does_not_wait(world: World) -> None:
    world.declare(workers=[WORKER], image=NEW)
    await world.settle()
    world.fail_migration()
    await world.settle()
    world.declare(workers=[WORKER], web={"replicas": 5})
    await world.settle()
    assert world.child("Deployment", "counter-web")["spec"]["replicas"] == 5


async def test_the_number_of_pods_follows_while_a_migration_holds_the_rest(world: World) -> None:
    world.declare(workers=[WORKER], image=NEW)
    await world.settle()
    world.fail_migration()
    await world.settle()
    world.declare(workers=[WORKER], image=NEW, web={"replicas": 5})
    await world.settle()
    assert world.child("Deployment", "counter-web")["spec"]["replicas"] == 5
    assert image(world) != NEW
    assert world.condition("Reconciled")["reason"] == "WaitingForMigrations"
    world.cluster.log.clear()
    world.start()
    await world.settle()
    assert not [request for request in world.cluster.writes() if request.kind == "Deployment"]


async def test_what_rests_starts_no_pod_before_its_migration(world: World) -> None:
    world.declare(workers=[WORKER], image=NEW, suspend=True)
    await world.settle()
    world.roll_out()
    await world.settle()
    world.declare(workers=[WORKER], image=NEW)
    await world.settle()
    assert world.child("Deployment", "counter-web")["spec"]["replicas"] == 0


async def test_a_scheduled_command_that_waits_is_not_called_reconciled(world: World) -> None:
    world.declare(workers=[WORKER], image=NEW)
    await world.settle()
    world.fail_migration()
    await world.settle()
    prune = {"name": "prune", "schedule": "0 4 * * *", "command": ["prune"]}
    world.declare(workers=[WORKER], image=NEW, cleanup=[prune], web={"replicas": 0})
    await world.settle()
    assert world.cluster.get("CronJob", "counter-prune") is None
    reconciled = world.condition("Reconciled")
    assert (reconciled["status"], reconciled["reason"]) == ("False", "WaitingForMigrations")
    world.declare(workers=[], image=NEW, cleanup=[prune], web={"replicas": 0})
    await world.settle()
    assert world.condition("Reconciled")["reason"] == "WaitingForMigrations", "no Deployment waits any more"
    assert world.condition("Progressing")["reason"] != "WaitingForMigrations"


async def test_two_migrations_never_run_at_once(world: World) -> None:
    world.declare(workers=[WORKER], image=NEW)
    await world.settle()
    first = world.migration()
    world.pod("m1", component=names.COMPONENT_MIGRATE, revision=first, status={"phase": "Running"})
    world.declare(workers=[WORKER], image="registry.example.com/counter:3")
    await world.settle()
    assert first in jobs(world)
    assert len(jobs(world)) == 2, "the Job of the third image waits"
    assert first in world.condition("MigrationsComplete")["message"]

    world.finish_migration()
    await world.settle()
    assert len(jobs(world)) == 3
    assert image(world).endswith(":1")
    world.finish_migration()
    await world.settle()
    assert image(world).endswith(":3")


async def test_a_migration_that_never_starts_is_replaced_at_once(world: World) -> None:
    world.declare(workers=[WORKER], image="registry.example.com/conter:2")
    await world.settle()
    broken = world.migration()
    waiting = {
        "name": "migrate",
        "image": "registry.example.com/conter:2",
        "state": {"waiting": {"reason": "ErrImagePull", "message": "conter:2: not found"}},
    }
    world.pod(
        "m1",
        component=names.COMPONENT_MIGRATE,
        revision=broken,
        status={"phase": "Pending", "containerStatuses": [waiting]},
    )
    await world.settle()
    assert world.condition("Ready")["reason"] == "ImagePullFailed"
    assert (
        "registry.example.com/conter:2: the registry does not have it" in world.condition("Ready")["message"]
    )
    world.declare(workers=[WORKER], image=NEW)
    await world.settle()
    assert broken not in jobs(world)
    world.finish_migration()
    await world.settle()
    assert image(world) == NEW


@pytest.mark.parametrize("policy", ["Manual", "Disabled"])
async def test_without_a_migration_nothing_waits(policy: str) -> None:
    world = World()
    world.declare(migrations={"policy": policy})
    await world.settle()
    assert world.child("Deployment", "counter-web")
    assert jobs(world) == []
    world.roll_out()
    await world.settle()
    assert world.condition("Ready")["status"] == "True"


async def test_suspension_scales_to_nothing_and_back(world: World) -> None:
    world.declare(workers=[WORKER], suspend=True)
    await world.settle()
    world.roll_out()
    pod = world.pod("counter-web-1", status={"phase": "Running"})
    world.cluster.edit(pod, lambda live: live["metadata"].update(deletionTimestamp="2026-01-01T00:00:00Z"))
    await world.settle()
    assert world.child("Deployment", "counter-web")["spec"]["replicas"] == 0
    assert world.child("Deployment", "counter-worker-celery")["spec"]["replicas"] == 0
    assert world.child("CronJob", "counter-clearsessions")["spec"]["suspend"] is True
    assert world.child("StatefulSet", "counter-redis")["spec"]["replicas"] == 1
    assert world.condition("Suspended")["status"] == "True"
    assert world.condition("Draining")["status"] == "True"
    assert world.condition("Progressing")["status"] == "False", "no revision replaces another"
    assert (world.condition("Ready")["status"], world.condition("Ready")["reason"]) == ("False", "Suspended")
    assert world.condition("Degraded")["status"] == "False"
    assert world.told.reasons() == ["Suspended"]

    world.cluster.remove(pod)
    await world.settle()
    assert world.condition("Draining")["status"] == "False"
    world.declare(workers=[WORKER])
    await world.bring_up()
    assert world.child("Deployment", "counter-web")["spec"]["replicas"] == 2
    assert world.told.reasons()[1:] == ["Resumed", "Ready"]


async def test_suspension_does_not_wait_for_a_migration_that_fails(world: World) -> None:
    world.declare(workers=[WORKER], image=NEW)
    await world.settle()
    world.fail_migration()
    await world.settle()
    world.declare(workers=[WORKER], image=NEW, suspend=True)
    await world.settle()
    for name in ("counter-web", "counter-worker-celery"):
        assert world.child("Deployment", name)["spec"]["replicas"] == 0
    assert world.child("CronJob", "counter-clearsessions")["spec"]["suspend"] is True
    assert world.condition("Suspended")["message"] == "Web and workers are being scaled to 0; Redis stays."
    world.roll_out()
    await world.settle()
    assert world.condition("Suspended")["message"] == "Web and workers are scaled to 0; Redis stays."
    assert world.condition("Reconciled")["status"] == "True"
    assert world.condition("Ready")["reason"] == "MigrationFailed"


async def test_what_was_suspended_comes_back_only_migrated(world: World) -> None:
    world.declare(workers=[WORKER], image=NEW, suspend=True)
    await world.settle()
    world.fail_migration()
    await world.settle()
    world.declare(workers=[WORKER], image=NEW)
    await world.settle()
    assert world.child("Deployment", "counter-web")["spec"]["replicas"] == 0
    assert world.child("CronJob", "counter-clearsessions")["spec"]["suspend"] is True
    assert world.condition("Reconciled")["reason"] == "WaitingForMigrations"

    mended = "registry.example.com/counter:3"
    world.declare(workers=[WORKER], image=mended)
    await world.bring_up()
    assert image(world) == mended
    assert world.child("Deployment", "counter-web")["spec"]["replicas"] == 2
    assert world.child("CronJob", "counter-clearsessions")["spec"]["suspend"] is False


async def test_keda_cannot_bring_back_what_is_not_migrated() -> None:
    web = {"autoscaling": {"maxReplicas": 6, "engine": "KEDA"}}
    world = World(surroundings=Surroundings(metrics_url="http://operator-leader.system.svc:8080"))
    world.declare(web=web, suspend=True)
    await world.settle()
    world.finish_migration()
    await world.settle()
    world.declare(web=web, image=NEW)
    await world.settle()
    assert world.child("Deployment", "counter-web")["spec"]["replicas"] == 0
    assert world.cluster.get("ScaledObject", "counter-web") is None, "it starts pods by itself"

    world.finish_migration()
    await world.settle()
    assert world.cluster.get("ScaledObject", "counter-web") is not None
    assert image(world) == NEW
