"""An autoscaler that has to go and does not is told by name, and what to do about it, until it is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from realtimeapp_operator.reconcile.former_autoscalers import PATIENCE_SECONDS
from realtimeapp_operator.reconcile.ports import Surroundings
from tests.support.fake_cluster import FakeCluster
from tests.support.web_tier import WebTier
from tests.support.world import KEY, TRAEFIK, World, deployment_status

if TYPE_CHECKING:
    from realtimeapp_operator.kube.kinds import Ref

WEB = "counter-web"
FINALIZER = "finalizer.keda.sh"
KEDA = {"autoscaling": {"maxReplicas": 6, "engine": "KEDA"}}
BESIDE: dict[str, Any] = {"migrations": {"policy": "Disabled"}, "checks": {"deploy": "Off"}, "ingress": None}


class WithFinalizers(FakeCluster):
    """A cluster where what has a finalizer stays when it is deleted, until that is taken off."""

    async def delete(self, ref: Ref, *, uid: str | None, propagation: str = "Background") -> bool:
        """DELETE."""
        live = self.objects.get(ref)
        if live is None or not live["metadata"].get("finalizers"):
            return await super().delete(ref, uid=uid, propagation=propagation)
        self.edit(ref, lambda obj: obj["metadata"].update(deletionTimestamp="2026-01-01T00:00:00Z"))
        return True


@pytest.fixture
async def tier() -> WebTier:
    """Three pods that KEDA scales; its operator put a finalizer on the ScaledObject and then went away."""
    world = World(surroundings=Surroundings(metrics_url="http://operator-leader.system.svc:8080"))
    world.cluster = WithFinalizers()
    world.cluster.put(TRAEFIK)
    world.start()
    world.declare(web={**KEDA, "replicas": 3}, **BESIDE)
    made = WebTier(world)
    await world.settle()
    world.roll_out()
    await made.come_to_rest()
    world.cluster.edit(
        world.cluster.ref("ScaledObject", WEB), lambda live: live["metadata"].update(finalizers=[FINALIZER])
    )
    await made.come_to_rest()
    assert world.condition("Ready")["status"] == "True"
    world.told.stories.clear()
    return made


async def wait(world: World) -> None:
    """As long as the operator asks for."""
    after = world.outcomes[KEY].after
    assert after is not None
    assert 0 < after <= PATIENCE_SECONDS
    await world.clock.advance(after)
    world.due[KEY] = None
    await world.settle()


@pytest.mark.parametrize("changes", [{"suspend": True}, {"web": {"replicas": 1}}])
async def test_what_waits_for_an_autoscaler_says_so_until_it_is_gone(
    tier: WebTier, changes: dict[str, Any]
) -> None:
    world = tier.world
    world.declare(**{"web": {**KEDA, "replicas": 3}, **BESIDE, **changes})
    await world.settle()
    assert tier.wanted == 3, "nobody else writes the number"
    assert world.condition("Reconciled")["status"] == "True", "a finalizer takes a moment"
    await wait(world)
    said = world.condition("Reconciled")
    assert (said["status"], said["reason"]) == ("False", "AutoscalerRemains")
    assert f"ScaledObject {WEB} is being deleted and kept by the finalizer {FINALIZER}" in said["message"]
    assert "kubectl patch scaledobject" in said["message"]
    assert world.condition("Ready")["reason"] == "AutoscalerRemains"
    assert world.condition("Degraded")["status"] == "True"
    assert world.told.reasons().count("AutoscalerRemains") == 1

    before = said
    world.start()
    await world.settle()
    assert world.condition("Reconciled") == before, "a restart of the operator takes nothing back"

    world.cluster.remove(world.cluster.ref("ScaledObject", WEB))
    await tier.come_to_rest()
    assert tier.wanted == (0 if "suspend" in changes else 1)
    assert world.condition("Reconciled")["status"] == "True"
    assert world.condition("Degraded")["status"] == "False"
    assert "Recovered" in world.told.reasons()


async def test_an_autoscaler_that_goes_in_time_is_never_told(tier: WebTier) -> None:
    world = tier.world
    world.declare(web={"replicas": 3}, **BESIDE)
    await world.settle()
    await world.clock.advance(PATIENCE_SECONDS / 2)
    world.cluster.remove(world.cluster.ref("ScaledObject", WEB))
    await world.settle()
    deployment = world.child("Deployment", WEB)
    status = deployment_status(deployment["metadata"]["generation"], tier.wanted)
    world.cluster.set_status(world.cluster.ref("Deployment", WEB), status)
    await world.settle()
    await world.clock.advance(PATIENCE_SECONDS)
    outcome = await world.reconcile()
    assert outcome.after is None
    assert not [story for story in world.told.stories if story[0] == "Warning"]
    assert world.condition("Reconciled")["status"] == "True"


async def test_a_finalizer_alone_is_no_trouble(tier: WebTier) -> None:
    await tier.world.clock.advance(10 * PATIENCE_SECONDS)
    await tier.world.reconcile()
    assert tier.world.condition("Reconciled")["status"] == "True"
    assert tier.world.told.reasons() == []
