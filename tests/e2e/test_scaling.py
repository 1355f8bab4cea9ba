"""Pods come and go under open sockets: by count, by eviction, with nobody at the helm. Each socket moves politely."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from hack.bench.rollout.scale import make_uneven
from hack.clients.application import is_settled
from hack.clients.crowd import Crowd
from hack.clients.edge import Visitor, await_edge
from hack.clients.waiting import eventually_async
from hack.demo.release import RELEASE
from hack.examples.disruption import find_processes
from tests.e2e.bystanders import LOOK_SECONDS, PLANNED, told

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hack.clients.kubectl import Kubectl

APP = "counter"
PODS = 4
SOCKETS = 200
RATE = 25
LIGHT = "/whoami/"
WEB = f"app.kubernetes.io/instance={APP},app.kubernetes.io/component=web"
CLOSEST = 1.05
"""The heaviest victim's load over what the least loaded pods had."""
STALL_SECONDS = 3.0
"""Clients who share two processors with everything they look at see closes late, and then several at once: what is
counted is any three seconds."""
OVER = 1.2
OPERATOR = f"app.kubernetes.io/instance={RELEASE}"


@pytest.fixture
def manifest(counter: dict[str, Any]) -> dict[str, Any]:
    """The counter on four pods, whose sockets move at 25 a second."""
    counter["spec"]["migrations"] = {"policy": "Disabled"}
    counter["spec"]["web"] = {
        "replicas": PODS,
        "connections": {"maxPerPod": SOCKETS, "rebalance": "Disabled"},
        "rollout": {"maxReconnectsPerSecond": RATE, "drainTimeoutSeconds": 20},
        "podTemplate": {"resources": {"requests": {"cpu": "20m", "memory": "100Mi"}}},
    }
    return counter


@pytest.fixture
async def crowd(kubectl: Kubectl, host: str, manifest: dict[str, Any]) -> AsyncIterator[Crowd]:
    """Everybody connected to the application at rest."""
    await asyncio.to_thread(kubectl.apply, manifest)
    await told(kubectl, APP, "Ready")
    await settle(kubectl)
    await await_edge(host, LIGHT)
    async with Crowd(host=host, path="/ws/whoami/", size=SOCKETS, sticky=False) as crowd:
        await crowd.gather(within=60)
        await eventually_async(lambda: all_named(crowd), within=20, what="everybody knows the pod")
        yield crowd
        print(f"closes {crowd.codes()}, {crowd.peak()} in a second, refused {crowd.refusals}")


@asynccontextmanager
async def undisturbed(host: str) -> AsyncIterator[None]:
    """Somebody looks at pages meanwhile; every one comes."""
    async with Visitor(host=host, path=LIGHT) as visitor:
        yield
    assert visitor.total > visitor.rate, "the visitor asked for less than a second"
    assert not visitor.errors, visitor.errors


async def test_a_scale_in_takes_the_least_loaded_pods_and_counts_are_told(
    kubectl: Kubectl, host: str, crowd: Crowd
) -> None:
    before = make_uneven(crowd, seed=11)
    await eventually_async(
        lambda: counts_say(kubectl, before.total()), within=60, what="status.connections tells the sockets"
    )
    columns = await asyncio.to_thread(kubectl.run, "get", "rta", APP)
    assert "CONNS" in columns.stdout
    crowd.forget()
    async with undisturbed(host):
        await asyncio.to_thread(kubectl.run, "scale", "rta", APP, "--replicas=2")
        await settle(kubectl)
        await eventually_async(lambda: as_many(crowd, before.total()), within=30, what="everybody is back")
    left = {pod["metadata"]["name"] for pod in await asyncio.to_thread(kubectl.web_pods, APP)}
    victims = sorted(count for pod, count in before.items() if pod not in left)
    least = sorted(before.values())[:2]
    assert len(victims) == 2
    assert max(victims) <= CLOSEST * max(least), (before, left)
    assert_polite(crowd, each_once=False)


@pytest.mark.thorough
async def test_a_scale_to_zero_and_back_closes_each_socket_once(
    kubectl: Kubectl, crowd: Crowd, manifest: dict[str, Any]
) -> None:
    manifest["spec"]["suspend"] = True
    await asyncio.to_thread(kubectl.apply, manifest)
    await eventually_async(lambda: as_many(crowd, 0), within=60, what="everybody was sent away")
    assert_polite(crowd, each_once=True)
    await eventually_async(
        lambda: has_pods(kubectl, 0), within=60, what="no web pod is left", interval=LOOK_SECONDS
    )
    manifest["spec"]["suspend"] = False
    await asyncio.to_thread(kubectl.apply, manifest)
    await told(kubectl, APP, "Ready")
    await eventually_async(lambda: as_many(crowd, SOCKETS), within=90, what="everybody is back")
    assert_polite(crowd, each_once=True)


@pytest.mark.thorough
async def test_evictions_honour_the_budget_and_the_pace(kubectl: Kubectl, host: str, crowd: Crowd) -> None:
    """What `kubectl drain` does to the pods of a node, one eviction after the other as soon as each is let through.

    The node itself is not cordoned: it is the only one, and the pods have to come back somewhere.
    """
    originals = [pod["metadata"]["name"] for pod in await asyncio.to_thread(kubectl.web_pods, APP)]
    refused = 0
    async with undisturbed(host):
        for pod in originals:
            refused += await evict(kubectl, pod)
        await settle(kubectl)
        await eventually_async(lambda: as_many(crowd, SOCKETS), within=60, what="everybody is back")
    assert refused > 0, "a second eviction in the same moment must be refused by the budget"
    assert not {*originals} & {*crowd.by_pod()}
    assert_polite(crowd, each_once=False)


@pytest.mark.thorough
async def test_an_operator_killed_at_any_step_of_a_rollout_changes_nothing_about_its_end(
    kubectl: Kubectl, operator: Kubectl, host: str, crowd: Crowd
) -> None:
    source = random.Random(5)  # noqa: S311 - reproducible, not a secret
    for step in range(PODS + 1):
        crowd.forget()
        image = f"localhost/djust-counter:{2 - step % 2}"
        async with undisturbed(host):
            await asyncio.to_thread(kubectl.patch, "rta", APP, {"spec": {"image": image}})
            await eventually_async(
                lambda image=image, step=step: has_new_pods(kubectl, image, step),  # type: ignore[misc]
                within=90,
                what=f"{step} pods of the new image",
                interval=LOOK_SECONDS,
            )
            await asyncio.sleep(source.uniform(0, 3))  # somewhere between this step and the next
            await asyncio.to_thread(kill_operator, operator)
            await eventually_async(
                lambda: finished(kubectl), within=180, what="the rollout is over", interval=1.0
            )
            await eventually_async(lambda: as_many(crowd, SOCKETS), within=60, what="everybody is back")
        print(f"killed with {step} new pods: closes {crowd.codes()}, {crowd.peak()} in a second")
        assert_polite(crowd, each_once=False)
        assert len({close.client for close in crowd.closes}) == SOCKETS


def assert_polite(crowd: Crowd, *, each_once: bool) -> None:
    """Every close was announced, and they came no faster than the rate allows."""
    assert set(crowd.codes()) == {PLANNED}, crowd.codes()
    assert crowd.peak(STALL_SECONDS) <= OVER * RATE * STALL_SECONDS
    if each_once:
        times = Counter(close.client for close in crowd.closes)
        assert len(times) == SOCKETS
        assert set(times.values()) == {1}, "each socket closes once"


async def evict(kubectl: Kubectl, pod: str) -> int:
    """Evict a pod as soon as the budget allows; return how often it did not."""
    path = f"/api/v1/namespaces/{kubectl.namespace}/pods/{pod}/eviction"
    body = json.dumps(
        {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod, "namespace": kubectl.namespace},
        }
    )
    refused = 0

    async def let_through() -> bool:
        nonlocal refused
        done = await asyncio.to_thread(
            kubectl.run, "create", "--raw", path, "-f", "-", stdin=body, check=False
        )
        if done.returncode == 0:
            return True
        assert "disruption budget" in done.stderr, done.stderr
        refused += 1
        return False

    await eventually_async(let_through, within=90, what=f"{pod} may go", interval=LOOK_SECONDS)
    return refused


def kill_operator(operator: Kubectl) -> None:
    """Kill the operator where it stands; its Deployment makes another pod."""
    (pod,) = [pod for pod in operator.items("pods", OPERATOR) if "deletionTimestamp" not in pod["metadata"]]
    for process in find_processes(pod):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    operator.run("delete", "pod", pod["metadata"]["name"], "--force", "--grace-period=0")


async def settle(kubectl: Kubectl) -> None:
    """Wait until only what is declared runs and the conditions say so."""
    await eventually_async(lambda: finished(kubectl), within=150, what="at rest", interval=LOOK_SECONDS)


async def finished(kubectl: Kubectl) -> bool:
    """Whether only what is declared runs."""
    return await asyncio.to_thread(is_settled, kubectl, APP)


async def has_new_pods(kubectl: Kubectl, image: str, count: int) -> bool:
    """Whether at least that many ready pods have the image."""
    pods = await asyncio.to_thread(kubectl.web_pods, APP)
    new = [pod for pod in pods if pod["spec"]["containers"][0]["image"] == image]
    ready = [pod for pod in new if any(s["ready"] for s in pod["status"].get("containerStatuses", ()))]
    return len(ready) >= count


async def has_pods(kubectl: Kubectl, count: int) -> bool:
    """Whether there are exactly that many web pods, leaving ones included."""
    return len(await asyncio.to_thread(kubectl.items, "pods", WEB)) == count


async def counts_say(kubectl: Kubectl, sockets: int) -> bool:
    """Whether the status tells of that many sockets, give or take the tenth it may be behind."""
    app = await asyncio.to_thread(kubectl.get, "rta", APP)
    active = app["status"].get("connections", {}).get("active")
    return active is not None and abs(active - sockets) <= sockets / 10


async def all_named(crowd: Crowd) -> bool:
    """Whether every client is connected and knows its pod."""
    return crowd.connected == crowd.size and "" not in crowd.by_pod()


async def as_many(crowd: Crowd, sockets: int) -> bool:
    """Whether that many sockets are open."""
    return crowd.connected == sockets
