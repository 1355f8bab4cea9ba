"""When a rollout ends: by its pace, by what is left, never sooner than the rate allows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from realtimeapp_operator.api.app import Spec
from realtimeapp_operator.api.conditions import format_time
from realtimeapp_operator.reconcile.estimate import (
    ASSUMED_STARTUP_SECONDS,
    Remaining,
    observe_startup,
    round_up,
    seconds_left,
)
from realtimeapp_operator.reconcile.pod_state import PodState, read_pod
from realtimeapp_operator.render.pacing import LAG_SECONDS

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
READY_SECONDS = 6


def spec(**rollout: Any) -> Spec:  # noqa: ANN401 - fields of the spec
    return Spec.model_validate(
        {
            "image": "counter:1",
            "framework": "Djust",
            "django": {"settingsModule": "counter.settings"},
            "web": {
                "replicas": 10,
                "connections": {"maxPerPod": 1000},
                "rollout": {"maxReconnectsPerSecond": 200, "drainTimeoutSeconds": 60, **rollout},
            },
        }
    )


def pod(*, created: float, ready: float | None = None) -> PodState:
    """A pod created and ready that many seconds ago."""
    conditions = []
    if ready is not None:
        at = format_time(NOW - timedelta(seconds=ready))
        conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": at}]
    created_at = format_time(NOW - timedelta(seconds=created))
    return read_pod({"metadata": {"creationTimestamp": created_at}, "status": {"conditions": conditions}})


def left(
    *, old: int, connections: int | None, fullest: int | None = None, new: tuple[PodState, ...] = ()
) -> Remaining:
    return Remaining(
        old_pods=old,
        wanted=10,
        ready_seconds=READY_SECONDS,
        new=new,
        connections=connections,
        fullest=fullest,
    )


def test_paced_is_one_pod_after_the_other_and_the_last_drain() -> None:
    step = ASSUMED_STARTUP_SECONDS + READY_SECONDS
    seconds = seconds_left(spec(), left(old=10, connections=10_000, fullest=1000), now=NOW)
    assert seconds == 10 * step + LAG_SECONDS + 1000 / 200


def test_a_pod_that_was_seen_to_start_is_believed() -> None:
    new = (pod(created=30, ready=26),)
    seconds = seconds_left(spec(), left(old=4, connections=0, fullest=0, new=new), now=NOW)
    assert seconds == 4 * (4 + READY_SECONDS) + LAG_SECONDS


def test_the_step_that_is_under_way_is_not_counted_twice() -> None:
    new = (pod(created=30, ready=26), pod(created=7, ready=3))
    whole = seconds_left(spec(), left(old=4, connections=0, fullest=0, new=new[:1]), now=NOW)
    assert seconds_left(spec(), left(old=4, connections=0, fullest=0, new=new), now=NOW) == whole - 7


def test_surge_all_is_one_step_and_one_drain() -> None:
    surge = spec(strategy="SurgeAll")
    seconds = seconds_left(surge, left(old=10, connections=10_000, fullest=1000), now=NOW)
    assert seconds == pytest.approx(ASSUMED_STARTUP_SECONDS + READY_SECONDS + LAG_SECONDS + 60, abs=0.1)


def test_the_last_pods_only_have_to_drain() -> None:
    assert seconds_left(spec(), left(old=0, connections=400, fullest=400), now=NOW) == LAG_SECONDS + 2


@pytest.mark.parametrize("strategy", ["Paced", "SurgeAll"])
def test_it_is_never_sooner_than_the_rate_allows(strategy: str) -> None:
    for connections in (0, 100, 5_000, 100_000):
        for old in (0, 1, 10):
            some = left(old=old, connections=connections, fullest=connections)
            assert seconds_left(spec(strategy=strategy), some, now=NOW) >= connections / 200


def test_a_drain_is_not_longer_than_its_timeout_and_unknown_pods_may_be_full() -> None:
    unknown = seconds_left(spec(), left(old=0, connections=None), now=NOW)
    assert unknown == LAG_SECONDS + 1000 / 200
    slow = spec(drainTimeoutSeconds=5)
    assert seconds_left(slow, left(old=0, connections=None, fullest=5000), now=NOW) == LAG_SECONDS + 5


def test_startups_are_the_median_of_what_was_seen() -> None:
    assert observe_startup([]) == ASSUMED_STARTUP_SECONDS
    assert observe_startup([pod(created=10)]) == ASSUMED_STARTUP_SECONDS
    seen = [pod(created=100, ready=97), pod(created=100, ready=95), pod(created=100, ready=20)]
    assert observe_startup(seen) == 5


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(1, "12:00:05"), (5, "12:00:05"), (119, "12:02:00"), (122, "12:02:15"), (601, "12:11:00")],
)
def test_the_time_is_rounded_up_to_what_is_worth_telling(seconds: float, shown: str) -> None:
    assert f"{round_up(NOW + timedelta(seconds=seconds), now=NOW):%H:%M:%S}" == shown
