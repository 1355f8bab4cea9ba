"""A rollout waits as long as what the pods hold needs, never longer than full pods would, and at rest nothing is written."""

from __future__ import annotations

from typing import Any

import pytest

from realtimeapp_operator.api.parse import parse
from realtimeapp_operator.reconcile.live_pace import ready_seconds
from tests.support.web_pods import hold, run_pod
from tests.support.world import KEY, SPEC, World

NEW = "registry.example.com/counter:2"
DECLARED = 21
"""2,000 connections at 100 a second, and one second: the defaults."""


@pytest.fixture
async def world() -> World:
    made = World()
    made.declare(migrations={"policy": "Disabled"})
    for number, connections in enumerate((100, 500)):
        run_pod(made, number, connections=connections)
    await made.settle()
    made.finish_check()
    made.roll_out()
    await made.settle()
    assert made.condition("Ready")["status"] == "True"
    return made


def pace(world: World) -> Any:  # noqa: ANN401 - a field of a Deployment
    return world.child("Deployment", "counter-web")["spec"]["minReadySeconds"]


def roll(world: World, image: str = NEW, **changes: Any) -> None:  # noqa: ANN401 - fields of the spec
    world.declare(migrations={"policy": "Disabled"}, image=image, **changes)


async def test_the_first_pods_and_unknown_counts_wait_for_full_ones(world: World) -> None:
    assert pace(world) == DECLARED
    hold(world, 1, None)
    await world.sampler.refresh(KEY)
    roll(world)
    await world.settle()
    assert pace(world) == DECLARED, "a pod that does not answer may be full"


async def test_a_rollout_goes_by_the_fullest_pod_of_the_moment(world: World) -> None:
    await world.sampler.refresh(KEY)
    roll(world)
    await world.settle()
    assert pace(world) == 10, "1.72 times 500 at 100 a second, and one"
    assert world.child("Deployment", "counter-web")["spec"]["progressDeadlineSeconds"] > DECLARED


async def test_the_choice_stays_whatever_comes_and_whoever_restarts(world: World) -> None:
    await world.sampler.refresh(KEY)
    roll(world)
    await world.settle()
    writes = len(world.cluster.log)
    hold(world, 1, 1900)
    await world.sampler.refresh(KEY)
    world.start()
    await world.settle()
    assert pace(world) == 10
    applied = [entry for entry in world.cluster.log[writes:] if "Deployment" in str(entry)]
    assert applied == []


async def test_a_rollout_nobody_asks_us_for_finds_the_pace_of_what_has_come_since(world: World) -> None:
    await world.sampler.refresh(KEY)
    roll(world)
    await world.settle()
    world.finish_check()
    world.roll_out()
    await world.settle()
    assert pace(world) == 10, "rolled out, and holding no more than it was chosen for"
    hold(world, 1, 1500)
    await world.sampler.refresh(KEY)
    await world.settle()
    assert pace(world) == DECLARED, "kubectl rollout restart and undo take the number that is there"
    writes = len(world.cluster.log)
    hold(world, 1, 20)
    await world.sampler.refresh(KEY)
    world.start()
    await world.settle()
    assert [entry for entry in world.cluster.log[writes:] if "Deployment" in str(entry)] == []


async def test_a_change_by_somebody_else_is_taken_back(world: World) -> None:
    await world.sampler.refresh(KEY)
    roll(world)
    await world.settle()
    ref = world.cluster.ref("Deployment", "counter-web")
    world.cluster.edit(ref, lambda live: live["spec"].update(minReadySeconds=0))
    await world.settle()
    assert pace(world) == 10


async def test_old_counts_are_none(world: World) -> None:
    await world.sampler.refresh(KEY)
    await world.clock.advance(61)
    roll(world)
    await world.settle()
    assert pace(world) == DECLARED


async def test_it_never_waits_longer_than_declared(world: World) -> None:
    hold(world, 1, 2000)
    await world.sampler.refresh(KEY)
    roll(world)
    await world.settle()
    assert pace(world) == DECLARED


@pytest.mark.parametrize(
    ("strategy", "fullest", "seconds"),
    [("Paced", 0, 5), ("Paced", 100, 5), ("Paced", 1000, 19), ("Paced", 2000, 21), ("SurgeAll", 1000, 5)],
)
def test_a_pod_is_watched_for_five_seconds_at_least(strategy: str, fullest: int, seconds: int) -> None:
    rollout = {"strategy": strategy, "drainTimeoutSeconds": 60}
    metadata = {"name": "a", "namespace": "b", "uid": "c", "generation": 1}
    app = parse({"metadata": metadata, "spec": {**SPEC, "web": {"rollout": rollout}}})
    assert ready_seconds(app.spec, fullest=fullest) == seconds
