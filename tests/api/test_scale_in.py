"""Whom the real ReplicaSet controller takes away when the operator's deletion costs are on its pods."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import pytest

from hack.clients.waiting import eventually_async
from realtimeapp_operator import names
from realtimeapp_operator.kube.errors import Conflict
from realtimeapp_operator.kube.kinds import POD, Ref
from realtimeapp_operator.reconcile.costs import PROMISE, choose_costs, cost_of
from realtimeapp_operator.reconcile.scaling import WebPod, in_order_of_removal
from tests.support.made_up_nodes import is_ready, ready_status

if TYPE_CHECKING:
    from hack.clients.kubectl import Kubectl
    from realtimeapp_operator.kube.client import ApiClient

MANY, FEW = 10, 5
SEEDS = 10
LABELS = {"app": "web"}


class Tier:
    """A Deployment of ready pods on a control plane without nodes."""

    def __init__(self, client: ApiClient, namespace: str) -> None:
        self.client = client
        self.namespace = namespace
        self.deployment = Ref("apps/v1", "Deployment", namespace, "web")

    async def pods(self) -> list[dict[str, Any]]:
        """Pods that stay."""
        found = [page.items async for page in self.client.list_pages(POD, self.namespace, "app=web")]
        pods = [pod for items in found for pod in items]
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    async def scale(self, replicas: int) -> None:
        """Ask for a number of pods and wait until there are as many."""
        await self.client.apply(deployment(self.namespace, replicas))
        await eventually_async(lambda: self._has(replicas), within=60, what=f"{replicas} pods")

    async def let_run(self) -> list[dict[str, Any]]:
        """Make all pods ready, and wait until the ReplicaSet controller has seen it; the pods."""
        pods = await self.pods()
        await asyncio.gather(*(self._make_ready(pod) for pod in pods if not is_ready(pod)))
        await eventually_async(lambda: self.counts(len(pods)), within=60, what="all pods counted as ready")
        return await self.pods()

    async def mark(self, pod: WebPod, cost: int, **options: Any) -> None:  # noqa: ANN401 - of an apply
        """Write a deletion cost as the operator does."""
        metadata = {"name": pod.name, "namespace": self.namespace, "uid": pod.uid}
        annotations = {names.ANNOTATION_DELETION_COST: str(cost)}
        manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {**metadata, "annotations": annotations}}
        await self.client.apply(manifest, **{"manager": names.MANAGER_SCALE_IN, "force": False, **options})

    async def _make_ready(self, pod: dict[str, Any]) -> None:
        await self.client.patch(Ref.of(pod), {"status": ready_status("web")}, subresource="status")

    async def _has(self, replicas: int) -> bool:
        return len(await self.pods()) == replicas

    async def counts(self, ready: int) -> bool:
        """Whether the Deployment knows of so many ready pods."""
        live = await self.client.get(self.deployment)
        return live is not None and live.get("status", {}).get("readyReplicas") == ready


def deployment(namespace: str, replicas: int) -> dict[str, Any]:
    container = {"name": "web", "image": "registry.example.com/web:1"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": LABELS},
            "template": {"metadata": {"labels": LABELS}, "spec": {"containers": [container]}},
        },
    }


def as_seen(pod: dict[str, Any], connections: int) -> WebPod:
    """The pod as the operator sees it."""
    cost = pod["metadata"].get("annotations", {}).get(names.ANNOTATION_DELETION_COST)
    return WebPod(
        name=pod["metadata"]["name"],
        uid=pod["metadata"]["uid"],
        connections=connections,
        known=True,
        scheduled=bool(pod["spec"].get("nodeName")),
        phase=pod["status"]["phase"],
        ready=is_ready(pod),
        cost=None if cost is None else int(cost),
        foreign=False,
    )


@pytest.fixture
def tier(client: ApiClient, kubectl: Kubectl) -> Tier:
    return Tier(client, kubectl.namespace)


async def test_the_real_controller_takes_the_least_loaded_in_ten_seeds(tier: Tier) -> None:
    for seed in range(SEEDS):
        chance = random.Random(seed)  # noqa: S311 - uneven loads, the same each time
        await tier.scale(MANY)
        pods = [as_seen(pod, chance.randint(0, 2000)) for pod in await tier.let_run()]
        costs = choose_costs(pods, written={}, now=0)
        await asyncio.gather(*(tier.mark(pod, cost) for pod, cost in costs.write.items()))
        await tier.scale(FEW)
        left = {pod["metadata"]["uid"] for pod in await tier.pods()}
        gone = sorted(pod.connections for pod in pods if pod.uid not in left)
        least = sorted(pod.connections for pod in pods)
        assert len(gone) == MANY - FEW
        for victim, fewest in zip(gone, least, strict=False):
            assert victim <= fewest * PROMISE, f"seed {seed}: {gone} of {least}"


async def test_a_pod_that_is_not_ready_goes_before_any_cost_is_compared(tier: Tier) -> None:
    await tier.scale(3)
    pods = await tier.let_run()
    loads = [5, 10, 2000]
    seen = [as_seen(pod, load) for pod, load in zip(pods, loads, strict=True)]
    for pod in seen:
        await tier.mark(pod, cost_of(pod.connections))
    not_ready = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
    await tier.client.patch(Ref.of(pods[2]), not_ready, subresource="status")
    await eventually_async(lambda: tier.counts(2), within=60, what="one pod counted out")
    marked = [as_seen(pod, 0) for pod in await tier.pods()]
    expected = in_order_of_removal(marked)[0].name
    await tier.scale(2)
    assert expected == pods[2]["metadata"]["name"]
    assert expected not in {pod["metadata"]["name"] for pod in await tier.pods()}


async def test_a_cost_of_somebody_else_is_refused_and_not_taken_over(tier: Tier, kubectl: Kubectl) -> None:
    await tier.scale(1)
    [pod] = [as_seen(pod, 7) for pod in await tier.pods()]
    await tier.mark(pod, 3)
    await tier.mark(pod, 4)
    kubectl.run("annotate", "pod", pod.name, "--overwrite", f"{names.ANNOTATION_DELETION_COST}=-5")
    with pytest.raises(Conflict) as refused:
        await tier.mark(pod, 6)
    assert {cause["reason"] for cause in refused.value.details["causes"]} == {"FieldManagerConflict"}
    [live] = await tier.pods()
    assert live["metadata"]["annotations"][names.ANNOTATION_DELETION_COST] == "-5"
