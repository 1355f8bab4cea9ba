"""An autoscaler that goes by processor time says itself that pods are about to go: the lightest one is marked by then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from realtimeapp_operator import names
from realtimeapp_operator.reconcile.costs import REWRITE_SECONDS, cost_of
from tests.support.world import KEY
from tests.unit.reconcile.test_scale_in import costs, tier_of, web

if TYPE_CHECKING:
    from tests.support.web_tier import WebTier

WEB = "counter-web"
HPA = "HorizontalPodAutoscaler"
CPU = {"minReplicas": 1, "maxReplicas": 20, "targetCPUUtilizationPercentage": 75}
WAITS = {"type": "AbleToScale", "status": "True", "reason": "ScaleDownStabilized"}
IN_STEPS = {"type": "ScalingLimited", "status": "True", "reason": "ScaleDownLimit"}
READY = {"type": "AbleToScale", "status": "True", "reason": "ReadyForNewScale"}
AT_BOUND = {"type": "ScalingLimited", "status": "True", "reason": "TooFewReplicas"}
LOADS = (400, 100, 300)


async def autoscaled(*, least: int = 1) -> WebTier:
    """Pods that hold LOADS, and an autoscaler that looks at their processor time."""
    tier = await tier_of(*LOADS)
    tier.world.declare(**web(3, autoscaling={**CPU, "minReplicas": least}))
    await tier.world.settle()
    tier.control()
    await tier.world.settle()
    tier.hold(*LOADS)
    await tier.world.sampler.refresh(KEY)
    tier.world.cluster.log.clear()
    return tier


def say(tier: WebTier, *conditions: dict[str, Any]) -> None:
    """The autoscaler writes its status."""
    tier.world.cluster.set_status(tier.world.cluster.ref(HPA, WEB), {"conditions": list(conditions)})


def scale(tier: WebTier, replicas: int) -> None:
    """The autoscaler writes the number."""
    ref = tier.world.cluster.ref("Deployment", WEB)
    tier.world.cluster.edit(ref, lambda live: live["spec"].update(replicas=replicas), manager="hpa")
    tier.control()


def marks(tier: WebTier) -> int:
    return [request.kind for request in tier.world.cluster.log].count("Pod")


@pytest.mark.parametrize("sign", [WAITS, IN_STEPS])
async def test_the_lightest_pod_goes_when_processors_are_what_counts(sign: dict[str, Any]) -> None:
    tier = await autoscaled()
    say(tier, sign)
    await tier.world.settle()
    assert costs(tier) == {load: cost_of(load) for load in LOADS}
    assert tier.wanted == 3, "the number is the autoscaler's"
    scale(tier, 2)
    assert [gone.held for gone in tier.gone] == [100]


@pytest.mark.parametrize("signs", [(), (READY,), (READY, AT_BOUND)])
async def test_no_pod_is_marked_while_none_is_about_to_go(signs: tuple[dict[str, Any], ...]) -> None:
    tier = await autoscaled()
    say(tier, *signs)
    await tier.world.settle()
    outcome = await tier.world.reconcile()
    assert marks(tier) == 0
    assert outcome.after is None, "nobody has to look again"


async def test_no_pod_is_marked_where_none_can_go_below_the_least_number() -> None:
    tier = await autoscaled(least=3)
    say(tier, WAITS)
    await tier.world.settle()
    assert marks(tier) == 0


async def test_marks_are_kept_right_once_a_minute_at_most_and_only_as_long_as_the_sign_lasts() -> None:
    tier = await autoscaled()
    say(tier, WAITS)
    await tier.world.settle()
    tier.world.cluster.log.clear()
    tier.hold(400, 350, 50)
    await tier.world.clock.advance(10)
    await tier.world.sampler.refresh(KEY)
    outcome = await tier.world.reconcile()
    assert marks(tier) == 0
    assert outcome.after == REWRITE_SECONDS
    await tier.world.clock.advance(REWRITE_SECONDS - 9)
    await tier.world.sampler.refresh(KEY)
    await tier.world.reconcile()
    assert costs(tier) == {load: cost_of(load) for load in (400, 350, 50)}

    say(tier, READY)
    tier.hold(40, 350, 50)
    tier.world.cluster.log.clear()
    for _ in range(3):
        await tier.world.clock.advance(REWRITE_SECONDS + 1)
        await tier.world.sampler.refresh(KEY)
        outcome = await tier.world.reconcile()
    assert marks(tier) == 0
    assert outcome.after is None


async def test_an_operator_that_starts_while_pods_are_about_to_go_marks_them_once_it_knows_the_counts() -> (
    None
):
    tier = await autoscaled()
    tier.world.start()
    say(tier, WAITS)
    await tier.world.settle()
    assert marks(tier) == 0
    after = tier.world.outcomes[KEY].after
    assert after is not None
    await tier.world.sampler.refresh(KEY)
    await tier.world.clock.advance(after)
    await tier.world.reconcile()
    scale(tier, 2)
    assert [gone.held for gone in tier.gone] == [100]


async def test_what_is_marked_is_asked_for_at_that_moment() -> None:
    """Counts at hand may be some seconds old; who goes is decided by fresh ones."""
    tier = await autoscaled()
    await tier.world.clock.advance(5)
    tier.hold(100, 400, 300)
    say(tier, WAITS)
    await tier.world.settle()
    scale(tier, 2)
    assert [gone.held for gone in tier.gone] == [100]
    assert names.ANNOTATION_DELETION_COST in tier.staying()[0]["metadata"]["annotations"]
