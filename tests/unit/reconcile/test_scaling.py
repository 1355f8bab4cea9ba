"""How many pods go at once: what the pace can empty in time, one at least, and nothing before the last ones are gone."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from realtimeapp_operator.reconcile.ownership import NOTHING
from realtimeapp_operator.reconcile.records import Address, DeploymentState, Record
from realtimeapp_operator.reconcile.scaling import Pace, WebPods, choose_count
from tests.unit.reconcile.test_costs import pod

PACE = Pace(at_once=6000, max_per_pod=2000, surge=1, grace_seconds=50)


def deployment(wanted: int, *, current: bool = True, **changes: Any) -> Record:  # noqa: ANN401 - any field
    detail = DeploymentState(
        **{
            "wanted": wanted,
            "replicas": wanted,
            "updated": wanted,
            "ready": wanted,
            "available": wanted,
            "progressing": "NewReplicaSetAvailable",
            "replica_failure": "",
            "runtime_image": "",
            "secrets": frozenset(),
            "paused": False,
            **changes,
        }
    )
    return Record(
        address=Address("Deployment", "shop", "counter-web"),
        api_version="apps/v1",
        uid="u",
        app=None,
        owner_uid="",
        former=False,
        applied_hash="",
        template_hash="",
        applied_template="",
        deleting=False,
        current=current,
        fields=NOTHING,
        detail=detail,
        applied_generation=1,
        observed_generation=1,
        template_generation=1,
        version="1",
    )


def web(*staying: int, leaving: tuple[int, ...] = ()) -> WebPods:
    return WebPods(
        staying=tuple(pod(f"s{n}", load, cost=load) for n, load in enumerate(staying)),
        leaving=tuple(pod(f"l{n}", load) for n, load in enumerate(leaving)),
    )


@pytest.mark.parametrize(
    ("wanted", "live", "pods", "count"),
    [
        (12, 10, web(*[1000] * 10), 12),
        (10, 10, web(*[1000] * 10), 10),
        (5, 10, web(*[1000] * 10), 5),
        (2, 10, web(*[1000] * 10), 4),
        (5, 10, web(*[2000] * 10), 7),
        (5, 10, web(*[500] * 10), 5),
        (5, 9, web(*[1000] * 9, leaving=(4000,)), 7),
        (5, 9, web(*[1000] * 9, leaving=(5500,)), 9),
        (0, 3, web(0, 0, 0), 0),
        (0, 3, web(2000, 2000, 2000), 0),
        (5, 10, web(100, 100, *[2000] * 8), 6),
    ],
)
def test_as_many_go_as_can_be_emptied_in_time(wanted: int, live: int, pods: WebPods, count: int) -> None:
    assert choose_count(wanted=wanted, deployment=deployment(live), pods=pods, pace=PACE) == count


def test_one_goes_when_none_is_leaving_however_full() -> None:
    slow = replace(PACE, at_once=10)
    pods = web(2000, 2000, 2000)
    assert choose_count(wanted=1, deployment=deployment(3), pods=pods, pace=slow) == 2
    leaving = web(2000, 2000, leaving=(1,))
    assert choose_count(wanted=1, deployment=deployment(2), pods=leaving, pace=slow) == 2


def test_a_step_that_was_asked_for_is_not_asked_for_twice() -> None:
    pods = web(*[2000] * 10)
    unseen = deployment(7, current=False)
    assert choose_count(wanted=5, deployment=unseen, pods=pods, pace=PACE) == 7
    seen = deployment(7, replicas=10, updated=10)
    assert choose_count(wanted=5, deployment=seen, pods=pods, pace=PACE) == 7


def test_pods_that_are_not_there_are_not_waited_for() -> None:
    assert choose_count(wanted=2, deployment=deployment(10, ready=3), pods=web(*[2000] * 3), pace=PACE) == 2
    unable = replace(PACE, at_once=2000)
    assert choose_count(wanted=1, deployment=deployment(10), pods=web(*[2000] * 3), pace=unable) == 2


def test_without_connections_there_are_no_steps() -> None:
    assert choose_count(wanted=1, deployment=deployment(10), pods=web(), pace=None) == 1


def test_in_a_rollout_the_fullest_pods_are_expected_to_go_and_the_surge_holds_nothing_up() -> None:
    rolling = deployment(4, replicas=5, updated=1)
    pods = web(0, 100, 2000, 2000, 2000)
    assert choose_count(wanted=1, deployment=rolling, pods=pods, pace=replace(PACE, at_once=2000)) == 3
    stuck = web(0, 2000, 2000, 2000, 2000)
    assert choose_count(wanted=1, deployment=rolling, pods=stuck, pace=replace(PACE, at_once=2000)) == 3


@pytest.mark.parametrize("seed", range(100))
def test_a_scale_in_never_exceeds_the_pace_and_always_arrives(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - loads to try out, the same each time
    pace = replace(PACE, at_once=chance.choice([500, 2000, 7000]))
    loads = [chance.randint(0, 2000) for _ in range(chance.randint(2, 30))]
    wanted, live = chance.randint(0, len(loads) - 1), len(loads)
    leaving: list[int] = []
    for _ in range(500):
        count = choose_count(
            wanted=wanted, deployment=deployment(live), pods=web(*loads, leaving=tuple(leaving)), pace=pace
        )
        assert wanted <= count <= live
        going = sorted(loads)[: live - count]
        assert sum(going) + sum(leaving) <= pace.at_once or (len(going) == 1 and not leaving) or not going
        loads, live = sorted(loads)[live - count :], count
        leaving = [*leaving, *going]
        if live == wanted:
            return
        leaving.remove(chance.choice(leaving))
    raise AssertionError("it did not arrive")
