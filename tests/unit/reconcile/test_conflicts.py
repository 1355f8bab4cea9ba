"""A name in somebody else's hands holds up what is new: not that pods go, nor the autoscaler that would keep them."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from realtimeapp_operator import names
from realtimeapp_operator.kube.errors import Forbidden
from realtimeapp_operator.reconcile.ports import Surroundings
from tests.support.web_tier import WebTier
from tests.support.world import KEY, SPEC, World

if TYPE_CHECKING:
    from realtimeapp_operator.kube.kinds import Ref

WEB = "counter-web"
HPA = "HorizontalPodAutoscaler"
WORKER = {"name": "celery", "type": "CeleryWorker", "app": "shop"}
OLD, NEW = "registry.example.com/counter:1", "registry.example.com/counter:2"
FOREIGN: dict[str, Any] = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "metadata": {"name": WEB, "namespace": KEY.namespace},
    "spec": {"ingressClassName": "other"},
}
LABELS = {names.LABEL_MANAGED_BY: names.MANAGED_BY, names.LABEL_INSTANCE: KEY.name}
"""With these the operator sees it before it tries to write."""
BESIDE: dict[str, Any] = {"migrations": {"policy": "Disabled"}, "checks": {"deploy": "Off"}}
AUTOSCALING = {"minReplicas": 2, "maxReplicas": 6, "targetConnectionsPerPod": 500}


async def tier_of(world: World, **web: Any) -> WebTier:  # noqa: ANN401 - fields of the spec
    """Four pods and a worker, at rest; no ingress."""
    tier = WebTier(world)
    world.declare(workers=[WORKER], web={"replicas": 4, **web}, ingress=None, **BESIDE)
    await world.settle()
    world.roll_out()
    await tier.come_to_rest()
    tier.hold(10, 10, 10, 10)
    return tier


def image(world: World) -> str:
    template = world.child("Deployment", WEB)["spec"]["template"]["spec"]
    found: str = template["containers"][0]["image"]
    return found


@pytest.mark.parametrize("labels", [{}, LABELS])
@pytest.mark.parametrize("autoscaled", [True, False])
async def test_a_suspend_is_done_though_the_ingress_has_a_foreign_name(
    *, autoscaled: bool, labels: dict[str, str]
) -> None:
    world = World()
    tier = await tier_of(world, **({"autoscaling": AUTOSCALING} if autoscaled else {}))
    assert (world.cluster.get(HPA, WEB) is not None) == autoscaled
    metadata = {**FOREIGN["metadata"], "labels": labels}
    before = copy.deepcopy(world.cluster.put({**FOREIGN, "metadata": metadata}))
    # Another image, and a worker less: both wait until the name is free.
    world.declare(image=NEW, workers=[], web={"replicas": 4}, suspend=True, ingress=SPEC["ingress"], **BESIDE)
    await tier.come_to_rest()
    assert world.cluster.get(HPA, WEB) is None, "it would keep what is to go"
    assert tier.wanted == 0
    assert image(world) == OLD
    assert world.cluster.get("Deployment", "counter-worker-celery") is not None
    assert world.child("Ingress", WEB) == before
    assert world.condition("Reconciled")["reason"] == "NameConflict"

    world.cluster.log.clear()
    await world.reconcile()
    written = {request.kind for request in world.cluster.writes()}
    assert written <= {"Ingress"}, "the name alone is tried again"

    world.cluster.remove(world.cluster.ref("Ingress", WEB))
    await world.reconcile()  # Of an object without our label nobody is told; it is tried again by itself.
    await tier.come_to_rest()
    assert image(world) == NEW
    assert world.cluster.get("Deployment", "counter-worker-celery") is None
    assert world.condition("Reconciled")["status"] == "True"


async def test_no_pod_comes_by_it() -> None:
    world = World()
    tier = await tier_of(world)
    world.cluster.put(FOREIGN)
    world.declare(workers=[WORKER], web={"replicas": 6}, ingress=SPEC["ingress"], **BESIDE)
    await tier.come_to_rest()
    assert tier.wanted == 4
    world.declare(workers=[WORKER], web={"replicas": 2}, ingress=SPEC["ingress"], **BESIDE)
    await tier.come_to_rest()
    assert tier.wanted == 2


async def test_a_suspend_is_done_though_the_ingress_is_refused() -> None:
    world = World()
    tier = await tier_of(world, autoscaling=AUTOSCALING)

    def refuse(_verb: str, ref: Ref) -> Forbidden | None:
        return Forbidden(status=403, message="no") if ref.kind == "Ingress" else None

    world.cluster.refuse = refuse
    world.declare(workers=[WORKER], web={"replicas": 4}, suspend=True, ingress=SPEC["ingress"], **BESIDE)
    await tier.come_to_rest()
    assert world.cluster.get(HPA, WEB) is None
    assert tier.wanted == 0
    assert world.condition("Reconciled")["reason"] == "Forbidden"


async def test_an_autoscaler_waits_for_the_one_that_follows_it() -> None:
    """Without either nobody would answer to the load until the name is free."""
    world = World(surroundings=Surroundings(metrics_url="http://operator-leader.system.svc:8080"))
    tier = await tier_of(world, autoscaling=AUTOSCALING)
    world.cluster.put(FOREIGN)
    keda = {"autoscaling": {**AUTOSCALING, "engine": "KEDA"}}
    world.declare(workers=[WORKER], web={"replicas": 4, **keda}, ingress=SPEC["ingress"], **BESIDE)
    await world.settle()
    assert world.cluster.get(HPA, WEB) is not None
    world.cluster.remove(world.cluster.ref("Ingress", WEB))
    await world.reconcile()  # Of an object without our label nobody is told; it is tried again by itself.
    await tier.come_to_rest()
    assert world.cluster.get(HPA, WEB) is None
    assert world.cluster.get("ScaledObject", WEB) is not None
