"""Deaths of the operator around Jobs: whatever it had written, the same end, and never two migrations at once."""

from __future__ import annotations

import re
from typing import Any

import pytest

from realtimeapp_operator import names
from tests.support.fake_cluster import Killed
from tests.support.world import KEY, World

LOST = "OperationalError: connection refused"
IMAGES = ("registry.example.com/counter:1", "registry.example.com/counter:2")
ROUNDS = 20


async def live_through(world: World, *, deploy: str) -> None:
    """Two images, each with checks, and a migration whose first attempt loses its database."""
    for image in IMAGES:
        world.declare(image=image, checks={"deploy": deploy})
        await bring_up(world)


async def bring_up(world: World) -> None:
    """Until it is ready: controllers and kubelet do what is due, and time passes where it is waited for."""
    for _ in range(ROUNDS):
        await world.settle()
        assert len(unfinished(world, names.COMPONENT_MIGRATE)) <= 1
        if is_ready(world):
            return
        after = world.outcomes[KEY].after
        if not work(world) and after is not None:
            await world.clock.advance(after)
            world.due[KEY] = None
    raise AssertionError(world.status())


def work(world: World) -> bool:
    """Let every Job end and every rollout finish; False when there was no Job to end."""
    checks, migrations = (
        unfinished(world, component) for component in (names.COMPONENT_CHECK, names.COMPONENT_MIGRATE)
    )
    if checks:
        world.finish_check()
    for job in migrations:
        if names.split_attempt(job)[1] == 1:
            world.fail_migration(message=LOST)
        else:
            world.finish_migration()
    world.roll_out()
    return bool(checks or migrations)


def unfinished(world: World, component: str) -> list[str]:
    return [job for job in world.jobs(component) if "status" not in world.child("Job", job)]


def is_ready(world: World) -> bool:
    """Ready, checked, and nothing left of what was before."""
    generation = world.cluster.objects[world.cluster.ref(names.KIND, KEY.name)]["metadata"]["generation"]
    wanted = {"Ready": "True", "ChecksPassed": "True", "Progressing": "False"}
    found = {item["type"]: item for item in world.status()["conditions"]}
    return world.status()["observedGeneration"] == generation and all(
        found[kind]["status"] == status for kind, status in wanted.items()
    )


def final_state(world: World) -> str:
    """Names and specs of all but the pods, and the status, without what differs from one life to another."""
    state: dict[str, Any] = {}
    for ref, obj in world.cluster.objects.items():
        if ref.kind == "Pod":
            continue
        spec = obj.get("spec")
        conditions = [
            {key: value for key, value in item.items() if key != "observedGeneration"}
            for item in obj.get("status", {}).get("conditions", ())
        ]
        status = {key: value for key, value in obj.get("status", {}).items() if key != "observedGeneration"}
        state[f"{ref.kind}/{ref.name}"] = (spec, {**status, "conditions": conditions})
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z", "TIME", str(sorted(state.items())))


@pytest.mark.parametrize("deploy", ["Warn", "Enforce"])
async def test_death_after_any_write_ends_the_same_and_never_in_two_migrations(deploy: str) -> None:
    whole = World()
    await live_through(whole, deploy=deploy)
    expected = final_state(whole)
    writes = whole.cluster.writes()
    assert [request.verb for request in writes if request.kind == "Job"].count("apply") == 2 * 3
    assert [names.split_attempt(job)[1] for job in whole.jobs(names.COMPONENT_MIGRATE)] == [2]
    assert len(whole.jobs(names.COMPONENT_CHECK)) == 1
    for n in range(1, len(writes) + 1):
        world = World()
        world.cluster.writes_until_death = n
        with pytest.raises(Killed):
            await live_through(world, deploy=deploy)
        world.cluster.writes_until_death = None
        world.start()
        await live_through(world, deploy=deploy)
        assert final_state(world) == expected, f"after write {n}"
        world.cluster.log.clear()
        world.start()
        await world.settle()
        assert world.cluster.log == [], "a restart writes nothing"
