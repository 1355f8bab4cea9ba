"""The way in is tried once after each rollout, and again only while it fails."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from realtimeapp_operator.probe.websocket import Target
from realtimeapp_operator.reconcile.handshake import Knock
from realtimeapp_operator.reconcile.openings import AT_ONCE, Openings
from realtimeapp_operator.reconcile.ports import Key
from tests.support.fake_clock import FakeClock
from tests.support.fake_doorbell import VERDICTS, FakeDoorbell
from tests.support.way_in import URL, roll_out, said, wait
from tests.support.world import SPEC, World

if TYPE_CHECKING:
    from collections.abc import Mapping

NEW = "registry.example.com/counter:2"
INGRESS: dict[str, Any] = SPEC["ingress"]


@pytest.fixture
def world() -> World:
    made = World()
    made.declare()
    return made


async def test_where_no_pod_is_asked_for_nobody_is_tried_and_nothing_is_wrong(world: World) -> None:
    world.doorbell.verdict = VERDICTS["error"]
    await roll_out(world, web={"replicas": 0})
    await wait(world, 40)
    assert not world.doorbell.rung
    assert said(world) == ("Unknown", "HandshakePending")
    assert said(world, "Ready") == ("True", "AsExpected")
    assert said(world, "Degraded") == ("False", "AsExpected")
    world.doorbell.verdict = VERDICTS["opened"]
    await roll_out(world, web={"replicas": 2})
    assert said(world) == ("True", "HandshakeSucceeded")


async def test_it_is_opened_once_all_pods_are_new_and_never_at_rest(world: World) -> None:
    await world.settle()
    assert said(world) == ("Unknown", "HandshakePending")
    assert not world.doorbell.rung
    await roll_out(world)
    assert said(world) == ("True", "HandshakeSucceeded")
    assert said(world, "Ready") == ("True", "AsExpected")
    assert world.doorbell.rung == [
        Target(
            host="counter.example.com",
            path="/ws/live/",
            secure=False,
            answerer="application",
            address="192.0.2.1",
        )
    ]
    websocket = world.status()["websocket"]
    assert websocket["url"] == URL
    assert websocket["checkedAt"] == world.time()

    world.cluster.log.clear()
    await wait(world, 3600)
    assert len(world.doorbell.rung) == 1
    assert world.cluster.log == []

    world.declare(image=NEW)
    await world.settle()
    assert said(world) == ("Unknown", "HandshakePending")
    assert world.status()["websocket"] == websocket, "the last answer stays until there is another"
    await roll_out(world)
    assert len(world.doorbell.rung) == 2
    assert said(world) == ("True", "HandshakeSucceeded")
    assert world.status()["websocket"]["checkedFor"] != websocket["checkedFor"]


@pytest.mark.parametrize(
    "changes",
    [
        {"ingress": {**INGRESS, "annotations": {"traefik.ingress.kubernetes.io/router.priority": "7"}}},
        {"ingress": {**INGRESS, "hosts": ["other.example.com"]}},
        {"ingress": {**INGRESS, "websocketProbe": {"path": "/ws/other/"}}},
    ],
    ids=["an annotation", "the host", "the path"],
)
async def test_another_way_in_is_tried_as_well(world: World, changes: dict[str, Any]) -> None:
    await world.bring_up()
    world.declare(**changes)
    await roll_out(world)
    assert len(world.doorbell.rung) == 1, "an edge that has not learned of it yet would answer by the old way"
    assert said(world, "Ready") == ("False", "HandshakePending")
    await wait(world, 3)
    assert len(world.doorbell.rung) == 2
    assert said(world) == ("True", "HandshakeSucceeded")
    assert said(world, "Ready") == ("True", "AsExpected")


async def test_a_change_of_something_else_opens_nothing(world: World) -> None:
    await world.bring_up()
    world.declare(web={"replicas": 5})
    await roll_out(world)
    assert len(world.doorbell.rung) == 1


async def test_an_operator_that_starts_anew_does_not_ask_again(world: World) -> None:
    await world.bring_up()
    world.cluster.log.clear()
    world.start()
    await wait(world, 600)
    assert len(world.doorbell.rung) == 1
    assert [request for request in world.cluster.log if request.verb != "get"] == []


async def test_it_is_tried_again_with_growing_pauses_and_written_once(world: World) -> None:
    world.doorbell.verdict = VERDICTS["path"]
    await roll_out(world)
    tried: list[float] = []
    before = world.clock.monotonic()
    while len(tried) < 8:
        rung = len(world.doorbell.rung)
        await wait(world, 1)
        if len(world.doorbell.rung) > rung:
            tried.append(world.clock.monotonic() - before)
    assert tried == [1, 3, 7, 15, 31, 61, 361, 661]
    checked_at = world.status()["websocket"]["checkedAt"]
    world.cluster.log.clear()
    await wait(world, 3600)
    assert len(world.doorbell.rung) == 9 + 12
    assert world.cluster.writes() == [], "the same answer is no news"
    assert world.status()["websocket"]["checkedAt"] == checked_at


async def test_a_failing_way_in_is_tried_at_once_when_its_address_changes(world: World) -> None:
    world.doorbell.verdict = VERDICTS["connection"]
    await roll_out(world)
    await wait(world, 120)
    rung = len(world.doorbell.rung)
    world.doorbell.verdict = VERDICTS["opened"]
    ref = world.cluster.ref("Ingress", "counter-web")
    world.cluster.set_status(ref, {"loadBalancer": {"ingress": [{"hostname": "edge.example.net"}]}})
    await world.settle()
    assert len(world.doorbell.rung) == rung + 1
    assert world.doorbell.rung[-1].address == "edge.example.net"
    assert said(world) == ("True", "HandshakeSucceeded")


@pytest.mark.parametrize(
    ("changes", "answerer", "path"),
    [
        ({}, "application", "/ws/live/"),
        ({"framework": "Channels"}, "edge", "/ws/"),
        (
            {"framework": "Channels", "ingress": {**INGRESS, "websocketProbe": {"path": "/ws/open/"}}},
            "application",
            "/ws/open/",
        ),
        ({"framework": "RealtimeChat"}, "edge", "/messaging/"),
    ],
)
async def test_what_is_known_to_take_everybody_in_answers_itself(
    changes: dict[str, Any], answerer: str, path: str
) -> None:
    world = World()
    world.declare(**changes)
    await roll_out(world)
    (target,) = world.doorbell.rung
    assert (target.answerer, target.path) == (answerer, path)
    assert said(world) == ("True", "HandshakeSucceeded")


@pytest.mark.parametrize(
    "changes",
    [
        {
            "ingress": None,
            "django": {"settingsModule": "counter.settings", "allowedHosts": ["a.example.com"]},
        },
        {"ingress": {**INGRESS, "websocketProbe": {"mode": "Disabled"}}},
        {"framework": "Channels", "ingress": {**INGRESS, "websocketPaths": []}},
        {"framework": "Django", "django": {"settingsModule": "shop.settings"}},
    ],
    ids=["no ingress", "disabled", "no path", "no sockets"],
)
async def test_where_none_is_asked_for_none_is_opened(changes: Mapping[str, Any]) -> None:
    world = World()
    world.declare(**changes)
    await roll_out(world)
    assert said(world) == ("True", "NotConfigured")
    assert said(world, "Ready") == ("True", "AsExpected")
    assert not world.doorbell.rung
    assert "websocket" not in world.status()


async def test_a_suspended_application_is_left_alone_and_looked_at_when_it_is_back(world: World) -> None:
    await world.bring_up()
    world.declare(suspend=True)
    await roll_out(world)
    assert said(world) == ("False", "Suspended")
    assert said(world, "Ready") == ("False", "Suspended")
    world.declare()
    await roll_out(world)
    assert said(world, "Ready") == ("True", "AsExpected")


async def test_without_a_published_address_the_name_is_looked_up() -> None:
    world = World(traefik=False)
    world.cluster.put(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": {"name": "traefik"},
            "spec": {"controller": "example.com/other"},
        }
    )
    world.declare()
    await world.settle()
    world.finish_migration()
    await world.settle()
    for kind, name in (("Deployment", "counter-web"), ("StatefulSet", "counter-redis")):
        ref = world.cluster.ref(kind, name)
        world.roll_out()
        assert ref
    world.cluster.set_status(world.cluster.ref("Ingress", "counter-web"), {"loadBalancer": {"ingress": []}})
    await world.settle()
    assert said(world, "EdgeReady") == ("False", "AddressPending")
    (target,) = world.doorbell.rung
    assert target.address is None
    assert said(world, "Ready") == ("True", "AsExpected")


async def test_nothing_is_tried_through_an_ingress_class_that_is_not_there() -> None:
    world = World(traefik=False)
    world.declare()
    await roll_out(world)
    assert said(world, "EdgeReady") == ("False", "IngressClassNotFound")
    assert said(world) == ("Unknown", "HandshakePending")
    assert not world.doorbell.rung


async def test_an_application_that_is_gone_is_not_waited_for(world: World) -> None:
    world.doorbell.held = asyncio.Event()
    await roll_out(world)
    world.undeclare()
    await world.settle()
    await world.clock.run_ready()
    assert not world.openings.busy


async def test_many_applications_wait_for_each_other_and_nobody_for_ever() -> None:
    clock, doorbell = FakeClock(), FakeDoorbell()
    doorbell.held = asyncio.Event()
    ended: list[Key] = []
    target = Target(host="counter.example.com", path="/ws/live/", secure=False, answerer="edge")
    keys = [Key("shop", f"counter-{number}") for number in range(AT_ONCE + 5)]
    async with Openings(doorbell=doorbell, clock=clock, announce=ended.append) as openings:
        for key in keys:
            openings.follow(key, Knock(target=target, checks=key.name), possible=True)
        await clock.run_ready()
        assert len(doorbell.rung) == AT_ONCE
        openings.forget(keys[-1])
        doorbell.held.set()
        await clock.run_ready()
    assert ended == keys[:-1], "who is gone is not waited for"


async def test_an_operator_that_stops_breaks_off_what_is_under_way(world: World) -> None:
    world.doorbell.held = asyncio.Event()
    async with world.openings:
        await roll_out(world)
        assert world.openings.busy
    assert not world.openings.busy
