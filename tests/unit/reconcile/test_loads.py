"""What a count is worth: what is not known is never taken for nothing."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from realtimeapp_operator.api.conditions import format_time
from realtimeapp_operator.reconcile.loads import (
    SETTLE_SECONDS,
    AppLoads,
    count_left,
    has_left_moved,
    tell_connections,
)
from tests.support.web_pods import hold, run_pod, stop_pod
from tests.support.world import KEY, World

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def world() -> World:
    made = World()
    made.declare()
    for number, connections in enumerate((100, 50, 7)):
        run_pod(made, number, connections=connections)
    await made.bring_up()
    return made


def uid(world: World, number: int) -> str:
    return str(world.child("Pod", f"counter-web-{number}")["metadata"]["uid"])


async def test_the_pods_are_added_up(world: World) -> None:
    assert world.loads.of(KEY) == AppLoads(), "nobody has been asked"
    assert world.loads.total(KEY) is None
    loads = await world.sampler.refresh(KEY)
    assert loads.by_pod == {uid(world, 0): 100, uid(world, 1): 50, uid(world, 2): 7}
    assert (loads.active, loads.draining, loads.fullest, loads.complete) == (157, 0, 100, True)
    assert loads.sampled_at == world.clock.now()
    assert world.loads.total(KEY) == 157


async def test_a_pod_that_is_deleted_drains_and_then_does_not_count(world: World) -> None:
    await world.sampler.refresh(KEY)
    pod = stop_pod(world, 0)
    world.deliver()
    loads = world.loads.of(KEY)
    assert (loads.active, loads.draining) == (157, 100)
    world.cluster.remove(pod)
    world.deliver()
    loads = world.loads.of(KEY)
    assert (loads.active, loads.draining, loads.complete) == (57, 0, True)


async def test_a_pod_that_says_that_it_drains_is_believed(world: World) -> None:
    hold(world, 1, 50, draining=True)
    assert (await world.sampler.refresh(KEY)).draining == 50


async def test_a_silent_pod_makes_the_sum_unknown_once_its_last_count_is_old(world: World) -> None:
    await world.sampler.refresh(KEY)
    hold(world, 0, None)
    await world.clock.advance(59)
    await world.sampler.refresh(KEY)
    assert world.loads.total(KEY) == 157
    assert not world.loads.of(KEY).is_fresh(now=world.clock.monotonic(), within=5)
    await world.clock.advance(2)
    await world.sampler.refresh(KEY)
    assert world.loads.total(KEY) is None
    assert not world.loads.of(KEY).complete


async def test_a_busy_pod_that_fails_its_readiness_still_holds_connections(world: World) -> None:
    await world.sampler.refresh(KEY)
    run_pod(world, 0, connections=None, ready=False)
    await world.clock.advance(61)
    await world.settle()
    await world.sampler.refresh(KEY)
    assert world.loads.total(KEY) == 157, "an autoscaler must not go blind with a lost node"
    assert not world.loads.of(KEY).complete, "but no pod goes by it"
    run_pod(world, 0, connections=None, ready=True)
    await world.settle()
    assert world.loads.total(KEY) is None, "back in service, it may have taken others in"


async def test_when_nobody_answers_nothing_is_known(world: World) -> None:
    await world.sampler.refresh(KEY)
    for number in range(3):
        run_pod(world, number, connections=None, ready=False)
    await world.clock.advance(61)
    await world.settle()
    await world.sampler.refresh(KEY)
    assert world.loads.total(KEY) is None


async def test_a_pod_that_just_starts_holds_nothing(world: World) -> None:
    run_pod(world, 9, connections=None, ready=False)
    await world.settle()
    await world.sampler.refresh(KEY)
    assert world.loads.total(KEY) == 157
    run_pod(world, 9, connections=None, ready=True)
    await world.settle()
    assert world.loads.total(KEY) is None, "it may have taken some in"


async def test_all_pods_gone_is_unknown_not_nothing(world: World) -> None:
    await world.sampler.refresh(KEY)
    await world.settle()
    for number in range(3):
        world.cluster.remove(world.cluster.ref("Pod", f"counter-web-{number}"))
    await world.settle()
    await world.sampler.refresh(KEY)
    assert world.loads.total(KEY) is None
    assert world.status()["connections"] == {
        "active": 0,
        "draining": 0,
        "maxPerPod": 0,
        "sampledAt": format_time(world.clock.now()),
    }


async def test_counts_of_a_deleted_application_are_forgotten(world: World) -> None:
    await world.sampler.refresh(KEY)
    world.undeclare()
    await world.settle()
    assert world.loads.followed == {}
    assert world.loads.of(KEY) == AppLoads()


def loads(active: int, draining: int = 0, *, complete: bool = True) -> AppLoads:
    return AppLoads(by_pod={"a": active}, active=active, draining=draining, complete=complete, sampled_at=NOW)


def told(active: int, draining: int = 0, *, ago: float = 0.0) -> dict[str, object]:
    at = format_time(NOW - timedelta(seconds=ago))
    return {"active": active, "draining": draining, "maxPerPod": active, "sampledAt": at}


@pytest.mark.parametrize(
    ("before", "now", "news"),
    [
        (told(1000), loads(1099), False),
        (told(1000), loads(901), False),
        (told(1000), loads(1100), True),
        (told(1000), loads(900), True),
        (told(1000), loads(0), True),
        (told(0), loads(1), True),
        (told(1), loads(0), True),
        (
            told(1000),
            loads(1000, 99),
            False,
        ),
        (told(1000), loads(1000, 100), True),
        (told(1000, 100), loads(1000, 0), True),
        (told(1000, 40), loads(1000, 0), True),
        (told(20), loads(29), False),
        (told(20), loads(30), True),
        (told(20, ago=SETTLE_SECONDS), loads(23), True),
        (told(1000), loads(2000, complete=False), False),
        ({}, loads(5), True),
        ({}, AppLoads(complete=True), False),
    ],
)
def test_a_tenth_is_news(before: dict[str, object], now: AppLoads, news: bool) -> None:  # noqa: FBT001 - a table
    assert (tell_connections(now, before, now=NOW) != before) == news


def test_however_the_sum_moves_there_is_one_write_per_tenth_at_most() -> None:
    chance = random.Random(5)  # noqa: S311 - the same walk each time
    for _ in range(200):
        status: dict[str, object] = {}
        count, moved, writes = 0, 0.0, 0
        for step in range(300):
            count = max(0, count + chance.randint(-60, 80))
            now = NOW + timedelta(seconds=30 * step)
            after = dict(tell_connections(loads(count), status, now=now))
            if after != status:
                writes += 1
                before = status.get("active", 0)
                assert isinstance(before, int)
                moved += abs(count - before) / before * 10 if before else 1
                status = after
        assert writes <= moved


def test_what_is_left_is_news_by_the_tenth_of_all_there_was() -> None:
    rollout = {"connectionsTotal": 1000, "connectionsLeft": 500}
    assert not has_left_moved(401, rollout)
    assert has_left_moved(400, rollout)
    assert has_left_moved(0, {**rollout, "connectionsLeft": 20})
    assert not has_left_moved(None, rollout)
    assert has_left_moved(3, {})
    assert count_left(loads(8), ["a", "gone"]) == 8
    assert count_left(loads(8, complete=False), ["a"]) is None
