from __future__ import annotations

import asyncio
import getpass
from functools import partial
from typing import TYPE_CHECKING, Any

import kopf
import pytest

from hack.clients.waiting import eventually_async
from realtimeapp_operator.wiring.configure import build_settings
from realtimeapp_operator.wiring.handlers import build_registry
from realtimeapp_operator.wiring.shell import watch_apps
from tests.support.fake_apiserver import FakeApiServer, answer, refusal, watch

if TYPE_CHECKING:
    from aiohttp import web

APPS = "/apis/realtimeapp.dev/v1alpha1/realtimeapps"


def app(name: str, version: int, **metadata: Any) -> dict[str, Any]:  # noqa: ANN401 - any metadata
    return {
        "apiVersion": "realtimeapp.dev/v1alpha1",
        "kind": "RealtimeApp",
        "metadata": {
            "name": name,
            "namespace": "ns",
            "uid": f"uid-{name}",
            "resourceVersion": str(version),
            **metadata,
        },
        "spec": {"image": "a"},
    }


def resources(group_version: str, *plurals: str) -> dict[str, Any]:
    verbs = ["get", "list", "watch", "patch"]
    return {
        "kind": "APIResourceList",
        "groupVersion": group_version,
        "resources": [
            {"name": plural, "singularName": "", "kind": plural.title(), "namespaced": True, "verbs": verbs}
            for plural in plurals
        ],
    }


def group(name: str, version: str) -> dict[str, Any]:
    both = {"groupVersion": f"{name}/{version}", "version": version}
    return {"name": name, "versions": [both], "preferredVersion": both}


def serve_discovery(server: FakeApiServer) -> None:
    """Answer as much of discovery as kopf asks for."""
    groups = [group("realtimeapp.dev", "v1alpha1"), group("apiextensions.k8s.io", "v1")]
    server.at("/apis", answer({"kind": "APIGroupList", "groups": groups}))
    server.at("/api", answer({"kind": "APIVersions", "versions": ["v1"]}))
    server.at("/api/v1", answer(resources("v1", "namespaces", "events")))
    server.at(
        "/apis/apiextensions.k8s.io/v1",
        answer(resources("apiextensions.k8s.io/v1", "customresourcedefinitions")),
    )
    server.at("/apis/realtimeapp.dev/v1alpha1", answer(resources("realtimeapp.dev/v1alpha1", "realtimeapps")))


async def list_then_watch(
    request: web.Request, *, listed: list[Any], changes: list[Any]
) -> web.StreamResponse:
    if "watch" in request.query:
        return await watch(*changes, hold=True)(request)
    return await answer({"metadata": {"resourceVersion": "5"}, "items": listed})(request)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_every_event_is_passed_on_and_nothing_is_ever_written(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, str]] = []
    stop, started = asyncio.Event(), asyncio.Event()
    deleting = {"deletionTimestamp": "2030-01-01T00:00:00Z", "finalizers": ["somebody/else"]}
    async with FakeApiServer() as server:
        serve_discovery(server)
        listed = [app("listed", 1)]
        changes = [
            ("ADDED", app("new", 6)),
            ("MODIFIED", app("new", 7, **deleting)),
            ("DELETED", app("listed", 8)),
        ]
        server.at(APPS, partial(list_then_watch, listed=listed, changes=changes))
        credentials = server.credentials()
        registry = build_registry(
            see=lambda event, item: seen.append((event, item["metadata"]["name"])),
            server=credentials.server,
            open_session=lambda: credentials.open_session(user_agent="test"),
        )
        # A container's user id need not have a name; kopf would ask for one to tell itself from its peers.
        monkeypatch.setattr(getpass, "getuser", nobody)
        shell = asyncio.create_task(watch_apps(registry, namespaces=(), stop=stop, started=started))

        async def told() -> bool:
            return len(seen) >= 4

        await eventually_async(told, within=10, what="four events are passed on")
        assert started.is_set()
        stop.set()
        await asyncio.wait_for(shell, timeout=10)
    assert sorted(seen) == [("ADDED", "listed"), ("ADDED", "new"), ("DELETED", "listed"), ("MODIFIED", "new")]
    assert {request.method for request in server.requests} == {"GET"}
    assert all(request.headers["Authorization"] == "Bearer first" for request in server.requests)


def nobody() -> str:
    """What the standard library says of a user id without a name."""
    raise KeyError("getpwuid(): uid not found: 10001")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_the_end_of_the_watch_is_not_survived_in_silence() -> None:
    async with FakeApiServer() as server:
        serve_discovery(server)
        server.at(APPS, refusal(403, "Forbidden", "not allowed"))
        credentials = server.credentials()
        registry = build_registry(
            see=lambda _event, _item: None,
            server=credentials.server,
            open_session=lambda: credentials.open_session(user_agent="test"),
        )
        settings = build_settings()
        settings.networking.error_backoffs = ()
        with pytest.raises(Exception, match="not allowed"):
            await asyncio.wait_for(
                kopf.operator(registry=registry, settings=settings, standalone=True, clusterwide=True),
                timeout=20,
            )


def test_only_handlers_that_need_no_storage_are_registered() -> None:
    registry = build_registry(see=lambda _event, _item: None, server="", open_session=lambda: None)  # type: ignore[arg-type,return-value]  # never called
    assert registry._watching.get_all_handlers()  # noqa: SLF001 - kopf has no public way to ask
    for kind in (registry._changing, registry._spawning, registry._indexing, registry._webhooks):  # noqa: SLF001
        assert not kind.get_all_handlers()


def test_kopf_is_told_to_write_nothing() -> None:
    settings = build_settings()
    body = kopf.Body({"metadata": {"annotations": {"a": "b"}}, "spec": {"x": 1}})
    patch = kopf.Patch()
    storage, progress = settings.persistence.diffbase_storage, settings.persistence.progress_storage
    assert storage.build(body=body) == storage.fetch(body=body) == {}
    storage.store(body=body, patch=patch, essence=storage.build(body=body))
    progress.touch(body=body, patch=patch, value="x")
    assert not patch
    assert not settings.posting.enabled
    assert settings.queueing.worker_limit is None
