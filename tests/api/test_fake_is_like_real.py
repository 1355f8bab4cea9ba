"""The cluster in memory behaves like a real API server, in everything the reconciler relies on.

Each scenario runs on both. It also is the proof that the guards of a write hold on a real server: they decide that
nothing foreign is ever taken over (docs/design/0002-apply-and-ownership.md). Who owns which field is in
test_fake_owns_like_real.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from realtimeapp_operator.kube.errors import AlreadyExists, Conflict, Invalid, NotFound
from realtimeapp_operator.kube.kinds import Ref
from realtimeapp_operator.reconcile.plan import guarded

if TYPE_CHECKING:
    from tests.support.either_cluster import EitherCluster


async def test_a_create_only_apply_creates_and_never_changes(cluster: EitherCluster) -> None:
    made = await cluster.api.apply(guarded(cluster.config(x="1"), uid=None))
    assert made["data"] == {"x": "1"}
    with pytest.raises(Conflict):
        await cluster.api.apply(guarded(cluster.config(x="2"), uid=None))
    foreign = cluster.config("foreign", x="theirs")
    cluster.others.put(foreign)
    before = cluster.others.read(Ref.of(foreign))
    with pytest.raises(Conflict):
        await cluster.api.apply(guarded(cluster.config("foreign", y="ours"), uid=None))
    assert cluster.others.read(Ref.of(foreign)) == before


async def test_an_apply_with_a_uid_changes_that_object_and_no_other(cluster: EitherCluster) -> None:
    made = await cluster.api.apply(guarded(cluster.config(x="1"), uid=None))
    uid, ref = made["metadata"]["uid"], Ref.of(made)
    changed = await cluster.api.apply(guarded(cluster.config(x="2"), uid=uid))
    assert (changed["data"], changed["metadata"]["uid"]) == ({"x": "2"}, uid)
    cluster.others.remove(ref)
    with pytest.raises(Conflict):
        await cluster.api.apply(guarded(cluster.config(x="3"), uid=uid))
    assert await cluster.api.get_metadata(ref) is None
    cluster.others.put(cluster.config(x="theirs"))
    with pytest.raises(Invalid) as refused:
        await cluster.api.apply(guarded(cluster.config(x="3"), uid=uid))
    assert "metadata.uid" in {cause["field"] for cause in refused.value.details["causes"]}
    assert cluster.others.read(ref)["data"] == {"x": "theirs"}


async def test_an_apply_of_the_same_again_is_not_a_change(cluster: EitherCluster) -> None:
    made = await cluster.api.apply(guarded(cluster.config(x="1"), uid=None))
    again = await cluster.api.apply(guarded(cluster.config(x="1"), uid=made["metadata"]["uid"]))
    assert again["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


async def test_an_apply_removes_what_it_no_longer_names_and_keeps_what_others_added(
    cluster: EitherCluster,
) -> None:
    made = await cluster.api.apply(guarded(cluster.config(x="1", y="1"), uid=None))
    cluster.others.change(Ref.of(made), {"data": {"z": "theirs"}, "metadata": {"labels": {"c": "d"}}})
    after = await cluster.api.apply(guarded(cluster.config(x="1"), uid=made["metadata"]["uid"]))
    assert after["data"] == {"x": "1", "z": "theirs"}
    assert after["metadata"]["labels"] == {"a": "b", "c": "d"}


async def test_a_generation_moves_with_the_spec_and_a_deployments_with_annotations_too(
    cluster: EitherCluster,
) -> None:
    manifest = cluster.find_manifest("Deployment", "counter-web")
    made = await cluster.api.apply(guarded(manifest, uid=None))
    ref = Ref.of(manifest)
    for patch, generation in (
        ({"metadata": {"labels": {"somebody.example.com/note": "x"}}}, 1),
        ({"spec": {"replicas": 7}}, 2),
        ({"metadata": {"annotations": {"somebody.example.com/note": "x"}}}, 3),
    ):
        cluster.others.change(ref, patch)
        assert cluster.others.read(ref)["metadata"]["generation"] == generation
    assert made["metadata"]["generation"] == 1


async def test_a_delete_only_hits_the_object_it_means(cluster: EitherCluster) -> None:
    made = await cluster.api.apply(guarded(cluster.config(x="1"), uid=None))
    ref = Ref.of(made)
    with pytest.raises(Conflict):
        await cluster.api.delete(ref, uid="00000000-0000-0000-0000-000000000000")
    assert await cluster.api.delete(ref, uid=made["metadata"]["uid"])
    assert not await cluster.api.delete(ref, uid=made["metadata"]["uid"])


async def test_a_create_does_not_replace(cluster: EitherCluster) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": cluster.namespace},
        "data": {"a": "YQ=="},
    }
    await cluster.api.create(secret)
    with pytest.raises(AlreadyExists):
        await cluster.api.create(secret)
    found = await cluster.api.get_metadata(Ref.of(secret))
    assert found is not None
    assert "data" not in found


async def test_a_status_patch_merges_removes_and_is_quiet_when_nothing_changes(
    cluster: EitherCluster,
) -> None:
    cluster.others.put(cluster.app())
    ref = Ref.of(cluster.app())
    first = await cluster.api.patch_status(
        cluster.namespace, "counter", {"url": "http://a/", "web": {"replicas": 1, "ready": "1/2"}}, None
    )
    assert first["metadata"]["generation"] == 1
    again = await cluster.api.patch_status(cluster.namespace, "counter", {"url": "http://a/"}, None)
    assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    await cluster.api.patch_status(cluster.namespace, "counter", {"url": None, "web": {"ready": "2/2"}}, None)
    assert cluster.others.read(ref)["status"] == {"web": {"replicas": 1, "ready": "2/2"}}
    with pytest.raises(NotFound):
        await cluster.api.patch_status(cluster.namespace, "other", {"url": "http://a/"}, None)
