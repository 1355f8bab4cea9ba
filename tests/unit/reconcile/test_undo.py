"""`kubectl rollout undo`, pause and restart are what a person meant, not drift; and nothing of an undo stays behind."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from realtimeapp_operator.kube.kinds import Ref
from tests.support.world import KEY, World

OLD, NEW, NEWER = (f"registry.example.com/counter:{n}" for n in (1, 2, 3))
KUBECTL = "kubectl-rollout"
NOTE = [{"name": "NOTE", "value": "old"}]
DISABLED: dict[str, Any] = {"migrations": {"policy": "Disabled"}}
RESTARTED = "kubectl.kubernetes.io/restartedAt"


def deployment(world: World, name: str = "counter-web") -> dict[str, Any]:
    return world.child("Deployment", name)


def image(world: World, name: str = "counter-web") -> str:
    return str(deployment(world, name)["spec"]["template"]["spec"]["containers"][0]["image"])


def variables(world: World) -> set[str]:
    container = deployment(world)["spec"]["template"]["spec"]["containers"][0]
    return {item["name"] for item in container["env"]}


def undo(world: World, to: dict[str, Any]) -> None:
    """What kubectl does: the older template and the annotations of its ReplicaSet, the labels as they are."""

    def change(live: dict[str, Any]) -> None:
        live["spec"]["template"] = copy.deepcopy(to["spec"]["template"])
        live["metadata"]["annotations"] = copy.deepcopy(to["metadata"]["annotations"])

    world.cluster.edit(Ref.of(to), change, manager=KUBECTL)


async def roll_out(world: World) -> None:
    await world.settle()
    world.roll_out()
    await world.settle()


@pytest.fixture
async def world() -> World:
    """Two revisions, the older with a variable the newer has not, and the newer undone."""
    made = World()
    made.declare(image=OLD, env=NOTE, **DISABLED)
    await roll_out(made)
    old = copy.deepcopy(deployment(made))
    made.declare(image=NEW, **DISABLED)
    await roll_out(made)
    assert made.condition("Ready")["status"] == "True"
    made.told.stories.clear()
    undo(made, old)
    await roll_out(made)
    return made


async def test_an_undo_is_left_alone_and_told(world: World) -> None:
    assert image(world) == OLD
    for kind in ("Reconciled", "WebReady", "Ready"):
        condition = world.condition(kind)
        assert (condition["status"], condition["reason"]) == ("False", "RolledBack"), kind
        assert "spec.image" in condition["message"]
    assert world.condition("Degraded")["status"] == "False", "a person did it"
    progressing = world.condition("Progressing")
    assert (progressing["status"], progressing["reason"]) == ("False", "RolledBack")
    assert "RolledBack" in world.told.reasons()
    world.cluster.log.clear()
    world.start()
    await world.settle()
    assert image(world) == OLD
    assert not [request for request in world.cluster.writes() if request.kind == "Deployment"]


async def test_the_way_back_is_a_rollout_like_any_other() -> None:
    world = World()
    world.declare(image=OLD, **DISABLED)
    await roll_out(world)
    old = copy.deepcopy(deployment(world))
    world.declare(image=NEW, **DISABLED)
    await roll_out(world)
    undo(world, old)
    await world.settle()
    assert world.condition("Progressing")["reason"] == "RolloutInProgress"


async def test_a_new_image_ends_it_and_nothing_of_the_undo_stays(world: World) -> None:
    assert "NOTE" in variables(world)
    world.declare(image=NEWER, **DISABLED)
    await roll_out(world)
    assert image(world) == NEWER
    assert "NOTE" not in variables(world)
    assert world.condition("Ready")["status"] == "True"


async def test_declaring_the_older_revision_ends_it_without_a_rollout(world: World) -> None:
    template = copy.deepcopy(deployment(world)["spec"]["template"])
    world.declare(image=OLD, env=NOTE, **DISABLED)
    await roll_out(world)
    assert deployment(world)["spec"]["template"] == template
    assert world.condition("Ready")["status"] == "True"
    world.declare(image=OLD, **DISABLED)
    await roll_out(world)
    assert "NOTE" not in variables(world), "the undo's entry in the book must not keep it"


async def test_undoing_the_undo_ends_it(world: World) -> None:
    world.declare(image=NEW, **DISABLED)
    newest = copy.deepcopy(deployment(world))
    other = World()
    other.declare(image=NEW, **DISABLED)
    await roll_out(other)
    for part in ("spec", "metadata"):
        newest[part] = copy.deepcopy(deployment(other)[part])
    undo(world, newest)
    await roll_out(world)
    assert image(world) == NEW
    assert world.condition("Ready")["status"] == "True"


async def test_a_changed_number_of_pods_reaches_what_was_rolled_back(world: World) -> None:
    world.declare(image=NEW, web={"replicas": 5}, **DISABLED)
    await roll_out(world)
    assert (image(world), deployment(world)["spec"]["replicas"]) == (OLD, 5)
    assert world.condition("Reconciled")["reason"] == "RolledBack"
    world.declare(image=NEW, suspend=True, **DISABLED)
    await roll_out(world)
    assert (image(world), deployment(world)["spec"]["replicas"]) == (OLD, 0)
    world.declare(image=NEWER, web={"replicas": 5}, **DISABLED)
    await roll_out(world)
    assert (image(world), deployment(world)["spec"]["replicas"]) == (NEWER, 5)


async def test_an_upgrade_of_the_operator_does_not_end_it(world: World) -> None:
    world.images = type(world.images)(runtime="registry.example.com/operator:2", redis=world.images.redis)
    world.start()
    await roll_out(world)
    assert image(world) == OLD
    assert world.condition("Reconciled")["reason"] == "RolledBack"


async def test_a_worker_can_be_rolled_back_too() -> None:
    world, name = World(), "counter-worker-celery"
    workers = [{"name": "celery", "type": "CeleryWorker", "app": "shop"}]
    world.declare(image=OLD, workers=workers, **DISABLED)
    await roll_out(world)
    old = copy.deepcopy(deployment(world, name))
    world.declare(image=NEW, workers=workers, **DISABLED)
    await roll_out(world)
    undo(world, old)
    await roll_out(world)
    assert image(world, name) == OLD
    assert image(world) == NEW
    assert name in world.condition("WorkersReady")["message"]
    assert world.condition("WebReady")["status"] == "True"


async def test_an_edit_is_still_drift(world: World) -> None:
    world.declare(image=NEWER, **DISABLED)
    await roll_out(world)
    ref = Ref.of(deployment(world))
    world.cluster.edit(
        ref, lambda live: live["spec"]["template"]["spec"]["containers"][0].update(image="evil")
    )
    await roll_out(world)
    assert image(world) == NEWER


async def test_a_restart_by_kubectl_stays_through_the_next_apply() -> None:
    world = World()
    world.declare(**DISABLED)
    await roll_out(world)

    def restart(live: dict[str, Any]) -> None:
        live["spec"]["template"]["metadata"].setdefault("annotations", {})[RESTARTED] = "2026-01-01T00:00:00Z"

    world.cluster.edit(Ref.of(deployment(world)), restart, manager=KUBECTL)
    await roll_out(world)
    world.declare(web={"replicas": 5}, **DISABLED)
    await roll_out(world)
    assert deployment(world)["spec"]["replicas"] == 5
    assert RESTARTED in deployment(world)["spec"]["template"]["metadata"]["annotations"]
    assert world.condition("Ready")["status"] == "True"


async def test_a_pause_by_kubectl_stays_through_the_next_apply() -> None:
    world = World()
    world.declare(**DISABLED)
    await roll_out(world)
    world.cluster.edit(
        Ref.of(deployment(world)), lambda live: live["spec"].update(paused=True), manager=KUBECTL
    )
    await roll_out(world)
    world.declare(image=NEW, **DISABLED)
    await world.settle()
    assert deployment(world)["spec"]["paused"] is True
    assert image(world) == NEW


async def test_settings_stay_as_long_as_a_revision_that_needs_them() -> None:
    world = World()
    known: list[str] = []
    for seconds in (60, 61, 62):
        world.declare(session={"ttlSeconds": seconds}, **DISABLED)
        await roll_out(world)
        known.append(_keep_revision(world, f"counter-web-{seconds}"))
    assert len(set(known)) == 3
    assert settings(world) == set(known)
    world.cluster.remove(world.cluster.ref("ReplicaSet", "counter-web-60"))
    await roll_out(world)
    assert settings(world) == set(known[1:])


def settings(world: World) -> set[str]:
    """Names of the settings that exist."""
    found = (obj["metadata"]["name"] for obj in world.cluster.children(KEY) if obj["kind"] == "ConfigMap")
    return {name for name in found if "-settings-" in name}


def _keep_revision(world: World, name: str) -> str:
    """What the Deployment controller keeps of the template that is there now; the name of its settings."""
    live = deployment(world)
    template = copy.deepcopy(live["spec"]["template"])
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "counter-web", "controller": True}
    metadata = {"name": name, "namespace": KEY.namespace, "labels": template["metadata"]["labels"]}
    metadata["ownerReferences"] = [{**owner, "uid": live["metadata"]["uid"]}]
    world.cluster.put(
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": metadata,
            "spec": {"replicas": 0, "template": template},
        }
    )
    [found] = [name for name in settings(world) if name in str(template)]
    return found
