"""A scale-in whose pods were on a node that is lost: nobody says that they are gone, and the rest follows all the same."""

from __future__ import annotations

from realtimeapp_operator.reconcile.scaling import LATE_SECONDS
from tests.support.world import KEY
from tests.unit.reconcile.test_scale_in import tier_of, web


async def test_the_next_step_follows_when_pods_must_have_ended_whatever_their_node_says() -> None:
    tier = await tier_of(1000, 1000, 1000, 1000)
    tier.world.declare(**web(1))
    await tier.world.settle()
    assert tier.wanted == 2, "two full pods are all that may move at once"
    tier.control()
    await tier.world.settle()
    lost = tier.leaving()
    for pod in lost:
        del tier.world.probe.holds[pod["status"]["podIP"]]
    template = tier.world.child("Deployment", "counter-web")["spec"]["template"]
    await tier.world.clock.advance(template["spec"]["terminationGracePeriodSeconds"])
    tier.world.due[KEY] = None
    await tier.world.settle()
    assert tier.wanted == 2, "they may still hold what they held"

    await tier.world.clock.advance(LATE_SECONDS + 1)
    tier.world.due[KEY] = None
    await tier.world.settle()
    assert tier.wanted == 1
    assert len(tier.leaving()) == len(lost), "the node has not said a word"
