"""Who goes in a scale-in: whatever the load, a pod within five percent of the least loaded one."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from realtimeapp_operator import names
from realtimeapp_operator.reconcile.costs import (
    BUCKET,
    PROMISE,
    REWRITE_SECONDS,
    choose_costs,
    cost_of,
    takes_the_least_loaded,
)
from realtimeapp_operator.reconcile.scaling import WebPod, in_order_of_removal
from tests.support.replica_set import Object, victims

INT32_MAX = 2**31 - 1
MOST = 100_000


def pod(name: str, connections: int, **changes: object) -> WebPod:
    made = WebPod(
        name=name,
        uid=f"uid-{name}",
        connections=connections,
        known=True,
        scheduled=True,
        phase="Running",
        ready=True,
        cost=None,
        foreign=False,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # fields by name


def as_object(web_pod: WebPod, *, seed: random.Random, now: float) -> Object:
    """The pod as the ReplicaSet controller sees it; node, age and restarts are anything."""
    metadata: Object = {"name": web_pod.name, "uid": web_pod.uid}
    if web_pod.cost is not None:
        metadata["annotations"] = {names.ANNOTATION_DELETION_COST: str(web_pod.cost)}
    return {
        "metadata": metadata,
        "spec": {"nodeName": seed.choice(["a", "b", "c"])} if web_pod.scheduled else {},
        "status": {
            "phase": web_pod.phase,
            "conditions": [{"type": "Ready", "status": "True" if web_pod.ready else "False"}],
            "containerStatuses": [{"restartCount": seed.randrange(4)}],
        },
        "createdAt": now - seed.uniform(100, 100_000),
        "readySince": now - seed.uniform(1, 100),
    }


def test_pods_with_equal_costs_differ_by_a_bucket_at_most_and_more_never_costs_less() -> None:
    lowest, before = 0, cost_of(0)
    assert before == 0
    for connections in range(1, MOST + 1):
        cost = cost_of(connections)
        assert cost >= before
        if cost > before:
            lowest, before = connections, cost
        assert connections <= lowest * BUCKET + 1
        assert connections <= lowest * PROMISE or connections == lowest
    assert before < INT32_MAX


@pytest.mark.parametrize("seed", range(200))
def test_each_victim_is_within_five_percent_of_the_least_loaded(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - loads to try out, the same each time
    spread = chance.choice([0.01, 0.05, 0.3, 1.0])
    mean = chance.choice([3, 40, 1000, 20_000])
    pods = [
        pod(f"p{n}", max(0, round(chance.gauss(mean, mean * spread))), cost=chance.choice([None, 0, 7, 500]))
        for n in range(chance.randint(2, 40))
    ]
    costs = choose_costs(pods, written={}, now=0.0)
    assert costs.wait is None
    after = [replace(item, cost=costs.write.get(item, item.cost)) for item in pods]
    number = chance.randint(1, len(pods) - 1)
    gone = victims([as_object(item, seed=chance, now=1e6) for item in after], number, now=1e6)
    loads = {item.uid: item.connections for item in pods}
    least = sorted(loads.values())
    for place, victim in enumerate(gone):
        assert loads[victim["metadata"]["uid"]] <= least[place] * PROMISE
    assert takes_the_least_loaded(after)
    expected = [item.cost for item in in_order_of_removal(after)][:number]
    assert [int(item["metadata"]["annotations"][names.ANNOTATION_DELETION_COST]) for item in gone] == expected


def test_pods_that_do_not_serve_go_first_as_the_operator_expects() -> None:
    pods = [
        pod("busy", 900, cost=cost_of(900)),
        pod("unready", 5000, cost=cost_of(5000), ready=False),
        pod("pending", 0, phase="Pending", ready=False),
        pod("nowhere", 0, scheduled=False, phase="Pending", ready=False),
    ]
    chance = random.Random(1)  # noqa: S311 - the same each time
    gone = victims([as_object(item, seed=chance, now=1e6) for item in pods], 3, now=1e6)
    assert [item["metadata"]["name"] for item in gone] == ["nowhere", "pending", "unready"]
    assert [item.name for item in in_order_of_removal(pods)] == ["nowhere", "pending", "unready", "busy"]


def test_only_costs_that_change_are_written() -> None:
    same, moved = pod("same", 100, cost=cost_of(100)), pod("moved", 200, cost=cost_of(100))
    assert choose_costs([same, moved], written={}, now=0).write == {moved: cost_of(200)}


def test_a_cost_of_somebody_else_is_left() -> None:
    theirs, ours = pod("theirs", 5, cost=-1, foreign=True), pod("ours", 9)
    assert choose_costs([theirs, ours], written={}, now=0).write == {ours: cost_of(9)}


def test_nothing_is_written_while_no_pod_said_anything() -> None:
    assert choose_costs([pod("a", 2000, known=False)], written={}, now=0).write == {}


def test_a_pod_that_did_not_answer_counts_as_full_and_stays() -> None:
    silent, full = pod("silent", 2000, known=False), pod("full", 1999)
    write = choose_costs([silent, full], written={}, now=0).write
    assert write[silent] >= write[full]


def test_a_cost_written_a_moment_ago_makes_the_scale_in_wait_only_if_the_wrong_pod_would_go() -> None:
    least, most = pod("least", 100, cost=cost_of(300)), pod("most", 200, cost=cost_of(200))
    costs = choose_costs([least, most], written={least.uid: 10.0}, now=30.0)
    assert costs.write == {}
    assert costs.wait == REWRITE_SECONDS - 20

    still = pod("least", 100, cost=cost_of(110))
    costs = choose_costs([still, most], written={still.uid: 10.0}, now=30.0)
    assert (costs.write, costs.wait) == ({}, None), "it goes first all the same"
    costs = choose_costs([still, most], written={still.uid: 10.0}, now=70.0)
    assert costs.write == {still: cost_of(100)}
