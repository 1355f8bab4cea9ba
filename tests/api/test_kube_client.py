"""The client against a real API server: what a scripted one cannot prove."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import pytest

from hack.clients.waiting import eventually_async
from realtimeapp_operator.kube import kinds
from realtimeapp_operator.kube.errors import AlreadyExists, Conflict, Invalid, NotFound
from realtimeapp_operator.kube.events import EventWriter
from realtimeapp_operator.kube.informer import Informer
from realtimeapp_operator.kube.kinds import Kind, Ref
from realtimeapp_operator.kube.lease import Lease, LeaseLost, Timing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from realtimeapp_operator.kube.client import ApiClient

QUICK = Timing(duration=2, renew_every=0.2, renew_within=1.2, retry_every=0.1)


@pytest.fixture
async def namespace(client: ApiClient) -> AsyncIterator[str]:
    name = f"kube-client-{os.urandom(4).hex()}"
    await client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    await client.delete(Ref("v1", "Namespace", None, name), uid=None)


def config(namespace: str, name: str = "a", **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": {"test": "yes"}},
        "data": data,
    }


async def test_apply_owns_its_fields_and_leaves_others_alone(client: ApiClient, namespace: str) -> None:
    created = await client.apply(config(namespace, mine="1", removed="1"))
    ref = Ref.of(created)
    await client.patch(ref, {"data": {"theirs": "2"}})
    again = await client.apply(config(namespace, mine="3"))
    assert again["data"]["mine"] == "3"
    assert "removed" not in again["data"]
    unchanged = await client.apply(config(namespace, mine="3"))
    assert unchanged["metadata"]["resourceVersion"] == again["metadata"]["resourceVersion"]


async def test_apply_carries_text_that_yaml_would_misread(client: ApiClient, namespace: str) -> None:
    text = "a\x7fb\x85c\u2028d\u2029e\ufefff\x9fg ü 😀 'q' \"d\" \\ : # - *&! \t\n"
    applied = await client.apply(config(namespace, text=text))
    assert applied["data"]["text"] == text


async def test_refusals_of_a_real_server(client: ApiClient, namespace: str) -> None:
    created = await client.create(config(namespace))
    ref = Ref.of(created)
    with pytest.raises(AlreadyExists, match="already exists"):
        await client.create(config(namespace))
    with pytest.raises(Conflict):
        await client.delete(ref, uid="00000000-0000-0000-0000-000000000000")
    with pytest.raises(Conflict):
        await client.patch(ref, {"metadata": {"resourceVersion": "1"}, "data": {"a": "b"}})
    with pytest.raises(Invalid, match="Invalid value"):
        await client.apply(config(namespace, **{"no spaces": "1"}))
    with pytest.raises(NotFound):
        await client.apply(config("no-such-namespace"))
    assert await client.delete(ref, uid=created["metadata"]["uid"])
    assert not await client.delete(ref, uid=created["metadata"]["uid"])
    assert await client.get(ref) is None


async def test_metadata_of_a_secret_comes_without_its_data(client: ApiClient, namespace: str) -> None:
    await client.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "s", "namespace": namespace},
            "data": {"k": "djE="},
        }
    )
    found = await client.get_metadata(Ref("v1", "Secret", namespace, "s"))
    assert found is not None
    assert found["metadata"]["name"] == "s"
    assert "data" not in found


async def test_which_kinds_are_served(client: ApiClient) -> None:
    assert await client.serves(kinds.DEPLOYMENT)
    assert not await client.serves(Kind("apps/v1", "Gizmo", "gizmos"))
    assert not await client.serves(Kind("example.test/v1", "Gizmo", "gizmos"))


async def test_an_informer_tells_what_exists_and_what_changes(client: ApiClient, namespace: str) -> None:
    seen: list[tuple[str, str]] = []
    for number in range(3):
        await client.create(config(namespace, f"before-{number}", big="x" * 400_000))
    informer = Informer(
        client,
        kinds.CONFIG_MAP,
        namespace,
        "test=yes",
        lambda event, item: seen.append((event, item["metadata"]["name"])),
    )
    task = asyncio.create_task(informer.run())
    await asyncio.wait_for(informer.synced(), timeout=10)
    assert seen == [("ADDED", f"before-{number}") for number in range(3)]
    await client.apply(config(namespace, "later", big="x" * 900_000))
    await client.patch(
        Ref("v1", "ConfigMap", namespace, "before-0"), {"metadata": {"labels": {"test": "no"}}}
    )
    await client.delete(Ref("v1", "ConfigMap", namespace, "before-1"), uid=None)

    async def all_told() -> bool:
        return len(seen) >= 6

    await eventually_async(all_told, within=10, what="three changes are told")
    # An object that loses the label is gone as far as this informer can see.
    assert seen[3:] == [("ADDED", "later"), ("DELETED", "before-0"), ("DELETED", "before-1")]
    task.cancel()


async def test_one_of_two_processes_writes_and_the_other_follows(client: ApiClient, namespace: str) -> None:
    first, second = (Lease(client, namespace, "writer", name, timing=QUICK) for name in ("first", "second"))
    await first.acquire()
    holding = asyncio.create_task(first.hold())
    following = asyncio.create_task(second.acquire())
    done, _ = await asyncio.wait([following, holding], timeout=QUICK.duration * 2)
    assert not done
    holding.cancel()
    await asyncio.wait([holding])
    await first.release()
    await asyncio.wait_for(following, timeout=1)
    lease = await client.get(Ref("coordination.k8s.io/v1", "Lease", namespace, "writer"))
    assert lease is not None
    assert lease["spec"]["holderIdentity"] == "second"
    assert lease["spec"]["leaseTransitions"] == 1


async def test_a_deleted_lease_ends_its_holder(client: ApiClient, namespace: str) -> None:
    lease = Lease(client, namespace, "writer", "first", timing=QUICK)
    await lease.acquire()
    await client.delete(Ref("coordination.k8s.io/v1", "Lease", namespace, "writer"), uid=None)
    with pytest.raises(LeaseLost, match="was deleted"):
        await asyncio.wait_for(lease.hold(), timeout=5)


async def test_events_are_accepted_and_counted_over_restarts(client: ApiClient, namespace: str) -> None:
    app = Ref("realtimeapp.dev/v1alpha1", "RealtimeApp", namespace, "counter")
    for instance in ("pod-0", "pod-1"):
        await EventWriter(client, instance=instance).emit(
            app=app, uid="u1", kind="Warning", reason="ImagePullFailed", message="m" * 5000
        )
    [page] = [page async for page in client.list_pages(kinds.EVENT, namespace)]
    [event] = page.items
    assert event["count"] == 2
    assert event["involvedObject"]["name"] == "counter"
    assert len(event["message"]) == 1024
