"""KEDA's kind is watched where it is served, asked for where it is wanted, and left alone elsewhere."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self, cast

import pytest

from hack.clients.waiting import eventually_async
from realtimeapp_operator.kube.client import Page
from realtimeapp_operator.kube.errors import Unavailable
from realtimeapp_operator.reconcile.ports import Key
from realtimeapp_operator.wiring import scaled_objects
from realtimeapp_operator.wiring.scaled_objects import ScaledObjects

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from realtimeapp_operator.kube.client import ApiClient
    from realtimeapp_operator.kube.kinds import Kind

FOUND = {
    "apiVersion": "keda.sh/v1alpha1",
    "kind": "ScaledObject",
    "metadata": {"name": "chat-web", "namespace": "shop", "uid": "u1", "resourceVersion": "5"},
}


class Cluster:
    """Serves ScaledObjects when `installed`; counts how often it is asked whether it does."""

    def __init__(self, *, installed: bool, down: int = 0) -> None:
        self.installed = installed
        self.down = down
        self.questions = 0

    async def serves(self, _kind: Kind) -> bool:
        self.questions += 1
        if self.down:
            self.down -= 1
            raise Unavailable(status=0, message="away")
        return self.installed

    async def list_pages(self, *_where: object, **_how: object) -> AsyncIterator[Page]:
        yield Page(items=[FOUND], resource_version="5")

    async def watch(self, *_where: object, **_how: object) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        await asyncio.Event().wait()
        yield "BOOKMARK", {}


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaled_objects, "PAUSE_FIRST_SECONDS", 0.001)


class Watching:
    """A running watch and what it has reported."""

    def __init__(self, cluster: Cluster) -> None:
        self.seen: list[str] = []
        self.woken: list[Key] = []
        self.watch = ScaledObjects(
            cast("ApiClient", cluster),
            (),
            lambda _event, item: self.seen.append(item["metadata"]["name"]),
            wake=self.woken.append,
        )

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self.watch.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


def app(engine: str, name: str = "chat") -> dict[str, Any]:
    return {
        "metadata": {"namespace": "shop", "name": name},
        "spec": {"web": {"autoscaling": {"maxReplicas": 4, "engine": engine}}},
    }


@pytest.mark.parametrize("down", [0, 2])
async def test_where_keda_is_installed_its_objects_are_known_before_the_first_reconcile(down: int) -> None:
    async with Watching(Cluster(installed=True, down=down)) as running:
        running.watch.look(app("KEDA"))
        await asyncio.wait_for(running.watch.synced(), timeout=5)
        assert running.seen == ["chat-web"]
        assert not running.woken, "nobody had to do without"


@pytest.mark.parametrize(
    "declared",
    [{"spec": {}}, {"spec": {"web": {}}}, app("HorizontalPodAutoscaler"), {}, {"spec": {"web": None}}],
)
async def test_where_nobody_wants_keda_one_question_is_all(declared: dict[str, Any]) -> None:
    cluster = Cluster(installed=False)
    async with Watching(cluster) as running:
        await asyncio.wait_for(running.watch.synced(), timeout=5)
        running.watch.look(declared)
        with pytest.raises(AssertionError, match="another question"):
            await eventually_async(lambda: asked_again(cluster), within=0.1, what="another question")
    assert cluster.questions == 1


async def asked_again(cluster: Cluster) -> bool:
    return cluster.questions > 1


async def test_keda_that_comes_later_is_found_for_who_wants_it() -> None:
    cluster = Cluster(installed=False)

    async def found() -> bool:
        return running.seen == ["chat-web"]

    async def woken() -> bool:
        return running.woken == [Key("shop", "chat")]

    async with Watching(cluster) as running:
        await asyncio.wait_for(running.watch.synced(), timeout=5)
        running.watch.look(app("KEDA"))
        running.watch.look(app("KEDA"))
        running.watch.look(app("HorizontalPodAutoscaler", "blog"))
        await eventually_async(lambda: asked_again(cluster), within=5, what="another question")
        assert not running.seen
        cluster.installed = True
        await eventually_async(found, within=5, what="the ScaledObject reported")
        await eventually_async(woken, within=5, what="who wanted it is woken, once")
