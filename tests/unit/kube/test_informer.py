from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from hack.clients.waiting import eventually_async
from realtimeapp_operator.kube import kinds
from realtimeapp_operator.kube.informer import Informer
from tests.support.fake_apiserver import FakeApiServer, answer, refusal, watch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

Seen = list[tuple[str, str, str]]


def config(name: str, version: int, uid: str = "") -> dict[str, Any]:
    return {
        "metadata": {
            "name": name,
            "namespace": "ns",
            "uid": uid or f"uid-{name}",
            "resourceVersion": str(version),
        }
    }


def listing(version: int, *items: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"resourceVersion": str(version)}, "items": list(items)}


@asynccontextmanager
async def informing(server: FakeApiServer, seen: Seen) -> AsyncIterator[Informer]:
    def note(event: str, item: dict[str, Any]) -> None:
        if item["metadata"]["name"] == "poison":
            raise ValueError("cannot be understood")
        seen.append((event, item["metadata"]["name"], item["metadata"]["uid"]))

    async with server.client() as client:
        informer = Informer(client, kinds.CONFIG_MAP, None, "a=b", note)
        task = asyncio.create_task(informer.run())
        try:
            yield informer
        finally:
            task.cancel()
            await asyncio.wait([task])


async def until(condition: Callable[[], bool]) -> None:
    async def look() -> bool:
        return condition()

    await eventually_async(look, within=10, what="the informer has gone on")


async def test_everything_that_exists_is_told_before_synced() -> None:
    seen: Seen = []
    async with FakeApiServer() as server:
        server.then(answer(listing(5, config("a", 1), config("b", 2))), watch(hold=True))
        async with informing(server, seen) as informer, asyncio.timeout(5):
            assert not informer.has_synced
            await informer.synced()
            assert seen == [("ADDED", "a", "uid-a"), ("ADDED", "b", "uid-b")]
            await until(lambda: len(server.requests) == 2)
    assert server.requests[1].query["resourceVersion"] == "5"


async def test_after_lost_history_only_differences_are_told() -> None:
    seen: Seen = []
    gone = {"kind": "Status", "code": 410, "reason": "Expired"}
    async with FakeApiServer() as server:
        server.then(
            answer(
                listing(5, config("kept", 1), config("changed", 1), config("deleted", 1), config("remade", 1))
            ),
            watch(("ERROR", gone)),
            answer(
                listing(
                    9, config("kept", 1), config("changed", 8), config("remade", 7, "uid-2"), config("new", 9)
                )
            ),
            watch(hold=True),
        )
        async with informing(server, seen) as informer:
            await informer.synced()
            seen.clear()
            await until(lambda: len(server.requests) == 4)
    assert seen == [
        ("MODIFIED", "changed", "uid-changed"),
        ("DELETED", "remade", "uid-remade"),
        ("ADDED", "remade", "uid-2"),
        ("ADDED", "new", "uid-new"),
        ("DELETED", "deleted", "uid-deleted"),
    ]


async def test_a_broken_stream_goes_on_from_the_last_bookmark_without_a_list() -> None:
    seen: Seen = []
    bookmark = {"kind": "ConfigMap", "metadata": {"resourceVersion": "42"}}
    async with FakeApiServer() as server:
        server.then(
            answer(listing(5)),
            watch(("ADDED", config("a", 6)), ("BOOKMARK", bookmark), cut=True),
            watch(("DELETED", config("a", 43)), hold=True),
        )
        async with informing(server, seen):
            await until(lambda: len(seen) == 2)
    assert seen == [("ADDED", "a", "uid-a"), ("DELETED", "a", "uid-a")]
    assert [request.query.get("resourceVersion") for request in server.requests] == [None, "5", "42"]


async def test_a_server_that_is_away_at_start_is_waited_for() -> None:
    seen: Seen = []
    async with FakeApiServer() as server:
        server.then(refusal(503, "ServiceUnavailable"), answer(listing(5, config("a", 1))), watch(hold=True))
        async with informing(server, seen) as informer, asyncio.timeout(5):
            await informer.synced()
    assert seen == [("ADDED", "a", "uid-a")]


async def test_an_object_that_cannot_be_understood_does_not_hide_the_next() -> None:
    seen: Seen = []
    async with FakeApiServer() as server:
        server.then(answer(listing(5, config("poison", 1), config("a", 1))), watch(hold=True))
        async with informing(server, seen) as informer:
            await informer.synced()
    assert seen == [("ADDED", "a", "uid-a")]
