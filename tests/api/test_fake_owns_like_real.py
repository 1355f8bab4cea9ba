"""Who owns which field after an apply: the cluster in memory keeps the same book as a real API server.

Each scenario runs on both. What an apply removes, and whether a restart writes anything, follow from that book
(docs/design/0002-apply-and-ownership.md).
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from realtimeapp_operator import names
from realtimeapp_operator.kube.errors import Conflict
from realtimeapp_operator.kube.kinds import Ref
from realtimeapp_operator.reconcile.ownership import owned_fields
from realtimeapp_operator.reconcile.plan import guarded

if TYPE_CHECKING:
    from tests.support.either_cluster import EitherCluster, Manifest


def is_ours(live: Manifest, manifest: Manifest) -> bool:
    digest = manifest["metadata"]["annotations"][names.ANNOTATION_HASH]
    return owned_fields(live["metadata"]).cover(manifest, digest=digest)


async def test_every_rendered_object_is_recognised_as_applied(cluster: EitherCluster) -> None:
    """So a restart writes nothing: what the server says we own covers what we would apply."""
    for manifest in cluster.manifests():
        made = await cluster.api.apply(guarded(manifest, uid=None))
        assert is_ours(made, manifest), manifest["kind"]
        read = cluster.others.read(Ref.of(manifest))
        assert is_ours(read, manifest), manifest["kind"]


CHANGES: list[tuple[str, str, dict[str, Any]]] = [
    ("Deployment", "counter-web", {"spec": {"replicas": 7}}),
    ("Deployment", "counter-web", {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 1}}}}),
    (
        "Deployment",
        "counter-web",
        {"spec": {"template": {"metadata": {"labels": {names.LABEL_MANAGED_BY: None}}}}},
    ),
    ("Deployment", "counter-web", {"metadata": {"annotations": {names.ANNOTATION_HASH: "x"}}}),
    ("StatefulSet", "counter-redis", {"spec": {"minReadySeconds": None, "replicas": 0}}),
    ("Service", "counter-web", {"spec": {"selector": {"app": "other"}}}),
    ("Service", "counter-web", {"metadata": {"labels": {names.LABEL_COMPONENT: None}}}),
    ("ConfigMap", "counter-redis", {"data": {"redis.conf": "appendonly no"}}),
    ("ServiceAccount", "counter", {"automountServiceAccountToken": True}),
    ("CronJob", "counter-clearsessions", {"spec": {"suspend": True}}),
    ("Ingress", "counter-web", {"spec": {"ingressClassName": "other"}}),
    ("Ingress", "counter-web", {"spec": {"rules": [{"host": "other.example.com"}]}}),
    ("NetworkPolicy", "counter-web", {"spec": {"ingress": []}}),
    ("PodDisruptionBudget", "counter-web", {"spec": {"maxUnavailable": 7}}),
]


@pytest.mark.parametrize(("kind", "name", "patch"), CHANGES)
async def test_a_foreign_change_takes_the_field_away_from_us(
    cluster: EitherCluster, kind: str, name: str, patch: dict[str, Any]
) -> None:
    manifest = cluster.find_manifest(kind, name)
    made = await cluster.api.apply(guarded(manifest, uid=None))
    ref = Ref.of(manifest)
    cluster.others.change(ref, {"metadata": {"annotations": {"somebody.example.com/note": "x"}}})
    assert is_ours(cluster.others.read(ref), manifest)
    cluster.others.change(ref, patch)
    assert not is_ours(cluster.others.read(ref), manifest)

    mended = await cluster.api.apply(guarded(manifest, uid=made["metadata"]["uid"]))
    assert is_ours(mended, manifest)
    assert mended.get("spec") == made.get("spec")
    assert mended.get("data") == made.get("data")


async def test_a_foreign_container_stays_and_a_foreign_value_in_ours_does_not(cluster: EitherCluster) -> None:
    manifest = cluster.find_manifest("Deployment", "counter-worker-celery")
    made = await cluster.api.apply(guarded(manifest, uid=None))
    ref = Ref.of(manifest)
    containers = copy.deepcopy(made["spec"]["template"]["spec"]["containers"])
    added = [*containers, {"name": "mesh", "image": "mesh:1"}]
    cluster.others.change(ref, {"spec": {"template": {"spec": {"containers": added}}}})
    assert is_ours(cluster.others.read(ref), manifest)
    added[0] = {**added[0], "image": "evil"}
    cluster.others.change(ref, {"spec": {"template": {"spec": {"containers": added}}}})
    assert not is_ours(cluster.others.read(ref), manifest)
    mended = await cluster.api.apply(guarded(manifest, uid=made["metadata"]["uid"]))
    images = {item["name"]: item["image"] for item in mended["spec"]["template"]["spec"]["containers"]}
    assert images == {containers[0]["name"]: containers[0]["image"], "mesh": "mesh:1"}


async def test_a_removed_container_variable_goes(cluster: EitherCluster) -> None:
    manifest = cluster.find_manifest("Deployment", "counter-web")
    made = await cluster.api.apply(guarded(manifest, uid=None))
    fewer = cluster.find_manifest("Deployment", "counter-web", env=[])
    after = await cluster.api.apply(guarded(fewer, uid=made["metadata"]["uid"]))
    variables = {item["name"] for item in after["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert not variables & {"A", "B"}
    assert variables


def deployment(cluster: EitherCluster, **spec: Any) -> Manifest:  # noqa: ANN401 - fields of the spec
    labels = {"app": "x"}
    container = {"name": "c", "image": "registry.example.com/x:1"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "x", "namespace": cluster.namespace},
        "spec": {
            **spec,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def count(cluster: EitherCluster, replicas: int) -> Manifest:
    metadata = {"name": "x", "namespace": cluster.namespace}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {"replicas": replicas},
    }


def replicas_of(cluster: EitherCluster) -> int:
    return int(cluster.others.read(Ref.of(deployment(cluster)))["spec"]["replicas"])


async def test_a_number_that_is_not_named_any_more_is_one(cluster: EitherCluster) -> None:
    await cluster.api.apply(deployment(cluster, replicas=3))
    await cluster.api.apply(deployment(cluster))
    assert replicas_of(cluster) == 1


async def test_a_number_that_another_manager_applied_stays_until_somebody_writes_another(
    cluster: EitherCluster,
) -> None:
    await cluster.api.apply(deployment(cluster, replicas=3))
    await cluster.api.apply(count(cluster, 3), manager=names.MANAGER_COUNT)
    made = await cluster.api.apply(deployment(cluster))
    assert not owned_fields(made["metadata"]).name("spec", "replicas")
    assert replicas_of(cluster) == 3
    cluster.others.change(Ref.of(made), {"spec": {"replicas": 5}})
    await cluster.api.apply(deployment(cluster))
    assert replicas_of(cluster) == 5
    back = await cluster.api.apply(deployment(cluster, replicas=4))
    assert owned_fields(back["metadata"]).name("spec", "replicas")
    assert replicas_of(cluster) == 4


async def test_the_value_that_is_there_already_makes_nobody_its_owner(cluster: EitherCluster) -> None:
    await cluster.api.apply(deployment(cluster, replicas=3))
    cluster.others.change(Ref.of(deployment(cluster)), {"spec": {"replicas": 3}})
    await cluster.api.apply(deployment(cluster))
    assert replicas_of(cluster) == 1


async def test_an_apply_without_force_takes_nothing_over(cluster: EitherCluster) -> None:
    await cluster.api.apply(cluster.config(x="1"))
    cluster.others.change(Ref.of(cluster.config()), {"data": {"x": "theirs"}})
    with pytest.raises(Conflict) as refused:
        await cluster.api.apply(cluster.config(x="2"), manager=names.MANAGER_SCALE_IN, force=False)
    assert {cause["reason"] for cause in refused.value.details["causes"]} == {"FieldManagerConflict"}
    assert cluster.others.read(Ref.of(cluster.config()))["data"] == {"x": "theirs"}


async def test_a_book_that_is_rewritten_decides_what_the_next_apply_removes(cluster: EitherCluster) -> None:
    made = await cluster.api.apply(cluster.config(x="1"))
    ref = Ref.of(made)
    cluster.others.change(ref, {"data": {"y": "theirs"}})
    live = cluster.others.read(ref)
    [ours] = [entry for entry in live["metadata"]["managedFields"] if entry["operation"] == "Apply"]
    ours["fieldsV1"]["f:data"]["f:y"] = {}
    changes = {"resourceVersion": live["metadata"]["resourceVersion"], "managedFields": [ours]}
    await cluster.api.patch(ref, {"metadata": changes})
    after = await cluster.api.apply(cluster.config(x="1"))
    assert after["data"] == {"x": "1"}
    with pytest.raises(Conflict):
        await cluster.api.patch(ref, {"metadata": changes})
