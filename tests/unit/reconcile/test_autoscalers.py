"""An autoscaler that is blind or missing is told in the morning, and holds up nothing at night."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from realtimeapp_operator.kube.errors import NotFound
from realtimeapp_operator.reconcile.autoscaler_state import read_autoscaler
from realtimeapp_operator.reconcile.autoscalers import PATIENCE_SECONDS
from realtimeapp_operator.reconcile.ports import Surroundings
from tests.support.world import KEY, World

if TYPE_CHECKING:
    from realtimeapp_operator.kube.errors import ApiError
    from realtimeapp_operator.kube.kinds import Ref

WEB = "counter-web"
HPA = "HorizontalPodAutoscaler"
WORDS = "unable to get external metric shop/realtimeapp_connections: the server is currently unable to handle the request"
BLIND = {"type": "ScalingActive", "status": "False", "reason": "FailedGetExternalMetric", "message": WORDS}
SEEING = {"type": "ScalingActive", "status": "True", "reason": "ValidMetricFound", "message": "it can"}


@pytest.fixture
async def world() -> World:
    made = World()
    made.declare(web={"autoscaling": {"minReplicas": 2, "maxReplicas": 6}})
    await made.bring_up()
    made.told.stories.clear()
    return made


def say(world: World, *conditions: dict[str, Any]) -> None:
    """The autoscaler writes its status, with figures that are new every time."""
    world.cluster.set_status(
        world.cluster.ref(HPA, WEB), {"conditions": list(conditions), "lastScaleTime": world.time()}
    )


async def test_a_metric_that_stays_away_is_told_with_the_autoscalers_words(world: World) -> None:
    say(world, BLIND)
    await world.settle()
    assert world.condition("Degraded")["status"] == "False", "an operator that restarts is no trouble"
    wait = world.outcomes[KEY].after
    assert wait is not None
    assert 0 < wait <= PATIENCE_SECONDS
    await world.clock.advance(wait)
    await world.reconcile()
    degraded = world.condition("Degraded")
    assert (degraded["status"], degraded["reason"]) == ("True", "MetricUnavailable")
    assert "FailedGetExternalMetric" in degraded["message"]
    assert "currently unable to handle" in degraded["message"]
    assert world.condition("WebReady")["status"] == "True", "the pods serve"
    assert world.condition("Ready")["status"] == "True"

    say(world, SEEING)
    await world.settle()
    assert world.condition("Degraded")["status"] == "False"


async def test_a_metric_that_is_back_soon_is_never_told(world: World) -> None:
    say(world, BLIND)
    await world.settle()
    await world.clock.advance(PATIENCE_SECONDS / 2)
    say(world, SEEING)
    await world.settle()
    await world.clock.advance(PATIENCE_SECONDS)
    outcome = await world.reconcile()
    assert outcome.after is None
    assert world.condition("Degraded")["status"] == "False"
    assert world.told.reasons() == []


async def test_what_was_told_stays_told_when_the_operator_restarts(world: World) -> None:
    say(world, BLIND)
    await world.settle()
    await world.clock.advance(PATIENCE_SECONDS)
    await world.reconcile()
    before = world.condition("Degraded")
    world.start()
    await world.settle()
    assert world.condition("Degraded") == before


async def test_figures_alone_wake_nobody(world: World) -> None:
    say(world, SEEING)
    await world.settle()
    world.cluster.log.clear()
    await world.clock.advance(15)
    say(world, SEEING)
    world.deliver()
    assert not world.due


@pytest.mark.parametrize(
    ("kind", "conditions", "failure"),
    [
        (HPA, [], ""),
        (HPA, [SEEING], ""),
        (HPA, [BLIND], f"FailedGetExternalMetric: {WORDS}"),
        (HPA, [{**BLIND, "reason": "ScalingDisabled"}], ""),
        ("ScaledObject", [{"type": "Ready", "status": "True"}, {"type": "Fallback", "status": "False"}], ""),
        ("ScaledObject", [{"type": "Ready", "status": "Unknown"}], ""),
        (
            "ScaledObject",
            [
                {"type": "Ready", "status": "True"},
                {"type": "Fallback", "status": "True", "reason": "FallbackExists", "message": "m"},
            ],
            "FallbackExists: m",
        ),
        (
            "ScaledObject",
            [{"type": "Ready", "status": "False", "reason": "ScaledObjectCheckFailed", "message": "m"}],
            "ScaledObjectCheckFailed: m",
        ),
    ],
)
def test_what_an_autoscaler_says_of_itself(kind: str, conditions: list[dict[str, Any]], failure: str) -> None:
    assert read_autoscaler({"kind": kind, "status": {"conditions": conditions}}).failure == failure


def without_keda(verb: str, ref: Ref) -> ApiError | None:
    if (verb, ref.kind) == ("apply", "ScaledObject"):
        return NotFound(
            status=404, reason="NotFound", message="the server could not find the requested resource"
        )
    return None


@pytest.fixture
async def keda_world() -> World:
    """An application that wants KEDA on a cluster without it."""
    made = World(surroundings=Surroundings(metrics_url="http://operator-leader.system.svc:8080"))
    made.cluster.refuse = without_keda
    made.declare(web={"autoscaling": {"maxReplicas": 6, "engine": "KEDA"}})
    await made.settle()
    made.finish_migration()
    await made.settle()
    for _ in range(2):  # The count is handed over in a generation of its own.
        made.roll_out()
        await made.settle()
    return made


async def test_a_cluster_without_keda_is_told_and_everything_else_is_written(keda_world: World) -> None:
    reconciled = keda_world.condition("Reconciled")
    assert (reconciled["status"], reconciled["reason"]) == ("False", "KedaNotInstalled")
    assert "Install KEDA" in reconciled["message"]
    assert keda_world.condition("WebReady")["status"] == "True", "the pods run nevertheless"
    assert keda_world.outcomes[KEY].refused, "it is tried again, ever more slowly"

    keda_world.declare(
        image="registry.example.com/counter:2", web={"autoscaling": {"maxReplicas": 6, "engine": "KEDA"}}
    )
    await keda_world.settle()
    keda_world.finish_migration()
    await keda_world.settle()
    template = keda_world.child("Deployment", WEB)["spec"]["template"]["spec"]
    assert template["containers"][0]["image"] == "registry.example.com/counter:2", (
        "a new version goes out all the same"
    )


async def test_keda_that_is_installed_later_gets_its_object(keda_world: World) -> None:
    keda_world.cluster.refuse = lambda _verb, _ref: None
    await keda_world.reconcile()
    assert keda_world.cluster.get("ScaledObject", WEB) is not None
    assert keda_world.condition("Reconciled")["status"] == "True"
