"""What the way in says decides about Ready: at once, after a while, or not at all."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from realtimeapp_operator.api.conditions import ConditionType
from realtimeapp_operator.probe.websocket import Finding, Verdict
from tests.support.fake_doorbell import VERDICTS
from tests.support.way_in import URL, roll_out, said, wait
from tests.support.world import World

if TYPE_CHECKING:
    from realtimeapp_operator.probe.websocket import Target


@pytest.fixture
def world() -> World:
    made = World()
    made.declare()
    return made


async def test_an_operator_that_looks_for_the_first_time_does_not_take_ready_back(world: World) -> None:
    """As after an update from a version that opened nothing."""
    await world.bring_up()
    ref = world.cluster.ref("RealtimeApp", "counter")

    def forget(live: dict[str, Any]) -> None:
        del live["status"]["websocket"]
        conditions = live["status"]["conditions"]
        live["status"]["conditions"] = [item for item in conditions if item["type"] != "WebSocketReady"]

    world.cluster.edit(ref, forget)
    world.told.stories.clear()
    world.start()
    world.doorbell.held = asyncio.Event()
    await world.settle()
    assert said(world) == ("Unknown", "HandshakePending")
    assert said(world, "Ready") == ("True", "AsExpected")
    world.doorbell.held.set()
    await world.settle()
    assert said(world) == ("True", "HandshakeSucceeded")
    assert not world.told.stories


async def test_ready_waits_for_the_first_answer_but_not_for_long(world: World) -> None:
    world.doorbell.held = asyncio.Event()
    await roll_out(world)
    assert said(world) == ("False", "HandshakePending")
    assert said(world, "Ready") == ("False", "HandshakePending")
    assert said(world, "Degraded")[0] == "False"
    await wait(world, 14)
    assert said(world, "Ready") == ("False", "HandshakePending")
    await wait(world, 2)
    assert said(world) == ("Unknown", "HandshakePending")
    assert said(world, "Ready") == ("True", "AsExpected")
    assert len(world.doorbell.rung) == 1, "one at a time"
    world.doorbell.held.set()
    await world.settle()
    assert said(world) == ("True", "HandshakeSucceeded")


@pytest.mark.parametrize(
    ("meets", "reason"),
    [
        ("host", "HostRefused"),
        ("origin", "OriginRefused"),
        ("path", "PathNotFound"),
        ("page", "NoUpgrade"),
        ("login", "NoUpgrade"),
        ("error", "EdgeError"),
        ("full", "PodsFull"),
    ],
)
async def test_a_wrong_answer_that_lasts_is_told_and_takes_ready_away(
    world: World, meets: str, reason: str
) -> None:
    world.doorbell.verdict = VERDICTS[meets]
    await roll_out(world)
    assert said(world) == ("False", "HandshakePending"), "an edge learns a little late"
    await wait(world, 16)
    assert said(world) == ("False", reason)
    assert said(world, "Ready") == ("False", reason)
    message = world.condition("WebSocketReady")["message"]
    assert message.startswith(f"{URL} does not open: {VERDICTS[meets].detail}. ")
    assert said(world, "Degraded") == (
        ("False", "AsExpected") if reason == "PodsFull" else ("True", reason)
    ), "full pods are no fault of the configuration"

    world.doorbell.verdict = VERDICTS["opened"]
    await wait(world, 60)
    assert said(world) == ("True", "HandshakeSucceeded")
    assert said(world, "Ready") == ("True", "AsExpected")
    assert said(world, "Degraded")[0] == "False"


@pytest.mark.parametrize(
    ("meets", "reason"),
    [
        ("name", "HostNotResolved"),
        ("connection", "EdgeUnreachable"),
        ("certificate", "TlsFailed"),
        ("https", "TlsFailed"),
    ],
)
async def test_what_may_be_so_from_here_only_is_told_at_once_and_keeps_nobody_waiting(
    world: World, meets: str, reason: str
) -> None:
    world.doorbell.verdict = VERDICTS[meets]
    await roll_out(world)
    assert said(world) == ("Unknown", reason)
    assert said(world, "Ready") == ("True", "AsExpected")
    assert said(world, "Degraded")[0] == "False"
    assert VERDICTS[meets].detail in world.condition("WebSocketReady")["message"]
    assert "Ready" in world.told.reasons()
    assert not any(kind == "Warning" for kind, _, _ in world.told.stories)


async def test_an_edge_that_learns_late_alarms_nobody(world: World) -> None:
    world.doorbell.verdict = VERDICTS["path"]
    await roll_out(world)
    await wait(world, 5)
    world.doorbell.verdict = VERDICTS["opened"]
    await wait(world, 5)
    assert said(world, "Ready") == ("True", "AsExpected")
    assert world.told.reasons().count("Ready") == 1
    assert not any(kind == "Warning" for kind, _, _ in world.told.stories)


async def test_an_operator_that_starts_anew_keeps_the_words_until_it_knows_better(world: World) -> None:
    world.doorbell.verdict = VERDICTS["origin"]
    await roll_out(world)
    await wait(world, 20)
    before = world.status()
    world.start()
    world.cluster.log.clear()
    world.doorbell.held = asyncio.Event()
    await wait(world, 20)
    assert world.status() == before
    assert world.cluster.writes() == []
    world.doorbell.verdict = VERDICTS["opened"]
    world.doorbell.held.set()
    await world.settle()
    assert said(world) == ("True", "HandshakeSucceeded")


async def test_an_old_pod_that_the_edge_still_leads_to_speaks_for_nobody(world: World) -> None:
    for name, revision in (("counter-web-1", "old"), ("counter-web-2", "new")):
        world.pod(name, revision=revision, status={"phase": "Running"})
    ref = world.cluster.ref("Pod", "counter-web-1")
    world.cluster.edit(ref, lambda live: live["metadata"].update(deletionTimestamp="2026-01-01T00:00:00Z"))
    world.doorbell.verdict = Verdict(finding=Finding.OPENED, revision="old")
    await roll_out(world)
    assert said(world, "Ready") == ("False", "HandshakePending")
    world.doorbell.verdict = Verdict(finding=Finding.OPENED, revision="new")
    await wait(world, 2)
    assert said(world, "Ready") == ("True", "AsExpected")
    assert said(world) == ("True", "HandshakeSucceeded")


async def test_a_probe_that_fails_unforeseen_keeps_nobody_waiting(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(target: Target) -> Verdict:
        raise RuntimeError(target.path)

    world.doorbell.open = fail  # type: ignore[method-assign]  # a fault that no fake is meant to have
    await roll_out(world)
    assert said(world) == ("Unknown", "EdgeUnreachable")
    assert said(world, ConditionType.READY) == ("True", "AsExpected")
    assert "cannot try the WebSocket of shop/counter" in caplog.text
