"""Ready means that the way in is open: it was tried from outside, and what is wrong with it has a name."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from hack.clients.edge import ask
from hack.clients.sockets import Fleet
from hack.clients.waiting import eventually_async
from tests.e2e.bystanders import told

if TYPE_CHECKING:
    from hack.clients.kubectl import Kubectl

Patch = dict[str, Any]
SOCKET = "/ws/whoami/"
LASTS = 15
"""Seconds a wrong answer has to last before it is told."""


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """One way in that is not one: what is patched in, what is said of it, what is patched to mend it."""

    breaks: Patch
    mends: Patch
    reason: str
    says: tuple[str, ...]
    framework: str = "Djust"


MISTAKES = {
    "the application takes another host": Mistake(
        framework="Channels",
        breaks={"django": {"allowedHosts": ["other.example.com"]}},
        mends={"django": {"allowedHosts": None}},
        reason="HostRefused",
        says=("400", "django.allowedHosts"),
    ),
    "the application takes another origin": Mistake(
        breaks={"django": {"allowedHosts": ["other.example.com"]}},
        mends={"django": {"allowedHosts": None}},
        reason="OriginRefused",
        says=("403", "AllowedHostsOriginValidator"),
    ),
    "the application has no such path": Mistake(
        breaks={"ingress": {"websocketProbe": {"path": "/ws/nowhere/"}}},
        mends={"ingress": {"websocketProbe": None}},
        reason="PathNotFound",
        says=("/ws/nowhere/ does not open: the answer is 404, by a web pod.",),
    ),
    "the edge has no route": Mistake(
        breaks={
            "ingress": {"annotations": {"traefik.ingress.kubernetes.io/router.entrypoints": "websecure"}}
        },
        mends={"ingress": {"annotations": None}},
        reason="PathNotFound",
        says=("does not open: the answer is 404.", "ingress.websocketPaths"),
    ),
}


def build(counter: dict[str, Any], framework: str) -> dict[str, Any]:
    """The counter with one web pod; its endpoint of Channels is known to the edge where that is its framework."""
    counter["spec"].setdefault("web", {})["replicas"] = 1
    counter["spec"]["framework"] = framework
    if framework == "Channels":
        counter["spec"]["ingress"]["websocketPaths"] = [SOCKET]
    return counter


async def assert_open(host: str) -> None:
    """The first request is answered with 200, and a socket opens, without waiting for anything."""
    assert await ask(host) == 200
    async with Fleet(host=host, path=SOCKET, size=1) as fleet:

        async def is_connected() -> bool:
            return fleet.connected == 1

        await eventually_async(is_connected, within=5, what="a socket is open")
        assert not fleet.refusals
        assert fleet.codes() == {}


async def test_ready_is_followed_by_a_first_answer_at_once(
    kubectl: Kubectl, host: str, counter: dict[str, Any]
) -> None:
    await asyncio.to_thread(kubectl.apply, build(counter, "Djust"))
    await told(kubectl, "counter", "Ready", within=60)
    await assert_open(host)
    first = kubectl.get("rta", "counter")["status"]["websocket"]
    assert first["url"] == f"ws://{host}/ws/live/"
    opened = kubectl.condition("counter", "WebSocketReady")
    assert (opened["status"], opened["reason"]) == ("True", "HandshakeSucceeded")

    kubectl.patch("rta", "counter", {"spec": {"image": "localhost/djust-counter:2"}})
    await told(kubectl, "counter", "Ready", within=60)
    await assert_open(host)
    second = kubectl.get("rta", "counter")["status"]["websocket"]
    assert second["checkedFor"] != first["checkedFor"], "another rollout, another try"

    kubectl.run("delete", "rta", "counter", "--wait=true")
    await asyncio.to_thread(kubectl.apply, counter)
    await told(kubectl, "counter", "Ready", within=60)
    await assert_open(host)


@pytest.mark.thorough
@pytest.mark.parametrize("name", MISTAKES)
async def test_a_way_in_that_is_none_is_named_until_it_is_mended(
    kubectl: Kubectl, host: str, counter: dict[str, Any], name: str
) -> None:
    mistake = MISTAKES[name]
    kubectl.apply(build(counter, mistake.framework))
    await told(kubectl, "counter", "WebSocketReady", within=60)
    kubectl.patch("rta", "counter", {"spec": mistake.breaks})
    await told(
        kubectl,
        "counter",
        "WebSocketReady",
        status="False",
        reason=mistake.reason,
        says=mistake.says,
        within=60 + LASTS,
    )
    for kind, status in (("Ready", "False"), ("Degraded", "True")):
        await told(kubectl, "counter", kind, status=status, reason=mistake.reason, within=5)
    assert kubectl.condition("counter", "WebReady")["status"] == "True", "the pods are well"
    described = await asyncio.to_thread(kubectl.run, "describe", "rta", "counter")
    assert mistake.reason in described.stdout.partition("Events:")[2]

    kubectl.patch("rta", "counter", {"spec": mistake.mends})
    await told(kubectl, "counter", "Ready", within=60)
    await assert_open(host)
