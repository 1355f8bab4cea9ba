"""Who changes the number of web pods, by what, and how slowly pods are taken away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from realtimeapp_operator.api.parse import parse
from realtimeapp_operator.render import render
from tests.support.refusals import manifest
from tests.unit.render.cases import by_name, facts_for

HPA = ("HorizontalPodAutoscaler", "counter-web")
SCALED_OBJECT = ("ScaledObject", "counter-web")
DEPLOYMENT = ("Deployment", "counter-web")
Objects = dict[tuple[str, str], dict[str, Any]]


def objects(*, served: bool = True, **change: Any) -> Objects:  # noqa: ANN401 - fields as a manifest has them
    app = parse(manifest({f"spec.{path.replace('__', '.')}": value for path, value in change.items()}))
    facts = facts_for(app)
    return by_name(render(app, facts if served else replace(facts, metrics_url=None)))


def scale_down(found: Objects) -> dict[str, Any]:
    rules: dict[str, Any] = found[HPA]["spec"]["behavior"]["scaleDown"]
    return rules


@pytest.mark.parametrize("engine", ["HorizontalPodAutoscaler", "KEDA"])
def test_the_count_is_left_to_the_engine_that_is_asked_for(engine: str) -> None:
    found = objects(web__autoscaling={"maxReplicas": 9, "engine": engine})
    wanted, other = (HPA, SCALED_OBJECT) if engine != "KEDA" else (SCALED_OBJECT, HPA)
    assert other not in found
    assert "replicas" not in found[DEPLOYMENT]["spec"]
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "counter-web"}
    assert found[wanted]["spec"]["scaleTargetRef"] == target
    bounds = {
        key: value for key, value in found[wanted]["spec"].items() if key.endswith(("Replicas", "Count"))
    }
    assert sorted(bounds.values()) == [2, 9]


def test_without_autoscaling_the_count_is_the_manifests() -> None:
    found = objects(web__replicas=4)
    assert not {HPA, SCALED_OBJECT} & set(found)
    assert found[DEPLOYMENT]["spec"]["replicas"] == 4


@pytest.mark.parametrize("engine", ["HorizontalPodAutoscaler", "KEDA"])
def test_a_suspended_application_has_no_pods_and_nobody_who_adds_some(engine: str) -> None:
    found = objects(web__autoscaling={"maxReplicas": 9, "engine": engine}, suspend=True)
    assert not {HPA, SCALED_OBJECT} & set(found)
    assert found[DEPLOYMENT]["spec"]["replicas"] == 0


def test_seven_tenths_of_what_a_pod_holds_are_aimed_at_when_nothing_is_said() -> None:
    found = objects(web__autoscaling={"maxReplicas": 9}, web__connections={"maxPerPod": 1000})
    (metric,) = found[HPA]["spec"]["metrics"]
    assert metric["external"]["target"] == {"type": "AverageValue", "averageValue": "700"}
    assert metric["external"]["metric"]["selector"] == {"matchLabels": {"realtimeapp.dev/app": "counter"}}


def test_a_target_of_cpu_alone_does_not_look_at_connections() -> None:
    found = objects(web__autoscaling={"maxReplicas": 9, "targetCPUUtilizationPercentage": 60})
    (metric,) = found[HPA]["spec"]["metrics"]
    assert metric["resource"] == {
        "name": "cpu",
        "target": {"type": "Utilization", "averageUtilization": 60},
    }


def test_an_application_without_sockets_scales_by_cpu() -> None:
    found = objects(
        framework="Django", web__autoscaling={"maxReplicas": 9, "targetCPUUtilizationPercentage": 60}
    )
    assert [metric["type"] for metric in found[HPA]["spec"]["metrics"]] == ["Resource"]
    assert scale_down(found)["policies"] == [{"type": "Pods", "value": 1, "periodSeconds": 60}]


def test_pods_are_taken_away_no_faster_than_their_connections_can_be_moved() -> None:
    found = objects(
        web__autoscaling={"maxReplicas": 9},
        web__connections={"maxPerPod": 20_000},
        web__rollout={"maxReconnectsPerSecond": 100, "drainTimeoutSeconds": 900},
        session={"ttlSeconds": 7200},
    )
    # 20,000 at 100 per second, and 3 seconds until the first.
    assert scale_down(found)["policies"] == [{"type": "Pods", "value": 1, "periodSeconds": 203}]
    # Longer than a pod may take to stop.
    assert scale_down(found)["stabilizationWindowSeconds"] == 3 + 900 + 10 + 7


def test_the_slowest_application_stays_within_the_bounds_of_the_api() -> None:
    found = objects(
        web__autoscaling={"maxReplicas": 9},
        web__connections={"maxPerPod": 3600},
        web__rollout={"maxReconnectsPerSecond": 1, "drainTimeoutSeconds": 3600},
        session={"ttlSeconds": 7200},
    )
    assert scale_down(found)["policies"][0]["periodSeconds"] == 1800
    assert scale_down(found)["stabilizationWindowSeconds"] == 3600


def test_keda_asks_the_operator_and_keeps_the_pods_when_nobody_answers() -> None:
    found = objects(
        web__autoscaling={
            "minReplicas": 3,
            "maxReplicas": 9,
            "engine": "KEDA",
            "targetConnectionsPerPod": 500,
            "targetCPUUtilizationPercentage": 80,
        }
    )
    spec = found[SCALED_OBJECT]["spec"]
    asked, cpu = spec["triggers"]
    assert asked["metadata"]["url"].endswith(".svc:8080/apps/default/counter/connections")
    assert (asked["metadata"]["valueLocation"], asked["metadata"]["targetValue"]) == ("connections", "500")
    assert cpu == {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "80"}}
    assert spec["fallback"] == {
        "failureThreshold": 3,
        "replicas": 3,
        "behavior": "currentReplicasIfHigher",
    }
    horizontal = objects(web__autoscaling={"maxReplicas": 9})[HPA]["spec"]["behavior"]
    assert spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"] == horizontal


def test_keda_is_not_asked_for_where_there_is_nothing_it_could_read() -> None:
    found = objects(served=False, web__autoscaling={"maxReplicas": 9, "engine": "KEDA"})
    assert SCALED_OBJECT not in found
    assert "replicas" not in found[DEPLOYMENT]["spec"]


def test_a_change_of_scale_replaces_no_pod() -> None:
    def template(**change: Any) -> object:  # noqa: ANN401 - fields as a manifest has them
        return objects(**change)[DEPLOYMENT]["spec"]["template"]

    plain = template()
    assert template(web__autoscaling={"maxReplicas": 9}) == plain
    assert template(web__replicas=7) == plain
    assert template(web__rollout={"paused": True}) == plain


def test_a_pause_is_written_only_when_it_is_asked_for() -> None:
    assert objects(web__rollout={"paused": True})[DEPLOYMENT]["spec"]["paused"] is True
    assert "paused" not in objects()[DEPLOYMENT]["spec"]
