"""A cluster for a scenario that runs twice: on the one in memory, and on a real API server."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any, Protocol

from realtimeapp_operator import names
from realtimeapp_operator.api.parse import parse
from realtimeapp_operator.reconcile.plan import stamped
from realtimeapp_operator.render.facts import Facts
from realtimeapp_operator.render.objects import render

if TYPE_CHECKING:
    from hack.clients.kubectl import Kubectl
    from realtimeapp_operator.kube.kinds import Ref
    from realtimeapp_operator.reconcile.ports import Api
    from tests.support.fake_cluster import FakeCluster

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


class EitherCluster:
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

    def find_manifest(self, kind: str, name: str, **spec: Any) -> Manifest:  # noqa: ANN401 - fields of the spec
        """One of them."""
        found = self.manifests(**spec)
        return next(item for item in found if (item["kind"], item["metadata"]["name"]) == (kind, name))
