"""An autoscaled application on a real API server: the count belongs to the autoscaler, and nothing is written twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hack.clients.waiting import eventually
from realtimeapp_operator.reconcile.former_autoscalers import PATIENCE_SECONDS
from tests.support.smallest_app import NO_CHECKS, NO_MIGRATIONS, smallest_app

if TYPE_CHECKING:
    from hack.clients.kubectl import Kubectl, Object
    from tests.support.audit import Audit
    from tests.support.operator_process import OperatorProcess

FINALIZER = "operator.example.com/held"
DEPLOYMENT = ("deployments", "arena-web")
AUTOSCALER = ("horizontalpodautoscalers", "arena-web")


def manifest(**web: Any) -> Object:  # noqa: ANN401 - any field of spec.web
    """An application that needs no node to be reconciled."""
    return smallest_app(name="arena", migrations=NO_MIGRATIONS, checks=NO_CHECKS, web={"replicas": 3, **web})


AUTOSCALED = {
    "minReplicas": 2,
    "maxReplicas": 9,
    "targetConnectionsPerPod": 1200,
    "targetCPUUtilizationPercentage": 75,
}


@pytest.mark.usefixtures("operator")
def test_a_count_that_the_autoscaler_chose_is_left_alone(
    kubectl: Kubectl, audit: Audit, operator: OperatorProcess
) -> None:
    kubectl.apply(manifest(autoscaling=AUTOSCALED))
    kubectl.await_condition("arena", "Reconciled", within=30)
    eventually(lambda: wanted(kubectl) == 3, within=10, what="the application starts with its count")
    scaler = kubectl.get("hpa", "arena-web")
    assert scaler["spec"]["scaleTargetRef"]["name"] == "arena-web"
    assert [metric["type"] for metric in scaler["spec"]["metrics"]] == ["External", "Resource"]
    kubectl.run("scale", "deployment", "arena-web", "--replicas=7")
    operator.stop()
    audit.mark()
    operator.start()
    kubectl.patch("rta", "arena", {"spec": {"web": {"disruptionBudget": {"maxUnavailable": 2}}}})
    eventually(
        lambda: "poddisruptionbudgets" in {request.resource for request in audit.writes()},
        within=30,
        what="the operator works again",
    )
    kubectl.await_condition("arena", "Reconciled", within=30)
    written = {(request.resource, request.name) for request in audit.writes()}
    assert not written & {DEPLOYMENT, AUTOSCALER}
    assert wanted(kubectl) == 7


@pytest.mark.usefixtures("operator")
def test_switched_off_the_count_is_the_manifests_again_and_the_autoscaler_is_gone(kubectl: Kubectl) -> None:
    kubectl.apply(manifest(autoscaling=AUTOSCALED))
    kubectl.await_condition("arena", "Reconciled", within=30)
    eventually(lambda: wanted(kubectl) == 3, within=10, what="the application starts with its count")
    kubectl.patch("rta", "arena", {"spec": {"web": {"autoscaling": None, "replicas": 4}}})
    eventually(lambda: wanted(kubectl) == 4, within=30, what="the manifest's count")
    eventually(
        lambda: kubectl.items("horizontalpodautoscalers") == [], within=30, what="no autoscaler is left"
    )


@pytest.mark.usefixtures("operator")
def test_a_suspend_that_a_finalizer_holds_up_says_so_and_goes_on_when_it_is_off(kubectl: Kubectl) -> None:
    kubectl.apply(manifest(autoscaling=AUTOSCALED))
    kubectl.await_condition("arena", "Reconciled", within=30)
    eventually(lambda: wanted(kubectl) == 3, within=10, what="the application starts with its count")
    kubectl.patch("hpa", "arena-web", {"metadata": {"finalizers": [FINALIZER]}})
    kubectl.patch("rta", "arena", {"spec": {"suspend": True}})
    said = kubectl.await_condition(
        "arena", "Reconciled", status="False", reason="AutoscalerRemains", within=PATIENCE_SECONDS + 30
    )
    assert (
        f"HorizontalPodAutoscaler arena-web is being deleted and kept by the finalizer {FINALIZER}"
        in said["message"]
    )
    assert wanted(kubectl) == 3
    kubectl.patch("hpa", "arena-web", {"metadata": {"finalizers": None}})
    eventually(lambda: wanted(kubectl) == 0, within=30, what="the application is suspended")
    kubectl.await_condition("arena", "Reconciled", within=30)


def wanted(kubectl: Kubectl) -> int:
    replicas: int = kubectl.get("deployment", "arena-web")["spec"]["replicas"]
    return replicas
