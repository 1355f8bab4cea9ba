"""When pods are asked, how often, and what it costs."""

from __future__ import annotations

import asyncio
import gc
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

from realtimeapp_operator.probe.connections import Reading
from realtimeapp_operator.reconcile.apps import Apps
from realtimeapp_operator.reconcile.loads import Followed, Loads
from realtimeapp_operator.reconcile.observed import Observed
from realtimeapp_operator.reconcile.ports import Key
from realtimeapp_operator.reconcile.sampler import Sampler
from tests.support.fake_clock import FakeClock
from tests.support.fake_probe import FakeProbe
from tests.support.silent_meter import SilentMeter
from tests.support.web_pods import address, hold, run_pod, stop_pod
from tests.support.world import KEY, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def running(sampler: Sampler) -> AsyncIterator[None]:
    task = asyncio.create_task(sampler.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def pass_time(world: World, seconds: float) -> None:
    """Half-second by half-second, with what the operator does meanwhile."""
    for _ in range(int(seconds * 2)):
        await world.clock.advance(0.5)
        await world.settle()


async def bring_up(pods: int = 2, **spec: Any) -> World:  # noqa: ANN401 - fields of the spec
    world = World()
    world.declare(**spec)
    for number in range(pods):
        run_pod(world, number, connections=100)
    await world.bring_up()
    return world


async def test_at_rest_each_pod_is_asked_twice_a_minute() -> None:
    world = await bring_up()
    async with running(world.sampler):
        await pass_time(world, 299)
    assert sorted(world.probe.asked) == sorted([address(0), address(1)] * 10)
    assert world.status()["connections"]["active"] == 200
    assert world.status()["connections"]["maxPerPod"] == 100


async def test_rest_costs_no_request_at_the_api_server() -> None:
    world = await bring_up()
    async with running(world.sampler):
        await pass_time(world, 60)
        world.cluster.log.clear()
        await pass_time(world, 600)
    assert len(world.probe.asked) > 40
    assert world.cluster.log == []


async def test_sockets_that_come_and_go_within_a_tenth_are_written_once() -> None:
    world = await bring_up(pods=10)
    async with running(world.sampler):
        for minute in range(30):
            for number in range(10):
                hold(world, number, 1000 + (minute * 37 + number * 11) % 99 - 49)
            await pass_time(world, 30)
            if minute == 1:
                world.cluster.log.clear()
    assert 9500 < world.status()["connections"]["active"] < 10500
    assert world.cluster.log == []


async def test_a_ramp_to_a_thousand_is_a_handful_of_writes() -> None:
    world = await bring_up()
    for number in range(2):
        hold(world, number, 0)
    async with running(world.sampler):
        await pass_time(world, 40)
        world.cluster.log.clear()
        for second in range(600):
            for number in range(2):
                hold(world, number, min(500, second))
            await pass_time(world, 1)
        await pass_time(world, 40)
    assert {request.verb for request in world.cluster.log} == {"patch"}
    assert 10 <= len(world.cluster.log) <= 21
    assert 900 <= world.status()["connections"]["active"] <= 1000


async def test_nobody_is_asked_without_sockets_or_without_an_address() -> None:
    world = await bring_up(framework="Django", web={"server": "Gunicorn"}, ingress=None)
    async with running(world.sampler):
        await pass_time(world, 120)
    assert world.probe.asked == []
    assert "connections" not in world.status()

    world = await bring_up(pods=1)
    world.pod("counter-web-5", status={"phase": "Pending"})
    async with running(world.sampler):
        await pass_time(world, 60)
    assert set(world.probe.asked) == {address(0)}


async def test_an_autoscaled_application_is_asked_every_ten_seconds() -> None:
    world = await bring_up(pods=1, web={"autoscaling": {"maxReplicas": 5}})
    async with running(world.sampler):
        await pass_time(world, 100)
    assert 10 <= len(world.probe.asked) <= 11


async def test_a_drain_is_looked_at_every_two_seconds() -> None:
    world = await bring_up()
    async with running(world.sampler):
        await pass_time(world, 35)
        pod = stop_pod(world, 0)
        await pass_time(world, 2)
        world.probe.asked.clear()
        await pass_time(world, 20)
        assert world.probe.asked.count(address(0)) == 10
        world.cluster.remove(pod)
        await pass_time(world, 30)
        world.probe.asked.clear()
        await pass_time(world, 60)
        assert world.probe.asked == [address(1)] * 2


async def test_a_pod_on_a_node_that_is_gone_is_waited_for_no_longer_than_it_may_take() -> None:
    world = await bring_up()
    async with running(world.sampler):
        await pass_time(world, 35)
        stop_pod(world, 0)
        hold(world, 0, None)
        await pass_time(world, 70)
        assert world.loads.total(KEY) == 200, "an autoscaler counts it with what it said last"
        assert not world.loads.of(KEY).complete, "nobody knows what it holds now"
        await pass_time(world, 60)
        assert world.loads.total(KEY) == 100
        world.probe.asked.clear()
        await pass_time(world, 120)
        assert world.probe.asked == [address(1)] * 4
    assert world.status()["connections"]["active"] == 100


async def test_pods_that_never_answer_are_asked_ever_more_rarely(caplog: pytest.LogCaptureFixture) -> None:
    world = await bring_up(pods=1)
    hold(world, 0, None)
    async with running(world.sampler):
        await pass_time(world, 3600)
        assert 30 <= len(world.probe.asked) <= 33
        said = [record.getMessage() for record in caplog.records if record.name.endswith("sampler")]
        assert said == [
            "no web pod of shop/counter says how many connections it holds: is a NetworkPolicy in the way?"
        ]
        hold(world, 0, 10)
        await pass_time(world, 125)
        assert world.status()["connections"]["active"] == 10
        assert "say again" in caplog.records[-1].getMessage() or caplog.records[-1].levelname == "WARNING"


async def test_a_refresh_asks_now_and_joins_a_round_that_runs() -> None:
    world = await bring_up()
    first, second = await asyncio.gather(world.sampler.refresh(KEY), world.sampler.refresh(KEY))
    assert first.active == second.active == 200
    assert sorted(world.probe.asked) == [address(0), address(1)]
    hold(world, 0, 1)
    assert (await world.sampler.refresh(KEY)).active == 101
    assert (await world.sampler.refresh(Key("shop", "unknown"))).complete is False


async def test_a_refresh_survives_the_end_of_the_sampler() -> None:
    world = await bring_up()
    hang = asyncio.Event()

    async def read(address: str, port: int) -> Reading | None:
        assert address
        assert port
        await hang.wait()
        return None

    world.probe.read = read  # type: ignore[method-assign]  # a pod that hangs
    async with running(world.sampler):
        await world.clock.advance(0)
        asking = asyncio.create_task(world.sampler.refresh(KEY))
        await world.clock.run_ready()
    assert (await asyncio.wait_for(asking, timeout=5)).complete is False


async def test_switched_off_it_asks_nobody() -> None:
    world = await bring_up()
    world.sampler = Sampler(
        loads=world.loads,
        apps=world.apps,
        probe=world.probe,
        clock=world.clock,
        meter=SilentMeter(),
        announce=lambda key: pytest.fail(f"{key} announced"),
        rest_seconds=0,
    )
    async with running(world.sampler):
        await pass_time(world, 300)
        assert not (await world.sampler.refresh(KEY)).complete
    assert world.probe.asked == []


async def test_a_thousand_applications_are_a_steady_trickle() -> None:
    clock, probe = FakeClock(), FakeProbe()
    observed = Observed(clock=clock, announce=lambda _key: None)
    loads = Loads(observed=observed, clock=clock)
    asked: list[tuple[float, Key]] = []
    pods = World()
    template = pods.cluster.objects[run_pod(pods, 0, connections=1)]
    probe.holds[address(0)] = Reading(1, draining=False)
    for number in range(1000):
        key = Key("shop", f"app-{number}")
        labels = {**template["metadata"]["labels"], "app.kubernetes.io/instance": key.name}
        metadata = {**template["metadata"], "name": f"{key.name}-web-0", "uid": key.name, "labels": labels}
        observed.observe("ADDED", {**template, "metadata": metadata})
        loads.follow(key, Followed(port=8000))
    note = loads.note

    def remember(key: Key, readings: Any) -> None:  # noqa: ANN401 - passed on
        asked.append((clock.monotonic(), key))
        note(key, readings)

    loads.note = remember  # type: ignore[method-assign]  # to look on
    sampler = Sampler(
        loads=loads,
        apps=Apps(),
        probe=probe,
        clock=clock,
        meter=SilentMeter(),
        announce=lambda key: pytest.fail(f"{key} announced"),
        rest_seconds=30,
    )
    start = clock.monotonic()
    async with running(sampler):
        for _ in range(180):
            await clock.advance(0.5)
    later = [(at, key) for at, key in asked if start + 30 <= at < start + 90]
    assert len(later) == 2000, "each once in 30 seconds"
    per_second = [sum(start + 30 + s <= at < start + 31 + s for at, _ in later) for s in range(60)]
    assert max(per_second) < 80


async def test_an_application_that_goes_as_it_is_asked_leaves_no_error_behind() -> None:
    world = await bring_up()
    failures: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: failures.append(context))
    asking = asyncio.create_task(world.sampler.refresh(KEY))
    await asyncio.sleep(0)
    world.loads.forget(KEY)
    assert not (await asking).complete
    del asking
    gc.collect()
    await asyncio.sleep(0)
    assert failures == []
    assert world.probe.asked == []
