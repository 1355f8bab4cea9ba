"""A scale-in nobody notices: the pods with the fewest clients go, no more at once than the pace allows."""

from __future__ import annotations

import random
from typing import Any

import pytest

from realtimeapp_operator import names
from realtimeapp_operator.kube.errors import ApiError, BadRequest, Forbidden, Unavailable
from realtimeapp_operator.kube.kinds import Ref
from realtimeapp_operator.reconcile.costs import PROMISE, cost_of
from tests.support.web_tier import WebTier
from tests.support.world import KEY, World

PACE: dict[str, Any] = {
    "connections": {"maxPerPod": 1000},
    "rollout": {"maxReconnectsPerSecond": 100, "drainTimeoutSeconds": 20},
}
AT_ONCE = 2000
COST = names.ANNOTATION_DELETION_COST


def web(replicas: int, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of the spec
    return {
        "web": {**PACE, "replicas": replicas, **changes},
        "migrations": {"policy": "Disabled"},
        "ingress": None,
    }


async def tier_of(*loads: int, world: World | None = None) -> WebTier:
    """An application at rest with pods that hold `loads`."""
    tier = WebTier(world or World())
    tier.world.declare(**web(len(loads)))
    await tier.world.settle()
    tier.world.roll_out()
    await tier.come_to_rest()
    tier.hold(*loads)
    await tier.world.sampler.refresh(KEY)
    tier.world.due.clear()
    tier.world.cluster.log.clear()
    tier.world.told.stories.clear()
    return tier


def costs(tier: WebTier) -> dict[int, int]:
    """Deletion cost by what a pod holds, of those that stay."""
    return {
        tier.held(pod): int(pod["metadata"]["annotations"][COST])
        for pod in tier.staying()
        if COST in pod["metadata"].get("annotations", {})
    }


@pytest.mark.parametrize("seed", range(10))
async def test_ten_to_five_takes_the_least_loaded_at_the_pace(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - uneven loads, the same each time
    tier = await tier_of(*(chance.randint(0, 1000) for _ in range(10)))
    tier.world.declare(**web(5))
    await tier.come_to_rest()
    assert len(tier.gone) == 5
    assert all(gone.held <= gone.least * PROMISE for gone in tier.gone), tier.gone
    assert tier.heaviest <= AT_ONCE
    assert tier.world.condition("Ready")["status"] == "True"
    assert tier.world.status()["web"]["ready"] == "5/5"


async def test_the_way_down_is_told_and_ready_stays_true() -> None:
    tier = await tier_of(1000, 900, 1000, 800, 700)
    tier.world.declare(**web(1))
    await tier.world.settle()
    assert tier.wanted == 3, "1500 fit into 2000, 2400 do not"
    tier.control()
    await tier.world.settle()
    assert tier.wanted == 3, "the next step waits for those that leave"
    assert tier.world.status()["web"]["ready"] == "3/1"
    ready = tier.world.condition("WebReady")
    assert (ready["status"], ready["message"]) == (
        "True",
        "3/3 web pods are ready; 2 of them go as soon as their connections can be moved.",
    )
    tier.end_drain()
    await tier.world.settle()
    assert tier.wanted == 1
    assert [gone.held for gone in tier.gone] == [700, 800]


async def test_growing_is_at_once_and_costs_no_sample() -> None:
    tier = await tier_of(10, 10)
    tier.world.probe.asked.clear()
    tier.world.declare(**web(9))
    await tier.world.settle()
    assert tier.wanted == 9
    assert tier.world.probe.asked == []
    assert costs(tier) == {}


async def test_costs_are_written_before_the_step_and_only_those_that_change() -> None:
    tier = await tier_of(500, 400, 300)
    tier.world.declare(**web(2))
    await tier.world.settle()
    writes = [(request.verb, request.kind) for request in tier.world.cluster.writes()]
    assert writes == [*[("apply", "Pod")] * 3, ("apply", "Deployment"), ("patch", names.KIND)]
    assert costs(tier) == {load: cost_of(load) for load in (500, 400, 300)}
    tier.control()
    tier.end_drain()
    await tier.world.settle()

    tier.hold(500, 200)
    await tier.world.clock.advance(61)
    tier.world.cluster.log.clear()
    tier.world.declare(**web(1))
    await tier.world.settle()
    assert [request.kind for request in tier.world.cluster.writes()].count("Pod") == 1
    assert costs(tier) == {500: cost_of(500), 200: cost_of(200)}


async def test_at_rest_and_in_a_sample_nothing_is_written() -> None:
    tier = await tier_of(500, 400, 300)
    tier.hold(100, 900, 500)
    await tier.world.sampler.refresh(KEY)
    await tier.world.settle()
    assert not [request for request in tier.world.cluster.writes() if request.kind != names.KIND]


async def test_a_step_waits_until_a_cost_may_be_written_again_if_the_wrong_pod_would_go() -> None:
    tier = await tier_of(500, 400, 300)
    tier.world.declare(**web(2))
    await tier.world.settle()
    tier.control()
    tier.end_drain()
    tier.hold(100, 450)
    await tier.world.clock.advance(10)
    tier.world.declare(**web(1))
    await tier.world.settle()
    assert tier.wanted == 2
    after = tier.world.outcomes[KEY].after
    assert after is not None
    assert 0 < after <= 50
    await tier.come_to_rest()
    assert [gone.held for gone in tier.gone] == [300, 100]


async def test_a_cost_of_somebody_else_is_respected_and_told() -> None:
    tier = await tier_of(500, 400, 300)
    theirs = Ref.of(tier.staying()[0])
    tier.world.cluster.edit(
        theirs, lambda live: live["metadata"].setdefault("annotations", {}).update({COST: "-5"})
    )
    tier.world.declare(**web(2))
    await tier.come_to_rest()
    assert [gone.held for gone in tier.gone] == [500]
    [(kind, message)] = [
        (kind, message)
        for kind, reason, message in tier.world.told.stories
        if reason == "ForeignDeletionCost"
    ]
    assert kind == "Warning"
    assert theirs.name in message


async def test_a_cost_that_somebody_writes_at_the_same_moment_is_respected_too() -> None:
    tier = await tier_of(500, 400, 300)
    theirs = Ref.of(tier.staying()[0])
    cluster = tier.world.cluster

    def be_quicker(verb: str, ref: Ref) -> None:
        if (verb, ref) == ("apply", theirs):
            cluster.edit(
                theirs, lambda live: live["metadata"].setdefault("annotations", {}).update({COST: "-5"})
            )

    cluster.before = be_quicker
    tier.world.declare(**web(2))
    await tier.world.settle()
    assert cluster.objects[theirs]["metadata"]["annotations"][COST] == "-5"
    assert "ForeignDeletionCost" in tier.world.told.reasons()
    assert tier.wanted == 2


async def test_without_the_right_to_mark_pods_the_scale_in_goes_on_and_says_so() -> None:
    tier = await tier_of(500, 400, 300)
    error = Forbidden(status=403, message='pods "x" is forbidden: cannot patch resource "pods"')
    tier.world.cluster.refuse = lambda _verb, ref: error if ref.kind == "Pod" else None
    tier.world.declare(**web(2))
    await tier.world.settle()
    assert tier.wanted == 2
    assert ("Warning", "DeletionCostRefused") in {story[:2] for story in tier.world.told.stories}
    assert not tier.world.errors


async def test_pods_that_say_nothing_count_as_full() -> None:
    tier = await tier_of(10, 10, 10, 10)
    tier.world.probe.holds.clear()
    await tier.world.clock.advance(61)
    tier.world.declare(**web(0))
    await tier.world.settle()
    assert tier.wanted == 2, "two full pods are 2000 connections"
    assert costs(tier) == {}
    await tier.come_to_rest()
    assert tier.wanted == 0


async def test_a_suspend_takes_the_same_way_and_a_resume_is_at_once() -> None:
    tier = await tier_of(900, 800, 700, 600)
    tier.world.declare(**web(4), suspend=True)
    await tier.world.settle()
    assert tier.wanted == 2
    suspended = tier.world.condition("Suspended")
    assert (suspended["status"], "being scaled" in suspended["message"]) == ("True", True)
    await tier.come_to_rest()
    assert tier.wanted == 0
    assert tier.heaviest <= AT_ONCE
    assert "being" not in tier.world.condition("Suspended")["message"]
    tier.world.declare(**web(4))
    await tier.world.settle()
    assert tier.wanted == 4


async def test_a_suspend_with_a_new_image_starts_no_pod_of_it_before_the_last_one_went() -> None:
    tier = await tier_of(900, 800, 700)
    new = "registry.example.com/counter:2"
    tier.world.declare(**web(3), suspend=True, image=new)
    for _ in range(8):
        await tier.world.settle()
        image = tier.world.child("Deployment", "counter-web")["spec"]["template"]["spec"]["containers"][0][
            "image"
        ]
        assert (image == new) == (tier.wanted == 0)
        tier.control()
        await tier.world.settle()
        tier.end_drain()
        await tier.world.clock.advance(15)
        tier.world.due[KEY] = None
    assert tier.wanted == 0
    assert sorted(gone.held for gone in tier.gone) == [700, 800, 900]


async def test_a_deployment_scaled_up_by_hand_goes_back_in_steps() -> None:
    tier = await tier_of(900, 800)
    ref = tier.world.cluster.ref("Deployment", "counter-web")
    tier.world.cluster.edit(ref, lambda live: live["spec"].update(replicas=5))
    tier.control()
    tier.hold(900, 800, 700, 700, 700)
    await tier.come_to_rest()
    assert tier.wanted == 2
    assert tier.heaviest <= AT_ONCE


async def test_a_restarted_operator_goes_on_where_the_scale_in_stood() -> None:
    tier = await tier_of(900, 800, 700, 600, 500)
    tier.world.declare(**web(1))
    await tier.world.settle()
    assert tier.wanted == 2
    tier.control()
    tier.world.start()
    await tier.come_to_rest()
    assert tier.wanted == 1
    assert tier.heaviest <= AT_ONCE


AUTOSCALING = {"maxReplicas": 20, "targetConnectionsPerPod": 500}


async def autoscaled(*loads: int, least: int = 1) -> WebTier:
    tier = await tier_of(*loads)
    tier.world.declare(**web(len(loads), autoscaling={**AUTOSCALING, "minReplicas": least}))
    await tier.world.settle()
    tier.control()
    await tier.world.settle()
    tier.hold(*loads)
    await tier.world.sampler.refresh(KEY)
    tier.world.cluster.log.clear()
    return tier


async def test_an_autoscaler_finds_the_costs_written_before_it_takes_a_pod() -> None:
    tier = await autoscaled(400, 100, 300)
    await tier.world.settle()
    outcome = await tier.world.reconcile()
    assert costs(tier) == {load: cost_of(load) for load in (400, 100, 300)}
    assert outcome.after == 60, "as long as fewer pods are enough"
    assert tier.wanted == 3, "the number is the autoscaler's"
    ref = tier.world.cluster.ref("Deployment", "counter-web")
    tier.world.cluster.edit(ref, lambda live: live["spec"].update(replicas=2), manager="hpa")
    tier.control()
    assert [gone.held for gone in tier.gone] == [100]


async def test_costs_for_an_autoscaler_are_written_once_a_minute_at_most() -> None:
    tier = await autoscaled(400, 100, 300)
    await tier.world.reconcile()
    tier.hold(50, 400, 300)
    await tier.world.clock.advance(10)
    await tier.world.sampler.refresh(KEY)
    tier.world.cluster.log.clear()
    await tier.world.reconcile()
    assert not [request for request in tier.world.cluster.log if request.kind == "Pod"]
    await tier.world.clock.advance(51)
    await tier.world.reconcile()
    assert [request.kind for request in tier.world.cluster.log].count("Pod") == 2


@pytest.mark.parametrize(("loads", "least"), [((900, 900, 900), 1), ((100, 100, 100), 3)])
async def test_no_cost_is_written_while_an_autoscaler_can_take_none(
    loads: tuple[int, ...], least: int
) -> None:
    tier = await autoscaled(*loads, least=least)
    await tier.world.reconcile()
    assert costs(tier) == {}


@pytest.mark.parametrize("mean", [460, 400])
async def test_pods_whose_counts_only_waver_are_not_marked_again_and_again(mean: int) -> None:
    """460 of 500 is within what an autoscaler tolerates; at 400 it may take a pod, of which the lightest is marked."""
    tier = await autoscaled(mean - 100, *[mean + 20] * 18, mean)
    await tier.world.reconcile()
    marked = len(costs(tier))
    assert bool(marked) == (mean == 400)
    tier.world.cluster.log.clear()
    chance = random.Random(mean)  # noqa: S311 - the same each time
    for _ in range(10):
        await tier.world.clock.advance(61)
        tier.hold(mean - 100, *(mean + chance.randint(-20, 40) for _ in range(19)))
        await tier.world.sampler.refresh(KEY)
        await tier.world.reconcile()
    assert not [request for request in tier.world.cluster.log if request.kind == "Pod"]


async def test_an_operator_that_just_started_asks_the_pods_before_it_takes_one() -> None:
    tier = await tier_of(900, 800, 100)
    tier.world.cluster.take_events()
    tier.world.declare(**web(2))
    tier.world.start()
    await tier.come_to_rest()
    assert [gone.held for gone in tier.gone] == [100]


async def test_a_number_that_changes_while_it_is_handed_over_stays() -> None:
    tier = await tier_of(400, 400, 400)
    cluster = tier.world.cluster
    ref = cluster.ref("Deployment", "counter-web")

    def be_quicker(verb: str, asked: Ref) -> None:
        if (verb, asked) == ("apply", ref):
            cluster.before = lambda _verb, _ref: None
            cluster.edit(ref, lambda live: live["spec"].update(replicas=5))

    cluster.before = be_quicker
    tier.world.declare(**web(3, autoscaling=AUTOSCALING))
    await tier.world.settle()
    await tier.world.settle()
    assert tier.wanted == 5
    assert not tier.world.errors


@pytest.mark.parametrize("changes", [{}, {"suspend": True}])
async def test_an_autoscaler_goes_before_the_number_it_would_put_back(changes: dict[str, Any]) -> None:
    tier = await autoscaled(400, 400, 400, 400)
    tier.world.cluster.log.clear()
    tier.world.declare(**web(1), **changes)
    await tier.come_to_rest()
    kinds = [(request.verb, request.kind) for request in tier.world.cluster.writes()]
    assert ("apply", "Deployment") not in kinds[: kinds.index(("delete", "HorizontalPodAutoscaler"))]
    assert tier.wanted == (0 if changes else 1)
    assert tier.heaviest <= AT_ONCE


@pytest.mark.parametrize(
    "error",
    [
        BadRequest(status=400, message='admission webhook "policy.example.com" denied the request'),
        Unavailable(status=500, message='failed calling webhook "policy.example.com"'),
    ],
)
async def test_who_refuses_a_cost_holds_up_nothing_else(error: ApiError) -> None:
    tier = await tier_of(500, 400, 300)
    tier.world.cluster.refuse = lambda _verb, ref: error if ref.kind == "Pod" else None
    new = "registry.example.com/counter:2"
    tier.world.declare(**web(2), image=new)
    await tier.world.settle()
    deployment = tier.world.child("Deployment", "counter-web")
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == new
    assert tier.wanted == (2 if isinstance(error, BadRequest) else 3), "an answer that passes is waited for"
    assert ("Warning", "DeletionCostRefused") in {story[:2] for story in tier.world.told.stories}
    assert not tier.world.errors
    tier.world.cluster.refuse = lambda _verb, _ref: None
    await tier.come_to_rest()
    assert tier.wanted == 2
