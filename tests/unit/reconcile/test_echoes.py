"""The watch may report our own writes before they are answered: that is no reason to look again, anything else is."""

from __future__ import annotations

from typing import Any

import pytest

from realtimeapp_operator import names
from realtimeapp_operator.kube.errors import ApiError, Unavailable
from realtimeapp_operator.kube.kinds import Ref
from tests.support.world import KEY, World

SERVICE = Ref("v1", "Service", KEY.namespace, "counter-web")
APP = Ref(names.API_VERSION, names.KIND, KEY.namespace, KEY.name)


@pytest.fixture
def world() -> World:
    """A world whose watches are always quicker than the answers."""
    world = World()
    world.cluster.after = world.deliver
    return world


def once(world: World, ref: Ref, happening: Any) -> None:  # noqa: ANN401 - any callable
    """Let something happen to `ref` as soon as it exists, before the answer to the write that made it."""

    def after() -> None:
        if ref in world.cluster.objects and not done:
            done.append(True)
            happening()
        world.deliver()

    done: list[bool] = []
    world.cluster.after = after


async def test_a_watch_quicker_than_the_answers_costs_no_second_run(world: World) -> None:
    world.declare()
    world.deliver()
    world.due.clear()
    await world.reconciler.reconcile(KEY)
    world.deliver()
    assert not world.due
    world.cluster.log.clear()
    await world.reconciler.reconcile(KEY)
    assert world.cluster.log == []
    assert world.condition("Reconciled")["reason"] == "WaitingForMigrations"


async def test_it_makes_no_difference_to_what_a_user_sees(world: World) -> None:
    slow = World()
    for one in (slow, world):
        one.declare()
        await one.bring_up()
    assert world.status() == slow.status()
    assert world.cluster.objects.keys() == slow.cluster.objects.keys()


async def test_a_change_by_somebody_else_before_the_answer_is_repaired(world: World) -> None:
    once(
        world,
        SERVICE,
        lambda: world.cluster.edit(SERVICE, lambda live: live["spec"].update(selector={"app": "other"})),
    )
    world.declare()
    await world.settle()
    assert world.child("Service", "counter-web")["spec"]["selector"] != {"app": "other"}


async def test_a_child_deleted_before_the_answer_is_created_again(world: World) -> None:
    once(world, SERVICE, lambda: world.cluster.remove(SERVICE))
    world.declare()
    await world.settle()
    assert world.cluster.get("Service", "counter-web") is not None


async def test_an_event_during_a_write_that_fails_is_looked_at(world: World) -> None:
    world.declare()
    await world.bring_up()
    world.declare(web={"replicas": 3})
    world.deliver()
    world.due.clear()
    deployment = world.cluster.ref("Deployment", "counter-web")

    def interfere(verb: str, ref: Ref) -> ApiError | None:
        if (verb, ref) != ("apply", deployment):
            return None
        world.cluster.edit(ref, lambda live: live["spec"].update(replicas=7))
        world.deliver()
        return Unavailable(status=0, message="no answer")

    world.cluster.refuse = interfere
    with pytest.raises(Unavailable):
        await world.reconciler.reconcile(KEY)
    assert list(world.due) == [KEY]
    world.cluster.refuse = lambda _verb, _ref: None
    await world.settle()
    assert world.child("Deployment", "counter-web")["spec"]["replicas"] == 3


async def test_a_new_declaration_while_the_status_is_written_is_looked_at(world: World) -> None:
    world.declare(migrations={"policy": "Disabled"})
    done: list[bool] = []

    def after() -> None:
        if world.cluster.objects[APP].get("status") and not done:
            done.append(True)
            world.declare(migrations={"policy": "Disabled"}, web={"replicas": 4})
        world.deliver()

    world.cluster.after = after
    await world.settle()
    assert world.child("Deployment", "counter-web")["spec"]["replicas"] == 4
    assert world.status()["observedGeneration"] == world.cluster.objects[APP]["metadata"]["generation"]


async def test_a_status_somebody_else_wrote_meanwhile_is_put_right(world: World) -> None:
    world.declare()
    done: list[bool] = []

    def after() -> None:
        if world.cluster.objects[APP].get("status") and not done:
            done.append(True)
            world.cluster.set_status(APP, {"conditions": []})
        world.deliver()

    world.cluster.after = after
    await world.settle()
    assert world.condition("Reconciled")["reason"] == "WaitingForMigrations"
