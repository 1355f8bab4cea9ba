"""200 open sockets, two visitors and a person with a page, while everything underneath is replaced."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from hack.clients.application import is_settled
from hack.clients.browser import chromium
from hack.clients.edge import Visitor
from hack.clients.sockets import Fleet
from hack.clients.waiting import eventually_async
from tests.e2e.test_first_light import click, count, open_counter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hack.clients.kubectl import Kubectl

SOCKETS = 200
RATE = 50
NEW_IMAGE = "localhost/djust-counter:2"
LIGHT = "/whoami/"
"""A view that costs next to nothing: forty pages a second would be a test of two cores, not of the rollout."""


@pytest.fixture(params=["SurgeAll", "Paced"])
def strategy(request: pytest.FixtureRequest) -> str:
    """Both ways to replace pods."""
    return str(request.param)


@pytest.fixture
async def fleet(kubectl: Kubectl, host: str, counter: dict[str, Any], strategy: str) -> AsyncIterator[Fleet]:
    """The counter, Ready, with all sockets open."""
    counter["spec"].setdefault("web", {})["connections"] = {"maxPerPod": 300}
    counter["spec"]["web"]["rollout"] = {
        "strategy": strategy,
        "maxReconnectsPerSecond": RATE,
        "drainTimeoutSeconds": 12,
    }
    kubectl.apply(counter)
    kubectl.await_condition("counter", "Ready", within=60)
    async with Fleet(host=host, path="/ws/whoami/", size=SOCKETS) as fleet:
        await eventually_async(lambda: all_open(fleet), within=60, what="all sockets open")
        yield fleet


async def all_open(fleet: Fleet) -> bool:
    """Whether every client is connected at this moment."""
    return fleet.connected == fleet.size


async def test_a_new_image_closes_every_socket_once_with_1012_and_nobody_sees_an_error(
    kubectl: Kubectl, host: str, fleet: Fleet, strategy: str
) -> None:
    async with (
        chromium() as browser,
        Visitor(host=host, path=LIGHT) as stranger,
        Visitor(host=host, path=LIGHT, sticky=True) as regular,
    ):
        page = await (await browser.new_context()).new_page()
        await open_counter(page, host)
        await click(page, times=2)

        await asyncio.to_thread(kubectl.patch, "rta", "counter", {"spec": {"image": NEW_IMAGE}})
        await eventually_async(lambda: settled(kubectl), within=150, what="rollout finished")
        await eventually_async(lambda: all_open(fleet), within=60, what="all sockets back")

        await click(page, times=1)
        assert await count(page) == 3, "the count must survive the rollout"

    report(fleet, stranger, regular)
    assert set(fleet.codes()) == {1012}, fleet.codes()
    assert len(fleet.closes_by_client()) == SOCKETS, "every socket sat on a pod that was replaced"
    if strategy == "SurgeAll":
        assert max(fleet.closes_by_client().values()) == 1, "with SurgeAll each client reconnects once"
    assert fleet.spread() >= 0.6 * SOCKETS / RATE, "closes come one by one at the pace, not at once"
    assert stranger.total > 100
    assert regular.total > 100
    assert not stranger.errors, stranger.errors
    assert not regular.errors, regular.errors


@pytest.mark.parametrize("strategy", ["Paced"], indirect=True)
async def test_a_killed_redis_drops_no_socket(kubectl: Kubectl, fleet: Fleet) -> None:
    uid = kubectl.get("pod", "counter-redis-0")["metadata"]["uid"]
    await asyncio.to_thread(kubectl.run, "delete", "pod", "counter-redis-0", "--grace-period=0", "--force")
    await eventually_async(lambda: replaced(kubectl, uid), within=60, what="Redis back")
    await asyncio.to_thread(kubectl.await_condition, "counter", "Ready", within=60)
    assert fleet.codes() == {}
    assert fleet.connected == SOCKETS


async def settled(kubectl: Kubectl) -> bool:
    """Whether only pods of the manifest's image are left and the conditions say so."""
    return await asyncio.to_thread(is_settled, kubectl, "counter")  # kubectl must not hold up the clients


async def replaced(kubectl: Kubectl, uid: str) -> bool:
    """Whether another Redis pod than `uid` is ready."""
    pod = await asyncio.to_thread(kubectl.find, "pod", "counter-redis-0") or {}
    ready = any(
        c["type"] == "Ready" and c["status"] == "True" for c in pod.get("status", {}).get("conditions", ())
    )
    return bool(pod) and pod["metadata"]["uid"] != uid and ready


def report(fleet: Fleet, *visitors: Visitor) -> None:
    """The figures of a run, for whoever reads the log."""
    downtimes = sorted(fleet.downtimes) or [0.0]
    print(f"closes by code {fleet.codes()}, at most {fleet.peak_per_second()} in a second")
    print(
        f"downtime p50 {downtimes[len(downtimes) // 2]:.2f} s, max {downtimes[-1]:.2f} s; refusals {len(fleet.refusals)}"
    )
    for visitor in visitors:
        print(
            f"{'regular' if visitor.sticky else 'stranger'}: {visitor.total} requests, errors {visitor.errors}"
        )
