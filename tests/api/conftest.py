"""The api ring's surroundings: etcd, kube-apiserver and kube-controller-manager without nodes, and the CRD.

`control_plane.kubectl` is the administrator in the namespace `default`; `kubectl` is the same in a namespace of the
test's own. The operator, where a test needs it, runs as a process with the rights of the chart's ServiceAccount.
"""

from __future__ import annotations

import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hack.clients.kubectl import Kubectl
from hack.clients.waiting import eventually
from hack.cluster import binaries

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    control_plane.kubectl.run("delete", "namespace", name, "--wait=false")
