"""Autoscaling with the real engines: the HorizontalPodAutoscaler reads the operator's own API, KEDA its plain path.

Nobody waits ten minutes here for a window to end. That nothing is taken away inside of it is shown by the autoscaler's
own words: it says that it would like fewer pods and keeps them.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from hack.clients.edge import await_edge
from hack.clients.sockets import Fleet
from hack.clients.waiting import eventually, eventually_async
from hack.demo.release import RELEASE, install_arguments
from tests.e2e.conftest import ROOT, helm

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hack.clients.kubectl import Kubectl

pytestmark = pytest.mark.thorough

APP = "counter"
WEB = f"{APP}-web"
FEW, MANY, TARGET = 2, 4, 20
SOCKETS = MANY * TARGET
SEE_SECONDS = 90
"""Time for a count to be taken (10 s), read (15 s) and acted on, on two busy processors."""
PATIENCE_SECONDS = 240
"""Time for the operator to call a metric missing (120 s), and for the autoscaler to notice first."""
LOOK_SECONDS = 1.0
EXTERNAL_API = "v1beta1.external.metrics.k8s.io"
PLANNED = {1012}


def manifest_of(counter: dict[str, Any], **autoscaling: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of the spec
    """The counter with autoscaling, its pods small enough for all of them."""
    counter["spec"]["migrations"] = {"policy": "Disabled"}
    counter["spec"]["web"] = {
        "autoscaling": {"minReplicas": FEW, "maxReplicas": MANY + 1, **autoscaling},
        "connections": {"maxPerPod": 5 * TARGET},
        "rollout": {"maxReconnectsPerSecond": 25, "drainTimeoutSeconds": 20},
        "podTemplate": {"resources": {"requests": {"cpu": "20m", "memory": "100Mi"}}},
    }
    return counter


@pytest.fixture
def measured(cluster: Kubectl, operator: Kubectl) -> Iterator[Kubectl]:
    """The operator serving external metrics; afterwards as the other tests have it."""
    serve_metrics(cluster)
    yield operator
    helm(cluster, *install_arguments())


def serve_metrics(cluster: Kubectl) -> None:
    """Have the operator serve external metrics, and the API server find it."""
    helm(cluster, *install_arguments(), "--set", "externalMetrics.enabled=true")
    cluster.run("wait", "--for=condition=Available", f"apiservice/{EXTERNAL_API}", "--timeout=60s")


def change_addon(command: str, name: str) -> None:
    """Add to the node cluster, or remove."""
    done = subprocess.run(
        [sys.executable, "-m", "hack.cluster", command, name],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def metrics_server(cluster: Kubectl) -> Iterator[None]:
    """metrics-server, where the cluster has none of its own."""
    if cluster.find("apiservice", "v1beta1.metrics.k8s.io") is not None:
        yield
        return
    change_addon("add", "metrics-server")
    yield
    change_addon("remove", "metrics-server")


@pytest.fixture
def keda_at_last(cluster: Kubectl) -> Iterator[list[str]]:
    """Append "now" to have KEDA in the cluster; it is taken out again."""
    asked: list[str] = []
    yield asked
    if asked and cluster.find("namespace", "keda") is not None:
        change_addon("remove", "keda")


def replicas(kubectl: Kubectl) -> int:
    """How many pods are wanted now."""
    wanted: int = kubectl.get("deployment", WEB)["spec"]["replicas"]
    return wanted


def ready_pods(kubectl: Kubectl) -> int:
    """How many pods serve."""
    ready: int = kubectl.get("deployment", WEB).get("status", {}).get("readyReplicas", 0)
    return ready


def says(kubectl: Kubectl, hpa: str, condition: str) -> tuple[str, str]:
    """Status and reason of a condition of the autoscaler; empty while there is none."""
    status = (kubectl.find("horizontalpodautoscaler", hpa) or {}).get("status", {})
    found: dict[str, str] = next(
        (one for one in status.get("conditions", ()) if one["type"] == condition), {}
    )
    return found.get("status", ""), found.get("reason", "")


def await_words(
    kubectl: Kubectl, hpa: str, condition: str, wanted: tuple[str, str], *, within: float
) -> None:
    """Wait until the autoscaler says so."""
    eventually(
        lambda: says(kubectl, hpa, condition) == wanted,
        within=within,
        what=f"{hpa}: {condition} {wanted}",
        interval=LOOK_SECONDS,
    )


async def await_pods(kubectl: Kubectl, count: int) -> None:
    """Wait until so many pods are wanted and serve."""

    async def are() -> bool:
        wanted, ready = await asyncio.gather(
            asyncio.to_thread(replicas, kubectl), asyncio.to_thread(ready_pods, kubectl)
        )
        return wanted == ready == count

    await eventually_async(are, within=2 * SEE_SECONDS, what=f"{count} pods", interval=LOOK_SECONDS)


async def open_all(fleet: Fleet) -> None:
    """Wait until every client is connected."""

    async def are() -> bool:
        return fleet.connected == fleet.size

    await eventually_async(are, within=60, what="every socket open")


def owners_of_count(kubectl: Kubectl) -> set[str]:
    """Field managers that say how many web pods there are."""
    [deployment] = kubectl.items(
        "deployments", f"app.kubernetes.io/instance={APP},app.kubernetes.io/component=web"
    )
    entries = deployment["metadata"]["managedFields"]
    return {entry["manager"] for entry in entries if "f:replicas" in entry["fieldsV1"].get("f:spec", {})}


async def roll_out_under_watch(kubectl: Kubectl) -> None:
    """Replace every pod; at no moment fewer are wanted, although each drain takes sockets off the pods that count."""
    seen: list[int] = []

    def is_over() -> bool:
        seen.append(replicas(kubectl))
        app = kubectl.get("rta", APP)
        conditions = {one["type"]: one for one in app["status"]["conditions"]}
        current = all(
            one["observedGeneration"] == app["metadata"]["generation"] for one in conditions.values()
        )
        return current and conditions["Progressing"]["status"] == "False"

    restart = {"spec": {"restartedAt": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}}
    await asyncio.to_thread(kubectl.patch, "rta", APP, restart)
    await asyncio.to_thread(
        lambda: eventually(is_over, within=240, what="the rollout is over", interval=LOOK_SECONDS)
    )
    assert len(seen) > MANY, f"a rollout that was looked at {len(seen)} times was none"
    assert min(seen) == MANY, f"a drain is no reason for fewer pods: {seen}"


async def grow_and_stay(kubectl: Kubectl, host: str, *, hpa: str, rollout: bool = False) -> None:
    """Open sockets until there are four pods; close them; the autoscaler wants fewer and takes none."""
    async with Fleet(host=host, path="/ws/whoami/", size=SOCKETS) as fleet:
        await open_all(fleet)
        began = time.monotonic()
        await await_pods(kubectl, MANY)
        print(f"{hpa}: {MANY} pods serve {time.monotonic() - began:.0f} s after {SOCKETS} sockets were open")
        if rollout:
            await roll_out_under_watch(kubectl)
        await open_all(fleet)
        assert set(fleet.codes()) <= PLANNED, f"new pods are no reason to lose anybody: {fleet.codes()}"
        assert (await asyncio.to_thread(kubectl.condition, APP, "Ready"))["status"] == "True"
    await asyncio.to_thread(
        await_words, kubectl, hpa, "AbleToScale", ("True", "ScaleDownStabilized"), within=2 * SEE_SECONDS
    )
    assert replicas(kubectl) == MANY
    assert "realtimeapp-operator" not in owners_of_count(kubectl), "the count is the autoscaler's"


async def test_the_own_api_scales_out_and_an_outage_of_it_scales_nothing_in(
    cluster: Kubectl, kubectl: Kubectl, measured: Kubectl, host: str, counter: dict[str, Any]
) -> None:
    kubectl.apply(manifest_of(counter, targetConnectionsPerPod=TARGET))
    kubectl.await_condition(APP, "Ready", within=120, interval=LOOK_SECONDS)
    assert replicas(kubectl) == FEW
    await_words(kubectl, WEB, "ScalingActive", ("True", "ValidMetricFound"), within=SEE_SECONDS)
    path = f"/apis/external.metrics.k8s.io/v1beta1/namespaces/{kubectl.namespace}/realtimeapp_connections"
    chosen = f"{path}?labelSelector=realtimeapp.dev%2Fapp%3D{APP}"
    assert '"value":"0"' in cluster.run("get", "--raw", chosen).stdout
    assert "nothing else" in cluster.run("get", "--raw", path, check=False).stderr
    await await_edge(host)

    await grow_and_stay(kubectl, host, hpa=WEB, rollout=True)

    measured.run("scale", "deployment", RELEASE, "--replicas=0")
    await_words(kubectl, WEB, "ScalingActive", ("False", "FailedGetExternalMetric"), within=2 * SEE_SECONDS)
    assert replicas(kubectl) == MANY, "without figures nothing is taken away"
    measured.run("scale", "deployment", RELEASE, "--replicas=1")
    await_words(kubectl, WEB, "ScalingActive", ("True", "ValidMetricFound"), within=2 * SEE_SECONDS)
    assert replicas(kubectl) == MANY

    cluster.run("delete", "apiservice", EXTERNAL_API)
    told = kubectl.await_condition(
        APP, "Degraded", reason="MetricUnavailable", within=PATIENCE_SECONDS, interval=LOOK_SECONDS
    )
    assert "FailedGetExternalMetric" in told["message"]
    assert kubectl.condition(APP, "WebReady")["status"] == "True", "the pods serve"
    assert replicas(kubectl) == MANY
    serve_metrics(cluster)
    kubectl.await_condition(APP, "Degraded", status="False", within=PATIENCE_SECONDS, interval=LOOK_SECONDS)


def test_only_the_aggregation_layer_is_answered(kubectl: Kubectl, measured: Kubectl) -> None:
    """A pod asks the Service directly, with the token of its account and pretending to be somebody."""
    service = f"https://{RELEASE}-leader.{measured.namespace}.svc/apis/external.metrics.k8s.io/v1beta1"
    script = (
        "import ssl, urllib.error, urllib.request\n"
        "context = ssl._create_unverified_context()\n"
        f"request = urllib.request.Request({service!r}, headers={{'X-Remote-User': 'admin', 'X-Remote-Group': 'system:masters'}})\n"
        "try:\n    print(urllib.request.urlopen(request, context=context, timeout=10).status)\n"
        "except urllib.error.HTTPError as error:\n    print(error.code, error.read().decode())\n"
    )
    asked = measured.run("exec", f"deployment/{RELEASE}", "--", "python3", "-c", script).stdout
    assert asked.startswith("401 "), asked
    assert '"kind":"Status"' in asked
    assert kubectl.namespace


def test_cpu_is_read_from_metrics_server(
    kubectl: Kubectl, operator: Kubectl, metrics_server: None, counter: dict[str, Any]
) -> None:
    assert operator.namespace
    assert metrics_server is None
    kubectl.apply(manifest_of(counter, targetCPUUtilizationPercentage=90))
    kubectl.await_condition(APP, "Ready", within=120, interval=LOOK_SECONDS)
    await_words(kubectl, WEB, "ScalingActive", ("True", "ValidMetricFound"), within=2 * SEE_SECONDS)
    [metric] = kubectl.get("horizontalpodautoscaler", WEB)["status"]["currentMetrics"]
    assert metric["resource"]["name"] == "cpu"
    assert "averageUtilization" in metric["resource"]["current"]


async def test_keda_scales_by_the_same_number_once_it_is_there(
    kubectl: Kubectl, operator: Kubectl, keda_at_last: list[str], host: str, counter: dict[str, Any]
) -> None:
    kubectl.apply(manifest_of(counter, targetConnectionsPerPod=TARGET, engine="KEDA"))
    told = kubectl.await_condition(
        APP, "Reconciled", status="False", reason="KedaNotInstalled", within=60, interval=LOOK_SECONDS
    )
    assert "Install KEDA" in told["message"]
    kubectl.await_condition(APP, "WebReady", within=120, interval=LOOK_SECONDS)

    keda_at_last.append("now")
    await asyncio.to_thread(change_addon, "add", "keda")
    kubectl.await_condition(APP, "Ready", within=PATIENCE_SECONDS, interval=LOOK_SECONDS)
    hpa = f"keda-hpa-{WEB}"
    await_words(kubectl, hpa, "ScalingActive", ("True", "ValidMetricFound"), within=2 * SEE_SECONDS)
    await await_edge(host)

    await grow_and_stay(kubectl, host, hpa=hpa)

    operator.run("scale", "deployment", RELEASE, "--replicas=0")

    def has_fallen_back() -> bool:
        conditions = kubectl.get("scaledobject", WEB)["status"]["conditions"]
        return any(one["type"] == "Fallback" and one["status"] == "True" for one in conditions)

    try:
        eventually(has_fallen_back, within=2 * SEE_SECONDS, what="KEDA falls back", interval=LOOK_SECONDS)
        assert replicas(kubectl) == MANY, "without figures nothing is taken away"
    finally:
        operator.run("scale", "deployment", RELEASE, "--replicas=1")
    operator.run("rollout", "status", f"deployment/{RELEASE}", "--timeout=60s")
    assert replicas(kubectl) == MANY
