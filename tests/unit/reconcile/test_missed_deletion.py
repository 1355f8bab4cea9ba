"""kopf does not report what was deleted while its watch was cut off: a child's end makes us look."""

from __future__ import annotations

from realtimeapp_operator import names
from tests.support.world import KEY, World


async def test_an_application_deleted_unseen_is_not_created_over_and_over() -> None:
    world = World()
    world.declare(migrations={"policy": "Disabled"})
    await world.settle()
    world.undeclare()
    assert [event for event, _ in world.cluster.take_events()] == ["DELETED"], "nobody was told"
    assert world.apps.get(KEY) is not None
    world.cluster.collect()
    world.cluster.log.clear()
    await world.settle()
    assert world.apps.get(KEY) is None
    assert world.cluster.writes() == []
    assert world.cluster.children(KEY) == []


async def test_an_application_that_is_gone_when_its_status_is_written_is_forgotten() -> None:
    world = World()
    world.declare(migrations={"policy": "Disabled"})
    await world.settle()
    world.undeclare()
    world.cluster.take_events()
    world.roll_out()
    await world.settle()
    assert world.apps.get(KEY) is None


async def test_a_child_that_somebody_deleted_is_put_back_after_one_question() -> None:
    world = World()
    world.declare(migrations={"policy": "Disabled"})
    await world.settle()
    world.cluster.log.clear()
    world.cluster.remove(world.cluster.ref("PodDisruptionBudget", "counter-web"))
    await world.settle()
    assert [(request.verb, request.kind) for request in world.cluster.log] == [
        ("get", names.KIND),
        ("apply", "PodDisruptionBudget"),
    ]
