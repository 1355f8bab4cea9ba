"""From `kubectl apply` to two people clicking in their own browsers, and a pod that dies under one of them."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from hack.clients.browser import chromium
from hack.clients.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Page

    from hack.clients.kubectl import Kubectl

READY_SECONDS = 30.0
"""Promise of the README: from `kubectl apply` to Ready, images present."""


@pytest.fixture
def ready(kubectl: Kubectl, counter: dict[str, Any]) -> float:
    """The counter, applied and Ready; seconds that took."""
    started = time.monotonic()
    kubectl.apply(counter)
    kubectl.run("wait", "--for=condition=Ready", "rta/counter", f"--timeout={READY_SECONDS:.0f}s")
    return time.monotonic() - started


async def test_two_people_count_for_themselves_and_survive_the_death_of_a_pod(
    kubectl: Kubectl, host: str, ready: float, tmp_path: Path
) -> None:
    print(f"Ready after {ready:.1f} s")
    assert ready <= READY_SECONDS
    async with chromium() as browser:
        anna = await (await browser.new_context()).new_page()
        ben = await (await browser.new_context()).new_page()
        for page in (anna, ben):
            await open_counter(page, host)
        await click(anna, times=3)
        await click(ben, times=1)
        assert await count(anna) == 3
        assert await count(ben) == 1
        await anna.screenshot(path=tmp_path / "counter.png")

        served_by = await anna.inner_text("#hostname")
        kubectl.run("delete", "pod", served_by, "--wait=false")
        await anna.wait_for_function(
            "pod => document.querySelector('#hostname').innerText !== pod", arg=served_by, timeout=60_000
        )
        await click(anna, times=1)
        assert await count(anna) == 4, "the count must survive the pod that held it"
        assert await count(ben) == 1


def test_get_tells_the_story(kubectl: Kubectl, host: str, ready: float) -> None:
    assert ready <= READY_SECONDS
    header, row = kubectl.run("get", "rta").stdout.splitlines()
    assert header.split() == ["NAME", "READY", "WEB", "CONNS", "REDIS", "IMAGE", "URL", "AGE"]
    assert row.split()[1:3] == ["True", "2/2"]
    assert f"http://{host}" in row
    described = kubectl.run("describe", "rta", "counter").stdout
    assert "Ready" in described.partition("Events:")[2], described


def test_a_restart_of_the_operator_writes_nothing(kubectl: Kubectl, operator: Kubectl, ready: float) -> None:
    assert ready <= READY_SECONDS
    eventually(
        lambda: kubectl.condition("counter", "Progressing").get("status") == "False",
        within=60,
        what="settled",
    )
    before = {item["metadata"]["name"]: item["metadata"]["resourceVersion"] for item in owned(kubectl)}
    generation = kubectl.get("rta", "counter")["metadata"]["resourceVersion"]
    operator.run("rollout", "restart", "deployment/realtimeapp-operator")
    operator.run("rollout", "status", "deployment/realtimeapp-operator", "--timeout=120s")
    kubectl.patch("rta", "counter", {"metadata": {"annotations": {"example.com/touched": "yes"}}})
    after = {item["metadata"]["name"]: item["metadata"]["resourceVersion"] for item in owned(kubectl)}
    assert after == before
    assert kubectl.get("rta", "counter")["metadata"]["resourceVersion"] != generation


def owned(kubectl: Kubectl) -> list[dict[str, Any]]:
    """The children whose writes only the operator would make."""
    kinds = "configmaps,services,serviceaccounts,networkpolicies,ingresses"
    return kubectl.items(kinds, "app.kubernetes.io/managed-by=realtimeapp-operator")


async def open_counter(page: Page, host: str) -> None:
    """Open the page and wait until its view is mounted; djust ignores what is clicked before."""
    mounted = asyncio.get_running_loop().create_future()

    def look(frame: str | bytes) -> None:
        if '"type": "mount"' in str(frame) and not mounted.done():
            mounted.set_result(None)

    page.on("websocket", lambda socket: socket.on("framereceived", look))
    await page.goto(f"http://{host}/")
    await asyncio.wait_for(mounted, timeout=15)
    await page.wait_for_selector("body.dj-connected", timeout=15_000)


async def click(page: Page, *, times: int) -> None:
    """Press +1 and wait for each answer, as a person would."""
    for _ in range(times):
        before = await count(page)
        await page.click("#increment")
        await page.wait_for_function(
            "before => Number(document.querySelector('#count').innerText) === before + 1",
            arg=before,
            timeout=15_000,
        )


async def count(page: Page) -> int:
    """The number the page shows."""
    return int(await page.inner_text("#count"))
