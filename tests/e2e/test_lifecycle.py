"""Deleting, uninstalling, reinstalling: nothing is left that should go, nothing goes that should stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hack.clients.waiting import eventually
from hack.demo.release import NAMESPACE, RELEASE, install_arguments
from tests.e2e.conftest import helm

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hack.clients.kubectl import Kubectl

CHILDREN = "all,configmaps,secrets,serviceaccounts,ingresses,networkpolicies,poddisruptionbudgets,cronjobs"
OURS = "app.kubernetes.io/managed-by=realtimeapp-operator"


@pytest.fixture
def ready(kubectl: Kubectl, counter: dict[str, Any]) -> dict[str, Any]:
    """The counter with one web pod, Ready."""
    counter["spec"].setdefault("web", {})["replicas"] = 1
    kubectl.apply(counter)
    kubectl.await_condition("counter", "Ready", within=60)
    return counter


@pytest.fixture
def stopped_operator(operator: Kubectl) -> Iterator[None]:
    """The operator scaled to zero, and back afterwards."""
    operator.run("scale", f"deployment/{RELEASE}", "--replicas=0")
    eventually(
        lambda: not operator.items("pods", f"app.kubernetes.io/name={RELEASE}"),
        within=60,
        what="operator gone",
    )
    yield
    operator.run("scale", f"deployment/{RELEASE}", "--replicas=1")
    operator.run("rollout", "status", f"deployment/{RELEASE}", "--timeout=120s")


def test_deleting_the_app_removes_every_child_and_keeps_the_volume(
    kubectl: Kubectl, counter: dict[str, Any]
) -> None:
    del counter["spec"]["redis"]["standalone"]["storage"]
    kubectl.apply(counter)
    kubectl.await_condition("counter", "Ready", within=60)
    assert kubectl.items(CHILDREN, OURS), "there must be something to remove"
    kubectl.run("delete", "rta", "counter")
    eventually(lambda: not kubectl.items(CHILDREN, OURS), within=90, what="all children gone")
    assert [claim["metadata"]["name"] for claim in kubectl.items("pvc")] == ["data-counter-redis-0"]


def test_the_volume_goes_too_when_the_manifest_says_so(kubectl: Kubectl, counter: dict[str, Any]) -> None:
    assert counter["spec"]["redis"]["standalone"]["storage"]["reclaim"] == "Delete"
    kubectl.apply(counter)
    kubectl.await_condition("counter", "RedisReady", within=60)
    kubectl.run("delete", "rta", "counter")
    eventually(lambda: not kubectl.items("pvc"), within=90, what="volume claim gone")


@pytest.mark.usefixtures("ready")
def test_a_namespace_deletes_cleanly_with_the_operator_running(kubectl: Kubectl) -> None:
    kubectl.run("delete", "namespace", kubectl.namespace, "--timeout=90s")
    assert kubectl.find("namespace", kubectl.namespace) is None


@pytest.mark.usefixtures("ready", "stopped_operator")
def test_a_namespace_deletes_cleanly_with_the_operator_stopped(kubectl: Kubectl) -> None:
    kubectl.run("delete", "namespace", kubectl.namespace, "--timeout=90s")
    assert kubectl.find("namespace", kubectl.namespace) is None


@pytest.mark.usefixtures("ready")
def test_uninstalling_leaves_the_app_serving_and_reinstalling_adopts_it(
    kubectl: Kubectl, cluster: Kubectl
) -> None:
    eventually(
        lambda: kubectl.condition("counter", "Progressing")["status"] == "False", within=60, what="settled"
    )
    before = versions(kubectl)
    helm(cluster, "uninstall", RELEASE, "--namespace", NAMESPACE, "--wait")
    try:
        assert versions(kubectl) == before
        assert kubectl.find("rta", "counter") is not None, "the CRD and its objects are kept"
    finally:
        helm(cluster, *install_arguments())
    kubectl.patch("rta", "counter", {"spec": {"session": {"ttlSeconds": 7300}}})
    kubectl.await_condition("counter", "Ready", within=90)
    kept = {kind: uid for kind, uid in versions(kubectl).items() if kind.startswith("Pod/counter-redis")}
    assert kept == {kind: uid for kind, uid in before.items() if kind.startswith("Pod/counter-redis")}


def test_suspend_keeps_redis_and_resume_brings_the_pods_back(kubectl: Kubectl, ready: dict[str, Any]) -> None:
    assert ready
    kubectl.patch("rta", "counter", {"spec": {"suspend": True}})
    kubectl.await_condition("counter", "Suspended", within=60)
    eventually(lambda: not kubectl.web_pods("counter"), within=60, what="web pods gone")
    assert kubectl.get("pod", "counter-redis-0")["status"]["phase"] == "Running"
    assert all(job["spec"]["suspend"] for job in kubectl.items("cronjobs"))
    kubectl.patch("rta", "counter", {"spec": {"suspend": False}})
    kubectl.await_condition("counter", "Ready", within=60)


def test_what_a_stranger_changes_is_put_back_within_seconds(kubectl: Kubectl, ready: dict[str, Any]) -> None:
    assert ready
    kubectl.patch("service", "counter-web", {"spec": {"selector": {"app": "elsewhere"}}})
    eventually(
        lambda: (
            "app" not in kubectl.get("service", "counter-web")["spec"]["selector"]
            or kubectl.get("service", "counter-web")["spec"]["selector"]["app"] != "elsewhere"
        ),
        within=10,
        what="selector repaired",
    )
    kubectl.run("delete", "networkpolicy", "counter-redis")
    eventually(lambda: kubectl.find("networkpolicy", "counter-redis"), within=10, what="policy back")
    kubectl.patch("rta", "counter", {"spec": {"networkPolicy": {"mode": "Disabled"}}})
    eventually(lambda: not kubectl.items("networkpolicies"), within=10, what="policies pruned")


def versions(kubectl: Kubectl) -> dict[str, str]:
    """Identity of every pod: nothing may restart."""
    return {f"Pod/{pod['metadata']['name']}": pod["metadata"]["uid"] for pod in kubectl.items("pods", OURS)}
