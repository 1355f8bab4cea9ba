from __future__ import annotations

import asyncio
import time

import orjson
import pytest
from aiohttp import web

from hack.clients.waiting import eventually_async
from realtimeapp_operator.kube import kinds
from realtimeapp_operator.kube.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    TooManyRequests,
    Unauthorized,
    Unavailable,
)
from realtimeapp_operator.kube.kinds import Ref
from realtimeapp_operator.kube.transport import encode
from tests.support.fake_apiserver import FakeApiServer, answer, refusal, watch

CONFIG = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "a", "namespace": "ns"},
    "data": {"k": "v"},
}
REF = Ref.of(CONFIG)


async def test_apply_is_a_forced_server_side_apply_by_our_manager() -> None:
    async with FakeApiServer() as server, server.client() as client:
        server.then(answer({**CONFIG, "metadata": {"name": "a", "resourceVersion": "7"}}))
        applied = await client.apply(CONFIG)
    assert applied["metadata"]["resourceVersion"] == "7"
    sent = server.requests[0]
    assert (sent.method, sent.path) == ("PATCH", "/api/v1/namespaces/ns/configmaps/a")
    assert sent.query == {"fieldManager": "realtimeapp-operator", "force": "true"}
    assert sent.headers["Content-Type"] == "application/apply-patch+yaml"
    assert orjson.loads(sent.body) == CONFIG
    assert sent.headers["User-Agent"].startswith("realtimeapp-operator/")
    assert server.counted == [("apply", "ConfigMap", 200)]


async def test_metadata_only_is_asked_for_so_that_no_secret_travels() -> None:
    async with FakeApiServer() as server, server.client() as client:
        server.then(answer({"kind": "PartialObjectMetadata"}), refusal(404, "NotFound"))
        ref = Ref("v1", "Secret", "ns", "s")
        assert await client.get_metadata(ref) == {"kind": "PartialObjectMetadata"}
        assert await client.get_metadata(ref) is None
    assert (
        server.requests[0].headers["Accept"] == "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
    )


async def test_delete_carries_the_uid_and_an_absent_object_is_no_error() -> None:
    async with FakeApiServer() as server, server.client() as client:
        server.then(answer({}), refusal(404, "NotFound"), refusal(409, "Conflict"))
        assert await client.delete(REF, uid="u1")
        assert not await client.delete(REF, uid="u1")
        with pytest.raises(Conflict):
            await client.delete(REF, uid="other")
    body = orjson.loads(server.requests[0].body)
    assert body["preconditions"] == {"uid": "u1"}
    assert body["propagationPolicy"] == "Background"


@pytest.mark.parametrize(
    ("status", "reason", "error"),
    [
        (401, "Unauthorized", Unauthorized),
        (403, "Forbidden", Forbidden),
        (404, "NotFound", NotFound),
        (409, "Conflict", Conflict),
        (409, "AlreadyExists", AlreadyExists),
        (410, "Expired", Gone),
        (422, "Invalid", Invalid),
        (429, "TooManyRequests", TooManyRequests),
        (500, "InternalError", Unavailable),
        (503, "ServiceUnavailable", Unavailable),
    ],
)
async def test_refusals_are_types_with_the_servers_sentence(
    status: int, reason: str, error: type[Exception]
) -> None:
    async with FakeApiServer() as server, server.client() as client:
        server.then(*[refusal(status, reason, "because of this")] * 2)
        with pytest.raises(error, match="because of this"):
            await client.create(CONFIG)


def test_quota_is_told_from_other_forbidden() -> None:
    assert Forbidden(status=403, message='pods "a" is forbidden: exceeded quota: q, requested: pods=1').quota
    assert not Forbidden(status=403, message="user cannot create pods").quota


async def test_429_is_waited_out_as_long_as_asked() -> None:
    async with FakeApiServer() as server, server.client() as client:
        server.then(refusal(429, "TooManyRequests", Retry_After="1"), answer(CONFIG))
        start = time.monotonic()
        await client.apply(CONFIG)
        assert time.monotonic() - start >= 1
    assert [code for _, _, code in server.counted] == [429, 200]


async def test_429_for_ever_is_given_back_to_the_queue() -> None:
    async with FakeApiServer() as server, server.client() as client:
        server.then(*[refusal(429, "TooManyRequests", Retry_After="0")] * 10)
        with pytest.raises(TooManyRequests):
            await client.apply(CONFIG)
    assert len(server.requests) == 4


async def test_a_write_is_never_repeated_after_a_server_error() -> None:
    async with FakeApiServer() as server, server.client() as client:
        server.then(refusal(500, "InternalError"), answer(CONFIG))
        with pytest.raises(Unavailable):
            await client.create(CONFIG)
    assert len(server.requests) == 1


async def test_nobody_listening_is_unavailable() -> None:
    async with FakeApiServer() as server:
        client = server.client()
    async with client:
        with pytest.raises(Unavailable, match="did not answer PATCH /api/v1/namespaces/ns/configmaps/a"):
            await client.apply(CONFIG)
    assert server.counted == [("apply", "ConfigMap", 0)]


async def test_a_replaced_token_is_picked_up_after_a_401() -> None:
    async with FakeApiServer() as server, server.client() as client:
        server.then(refusal(401, "Unauthorized"), answer(CONFIG))
        server.token = "second"
        await client.apply(CONFIG)
    assert [request.headers["Authorization"] for request in server.requests] == [
        "Bearer first",
        "Bearer second",
    ]
    assert server.requests[1].body == server.requests[0].body


async def test_at_most_32_requests_are_in_flight() -> None:
    inside = most = 0
    release = asyncio.Event()

    async def respond(_request: web.Request) -> web.Response:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await release.wait()
        inside -= 1
        return web.json_response(CONFIG)

    async with FakeApiServer() as server, server.client() as client:
        server.then(*[respond] * 40)
        tasks = [asyncio.create_task(client.apply(CONFIG)) for _ in range(40)]

        async def full() -> bool:
            return inside >= 32

        await eventually_async(full, within=5, what="32 requests are in flight")
        release.set()
        await asyncio.gather(*tasks)
    assert most == 32


async def test_a_list_is_read_page_by_page_until_it_is_too_old() -> None:
    def page(name: str, more: str = "") -> dict[str, object]:
        return {
            "metadata": {"resourceVersion": "9", "continue": more},
            "items": [{"metadata": {"name": name}}],
        }

    async with FakeApiServer() as server, server.client() as client:
        server.then(
            answer(page("a", "t1")), answer(page("b")), answer(page("a", "t2")), refusal(410, "Expired")
        )
        found = [piece async for piece in client.list_pages(kinds.CONFIG_MAP, None, "x=y")]
        with pytest.raises(Gone):
            [piece async for piece in client.list_pages(kinds.CONFIG_MAP)]
    assert [item["metadata"]["name"] for piece in found for item in piece.items] == ["a", "b"]
    assert found[0].items[0]["kind"] == "ConfigMap"
    assert found[-1].resource_version == "9"
    assert server.requests[0].query == {"limit": "500", "labelSelector": "x=y"}
    assert server.requests[1].query["continue"] == "t1"
    assert server.requests[0].path == "/api/v1/configmaps"


async def test_a_watch_takes_objects_of_a_megabyte() -> None:
    big = {"metadata": {"name": "big", "resourceVersion": "2"}, "data": {"k": "x" * 1_000_000}}
    small = {"metadata": {"name": "small", "resourceVersion": "3"}}
    async with FakeApiServer() as server, server.client() as client:
        server.then(watch(("ADDED", big), ("MODIFIED", small)))
        seen = [event async for event in client.watch(kinds.CONFIG_MAP, "ns", resource_version="1")]
    assert seen == [("ADDED", big), ("MODIFIED", small)]
    assert server.requests[0].query["allowWatchBookmarks"] == "true"
    assert server.requests[0].query["resourceVersion"] == "1"


async def test_an_error_inside_a_watch_is_raised_as_its_type() -> None:
    async with FakeApiServer() as server, server.client() as client:
        server.then(
            watch(("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}))
        )
        with pytest.raises(Gone, match="too old"):
            [event async for event in client.watch(kinds.CONFIG_MAP, resource_version="1")]


def test_json_that_yaml_would_misread_is_escaped() -> None:
    value = {"k": "a\x7fb\x85c\u2028d\u2029e\ufefff\x9fg ü 😀"}
    sent = encode(value)
    assert orjson.loads(sent) == value
    assert not set("\x7f\x85\u2028\u2029\ufeff\x9f") & set(sent.decode())
    assert "ü 😀" in sent.decode()


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(LookupError, match="Widget of example/v1"):
        Ref("example/v1", "Widget", "ns", "w").path()
