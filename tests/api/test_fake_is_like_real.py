"""The cluster in memory behaves like a real API server, in everything the reconciler relies on.

Each scenario runs on both. It also is the proof that the guards of a write hold on a real server: they decide that
nothing foreign is ever taken over (docs/design/0002-apply-and-ownership.md).
"""

from __future__ import annotations

import copy
import json
import os
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from realtimeapp_operator import names
from realtimeapp_operator.api.parse import parse
from realtimeapp_operator.kube.client import ApiClient
from realtimeapp_operator.kube.credentials import Credentials
from realtimeapp_operator.kube.errors import AlreadyExists, Conflict, Invalid, NotFound
from realtimeapp_operator.kube.kinds import Ref
from realtimeapp_operator.reconcile.ownership import owned_fields
from realtimeapp_operator.reconcile.plan import guarded, stamped
from realtimeapp_operator.render.facts import Facts
from realtimeapp_operator.render.objects import render
from tests.support.fake_cluster import FakeCluster

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hack.clients.kubectl import Kubectl
    from realtimeapp_operator.reconcile.ports import Api
    from tests.api.conftest import ControlPlane

Manifest = dict[str, Any]

RICH: dict[str, Any] = {
    "image": "registry.example.com/counter:1",
    "framework": "Djust",
    "django": {"settingsModule": "counter.settings"},
    "database": {"urlSecretRef": {"name": "shop-db", "key": "url"}},
    "imagePullSecrets": [{"name": "registry"}],
    "env": [
        {"name": "A", "value": "1"},
        {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
    ],
    "envFrom": [{"configMapRef": {"name": "flags"}}],
    "web": {"podTemplate": {"resources": {"requests": {"cpu": "100m"}, "limits": {"memory": "1Gi"}}}},
    "workers": [
        {"name": "celery", "type": "CeleryWorker", "app": "shop"},
        {"name": "beat", "type": "CeleryBeat", "app": "shop"},
    ],
    "ingress": {
        "className": "traefik",
        "hosts": ["counter.example.com"],
        "tls": {"secretName": "counter-tls"},
    },
}


class Others(Protocol):
    """Everybody but the operator."""

    def change(self, ref: Ref, patch: dict[str, Any]) -> None:
        """JSON merge patch of an object."""

    def put(self, manifest: Manifest) -> None:
        """Create an object."""

    def remove(self, ref: Ref) -> None:
        """Delete an object."""

    def read(self, ref: Ref) -> Manifest:
        """An object that exists."""


class OthersOnFake:
    def __init__(self, cluster: FakeCluster) -> None:
        self._cluster = cluster

    def change(self, ref: Ref, patch: dict[str, Any]) -> None:
        def merge(live: Manifest) -> None:
            live.update(merged(live, copy.deepcopy(patch)))

        self._cluster.edit(ref, merge)

    def put(self, manifest: Manifest) -> None:
        self._cluster.put(manifest)

    def remove(self, ref: Ref) -> None:
        self._cluster.remove(ref)

    def read(self, ref: Ref) -> Manifest:
        return copy.deepcopy(self._cluster.objects[ref])


class OthersOnReal:
    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl

    def change(self, ref: Ref, patch: dict[str, Any]) -> None:
        self._kubectl.run("patch", ref.kind, ref.name, "--type=merge", "-p", json.dumps(patch))

    def put(self, manifest: Manifest) -> None:
        self._kubectl.run("create", "-f", "-", stdin=json.dumps(manifest))

    def remove(self, ref: Ref) -> None:
        self._kubectl.run("delete", ref.kind, ref.name)

    def read(self, ref: Ref) -> Manifest:
        done = self._kubectl.run("get", ref.kind, ref.name, "-o", "json", "--show-managed-fields")
        found: Manifest = json.loads(done.stdout)
        return found


def merged(old: object, patch: dict[str, Any]) -> dict[str, Any]:
    new = dict(old) if isinstance(old, dict) else {}
    for key, value in patch.items():
        if value is None:
            new.pop(key, None)
        else:
            new[key] = merged(new.get(key), value) if isinstance(value, dict) else value
    return new


class Cluster:
    """Either of the two."""

    def __init__(self, *, api: Api, others: Others, namespace: str) -> None:
        self.api = api
        self.others = others
        self.namespace = namespace

    def config(self, name: str = "a", **data: str) -> Manifest:
        metadata = {"name": name, "namespace": self.namespace, "labels": {"a": "b"}}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}

    def app(self, **spec: Any) -> Manifest:  # noqa: ANN401 - fields of the spec
        return {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "metadata": {"name": "counter", "namespace": self.namespace},
            "spec": {**RICH, **spec},
        }

    def manifests(self, **spec: Any) -> list[Manifest]:  # noqa: ANN401 - fields of the spec
        """What the operator would apply, without an owner: the garbage collector would look for it."""
        facts = Facts(runtime_image="operator:1", redis_image="redis:7", edge="Traefik")
        rendered = render(parse(self.app(**spec)), facts)
        return [stamped(item) for item in rendered if item["kind"] != "Secret"]


@pytest.fixture(params=["fake", "real"])
async def cluster(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Cluster]:
    namespace = f"like-real-{os.urandom(4).hex()}"
    if request.param == "fake":
        fake = FakeCluster()
        yield Cluster(api=fake, others=OthersOnFake(fake), namespace=namespace)
        return
    plane: ControlPlane = request.getfixturevalue("control_plane")
    monkeypatch.setenv("KUBECONFIG", str(plane.kubectl.kubeconfig))
    plane.kubectl.run("create", "namespace", namespace)
    try:
        async with ApiClient(credentials=Credentials()) as client:
            yield Cluster(
                api=client, others=OthersOnReal(plane.kubectl.within(namespace)), namespace=namespace
            )
    finally:
        plane.kubectl.run("delete", "namespace", namespace, "--wait=false")


def is_ours(live: Manifest, manifest: Manifest) -> bool:
    digest = manifest["metadata"]["annotations"][names.ANNOTATION_HASH]
    return owned_fields(live["metadata"]).cover(manifest, digest=digest)


def find(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    return next(item for item in manifests if (item["kind"], item["metadata"]["name"]) == (kind, name))


async def test_a_create_only_apply_creates_and_never_changes(cluster: Cluster) -> None:
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


async def test_an_apply_with_a_uid_changes_that_object_and_no_other(cluster: Cluster) -> None:
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


async def test_an_apply_of_the_same_again_is_not_a_change(cluster: Cluster) -> None:
    made = await cluster.api.apply(guarded(cluster.config(x="1"), uid=None))
    again = await cluster.api.apply(guarded(cluster.config(x="1"), uid=made["metadata"]["uid"]))
    assert again["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


async def test_an_apply_removes_what_it_no_longer_names_and_keeps_what_others_added(cluster: Cluster) -> None:
    made = await cluster.api.apply(guarded(cluster.config(x="1", y="1"), uid=None))
    cluster.others.change(Ref.of(made), {"data": {"z": "theirs"}, "metadata": {"labels": {"c": "d"}}})
    after = await cluster.api.apply(guarded(cluster.config(x="1"), uid=made["metadata"]["uid"]))
    assert after["data"] == {"x": "1", "z": "theirs"}
    assert after["metadata"]["labels"] == {"a": "b", "c": "d"}


async def test_every_rendered_object_is_recognised_as_applied(cluster: Cluster) -> None:
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
    cluster: Cluster, kind: str, name: str, patch: dict[str, Any]
) -> None:
    manifest = find(cluster.manifests(), kind, name)
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


async def test_a_foreign_container_stays_and_a_foreign_value_in_ours_does_not(cluster: Cluster) -> None:
    manifest = find(cluster.manifests(), "Deployment", "counter-worker-celery")
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


async def test_a_generation_moves_with_the_spec_and_a_deployments_with_annotations_too(
    cluster: Cluster,
) -> None:
    manifest = find(cluster.manifests(), "Deployment", "counter-web")
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


async def test_a_removed_container_variable_goes(cluster: Cluster) -> None:
    manifest = find(cluster.manifests(), "Deployment", "counter-web")
    made = await cluster.api.apply(guarded(manifest, uid=None))
    fewer = find(cluster.manifests(env=[]), "Deployment", "counter-web")
    after = await cluster.api.apply(guarded(fewer, uid=made["metadata"]["uid"]))
    variables = {item["name"] for item in after["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert not variables & {"A", "B"}
    assert variables


async def test_a_delete_only_hits_the_object_it_means(cluster: Cluster) -> None:
    made = await cluster.api.apply(guarded(cluster.config(x="1"), uid=None))
    ref = Ref.of(made)
    with pytest.raises(Conflict):
        await cluster.api.delete(ref, uid="00000000-0000-0000-0000-000000000000")
    assert await cluster.api.delete(ref, uid=made["metadata"]["uid"])
    assert not await cluster.api.delete(ref, uid=made["metadata"]["uid"])


async def test_a_create_does_not_replace(cluster: Cluster) -> None:
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


async def test_a_status_patch_merges_removes_and_is_quiet_when_nothing_changes(cluster: Cluster) -> None:
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


def deployment(cluster: Cluster, **spec: Any) -> Manifest:  # noqa: ANN401 - fields of the spec
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


def count(cluster: Cluster, replicas: int) -> Manifest:
    metadata = {"name": "x", "namespace": cluster.namespace}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {"replicas": replicas},
    }


def replicas_of(cluster: Cluster) -> int:
    return int(cluster.others.read(Ref.of(deployment(cluster)))["spec"]["replicas"])


async def test_a_number_that_is_not_named_any_more_is_one(cluster: Cluster) -> None:
    await cluster.api.apply(deployment(cluster, replicas=3))
    await cluster.api.apply(deployment(cluster))
    assert replicas_of(cluster) == 1


async def test_a_number_that_another_manager_applied_stays_until_somebody_writes_another(
    cluster: Cluster,
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


async def test_the_value_that_is_there_already_makes_nobody_its_owner(cluster: Cluster) -> None:
    await cluster.api.apply(deployment(cluster, replicas=3))
    cluster.others.change(Ref.of(deployment(cluster)), {"spec": {"replicas": 3}})
    await cluster.api.apply(deployment(cluster))
    assert replicas_of(cluster) == 1


async def test_an_apply_without_force_takes_nothing_over(cluster: Cluster) -> None:
    await cluster.api.apply(cluster.config(x="1"))
    cluster.others.change(Ref.of(cluster.config()), {"data": {"x": "theirs"}})
    with pytest.raises(Conflict) as refused:
        await cluster.api.apply(cluster.config(x="2"), manager=names.MANAGER_SCALE_IN, force=False)
    assert {cause["reason"] for cause in refused.value.details["causes"]} == {"FieldManagerConflict"}
    assert cluster.others.read(Ref.of(cluster.config()))["data"] == {"x": "theirs"}


async def test_a_book_that_is_rewritten_decides_what_the_next_apply_removes(cluster: Cluster) -> None:
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
