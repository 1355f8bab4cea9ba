"""The api ring's surroundings: etcd, kube-apiserver and kube-controller-manager without nodes, and the CRD.

`control_plane.kubectl` is the administrator in the namespace `default`; `kubectl` is the same in a namespace of the
test's own. `operator`, where a test needs it, runs as a process with the rights of the chart's ServiceAccount; a test
that wants it later, twice or with another environment takes `make_operator`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hack.clients.kubectl import Kubectl
from hack.clients.waiting import eventually
from hack.cluster import binaries
from realtimeapp_operator.kube.client import ApiClient
from realtimeapp_operator.kube.credentials import Credentials
from tests.support.audit import Audit
from tests.support.either_cluster import EitherCluster, OthersOnFake, OthersOnReal
from tests.support.fake_cluster import FakeCluster
from tests.support.operator_process import USER, OperatorProcess, grant

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

MakeOperator = Callable[[str], OperatorProcess]
ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".cache" / "cluster" / "control-plane"
CRD = ROOT / "crds" / "realtimeapps.realtimeapp.dev.yaml"


@dataclass(frozen=True, kw_only=True)
class ControlPlane:
    """A real API server without nodes."""

    kubectl: Kubectl
    audit_log: Path


@pytest.fixture(scope="session")
def control_plane() -> ControlPlane:
    """The control-plane profile of hack.cluster, started where it is not up, with the CRD established."""
    command = [sys.executable, "-m", "hack.cluster", "up", "--profile", "control-plane"]
    subprocess.run(command, cwd=ROOT, check=True)
    kubectl = Kubectl(program=binaries.path("kubectl"), kubeconfig=STATE / "kubeconfig")
    kubectl.run("apply", "--server-side", "--force-conflicts", "-f", str(CRD))
    # `kubectl wait` fails on a CRD that has no conditions yet.
    eventually(
        lambda: kubectl.run("get", "rta", "--all-namespaces", check=False).returncode == 0,
        within=30,
        what="RealtimeApp served",
    )
    return ControlPlane(kubectl=kubectl, audit_log=STATE / "audit.log")


@pytest.fixture
def kubectl(control_plane: ControlPlane) -> Iterator[Kubectl]:
    """kubectl in a new namespace, removed afterwards."""
    name = f"api-{uuid.uuid4().hex[:8]}"
    control_plane.kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield control_plane.kubectl.within(name)
    control_plane.kubectl.remove_namespace(name)


@pytest.fixture
async def client(control_plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ApiClient]:
    """The operator's own client, as the administrator."""
    monkeypatch.setenv("KUBECONFIG", str(control_plane.kubectl.kubeconfig))
    async with ApiClient(credentials=Credentials()) as client:
        yield client


@pytest.fixture(scope="session")
def operator_kubeconfig(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kubeconfig of the chart's ServiceAccount, which has the chart's roles."""
    return grant(control_plane.kubectl, tmp_path_factory.mktemp("account"))


@pytest.fixture
def make_operator(operator_kubeconfig: Path, kubectl: Kubectl, tmp_path: Path) -> MakeOperator:
    """Makes an operator that watches the test's namespace only and logs under the name given; it is not started yet."""

    def make(name: str) -> OperatorProcess:
        log = tmp_path / f"{name}.log"
        return OperatorProcess(kubeconfig=operator_kubeconfig, log=log, namespaces=kubectl.namespace)

    return make


@pytest.fixture
def operator(make_operator: MakeOperator) -> Iterator[OperatorProcess]:
    """The operator, running while the test does."""
    with make_operator("operator") as process:
        yield process


@pytest.fixture
def audit(control_plane: ControlPlane) -> Audit:
    """The operator's requests from now on."""
    audit = Audit(path=control_plane.audit_log, user=USER)
    audit.mark()
    return audit


@pytest.fixture(params=["fake", "real"])
async def cluster(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[EitherCluster]:
    """The cluster in memory, and a namespace of the real one."""
    namespace = f"like-real-{os.urandom(4).hex()}"
    if request.param == "fake":
        fake = FakeCluster()
        yield EitherCluster(api=fake, others=OthersOnFake(fake), namespace=namespace)
        return
    plane: ControlPlane = request.getfixturevalue("control_plane")
    monkeypatch.setenv("KUBECONFIG", str(plane.kubectl.kubeconfig))
    plane.kubectl.run("create", "namespace", namespace)
    try:
        async with ApiClient(credentials=Credentials()) as client:
            yield EitherCluster(
                api=client, others=OthersOnReal(plane.kubectl.within(namespace)), namespace=namespace
            )
    finally:
        plane.kubectl.remove_namespace(namespace)
