"""What may change under the metrics API while it runs: its certificate, and whom the cluster names as front proxy."""

from __future__ import annotations

import ssl
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest
import yaml

from hack.clients.ports import find_port
from hack.clients.waiting import eventually
from hack.cluster import binaries
from realtimeapp_operator.metricsapi.front_proxy import CONFIG_MAP, NAMESPACE, read_trust
from tests.support.authority import Authority, make_authority
from tests.support.operator_process import ACCOUNT, CHART, SYSTEM

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hack.clients.kubectl import Kubectl
    from tests.api.conftest import ControlPlane, MakeOperator
    from tests.support.operator_process import OperatorProcess

METRIC = "/apis/external.metrics.k8s.io/v1beta1/namespaces/shop/realtimeapp_connections?labelSelector=realtimeapp.dev%2Fapp%3Dchat"


@dataclass(frozen=True, kw_only=True)
class MetricsApi:
    """An operator that serves, and the files it serves with."""

    process: OperatorProcess
    port: int
    files: Path
    authority: Authority

    def answers(self, certificate: Path, key: Path) -> bool:
        """Whether it answers to that client certificate; it knows no application."""
        context = ssl.create_default_context(cadata=self.authority.pem)
        context.load_cert_chain(certificate, key)
        try:
            urllib.request.urlopen(f"https://localhost:{self.port}{METRIC}", context=context, timeout=5)
        except urllib.error.HTTPError as error:
            return error.code == HTTPStatus.NOT_FOUND
        except (urllib.error.URLError, OSError):
            return False
        raise AssertionError("there is no application shop/chat")

    def certificate_is_broken(self) -> bool:
        """What Prometheus is told."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.process.port}/metrics", timeout=5) as page:
            return "realtimeapp_external_metrics_certificate_broken 1.0" in page.read().decode()


@pytest.fixture
def front_proxy(control_plane: ControlPlane) -> tuple[Path, Path]:
    """The API server's own certificate and key."""
    keys = control_plane.audit_log.parent / "pki"
    return keys / "front-proxy.crt", keys / "front-proxy.key"


@pytest.fixture
def kube_system(control_plane: ControlPlane) -> Iterator[Kubectl]:
    """kubectl in kube-system, where the operator may read whom to trust by the chart's binding."""
    inside = control_plane.kubectl.within(NAMESPACE)
    command = [str(binaries.path("helm")), "template", ACCOUNT, str(CHART), "--namespace", SYSTEM]
    command += ["--set", "externalMetrics.enabled=true", "--show-only", "templates/rbac.yaml"]
    rendered = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    [binding] = [
        item for item in yaml.safe_load_all(rendered) if item["metadata"].get("namespace") == NAMESPACE
    ]
    inside.apply(binding)
    yield inside
    inside.run("delete", binding["kind"], binding["metadata"]["name"])


@pytest.fixture
def metrics_api(
    kube_system: Kubectl, make_operator: MakeOperator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MetricsApi]:
    """Runs with files that cannot be used."""
    assert kube_system.namespace == NAMESPACE
    files, port = tmp_path / "certificate", find_port()
    files.mkdir()
    (files / "tls.crt").write_text("half of a file")
    monkeypatch.setenv("REALTIMEAPP_EXTERNAL_METRICS", f"127.0.0.1:{port}")
    monkeypatch.setenv("REALTIMEAPP_CERTIFICATE_DIR", str(files))
    authority = make_authority(tmp_path, "serving")
    with make_operator("operator") as process:
        yield MetricsApi(process=process, port=port, files=files, authority=authority)
        assert process.ended() is None


def test_a_certificate_that_cannot_be_used_ends_nothing_and_is_mended_without_a_restart(
    metrics_api: MetricsApi, front_proxy: tuple[Path, Path]
) -> None:
    eventually(metrics_api.certificate_is_broken, within=20, what="Prometheus is told of the certificate")
    assert not metrics_api.answers(*front_proxy)
    metrics_api.authority.issue("localhost", folder=metrics_api.files)
    eventually(lambda: metrics_api.answers(*front_proxy), within=20, what="the mended files are served with")
    assert not metrics_api.certificate_is_broken()
    (metrics_api.files / "tls.key").write_text("half of a file")
    eventually(metrics_api.certificate_is_broken, within=20, what="Prometheus is told again")
    assert metrics_api.answers(*front_proxy), "the one before stays in use"
    log = metrics_api.process.log.read_text()
    assert log.count("cannot be used") == 2, "each problem is said once"


def test_a_new_authority_is_taken_and_a_withdrawn_one_left_without_a_restart(
    metrics_api: MetricsApi, kube_system: Kubectl, front_proxy: tuple[Path, Path], tmp_path: Path
) -> None:
    metrics_api.authority.issue("localhost", folder=metrics_api.files)
    eventually(lambda: metrics_api.answers(*front_proxy), within=20, what="the API server is answered")
    another = make_authority(tmp_path, "another")
    issued = another.issue("front-proxy-client")
    identity = issued / "tls.crt", issued / "tls.key"
    assert not metrics_api.answers(*identity)

    trust = read_trust(kube_system.get("configmap", CONFIG_MAP))
    assert trust is not None
    both = {"requestheader-client-ca-file": trust.authority + another.pem}
    try:
        kube_system.patch("configmap", CONFIG_MAP, {"data": both})
        eventually(lambda: metrics_api.answers(*identity), within=20, what="the new authority is taken")
        assert metrics_api.answers(*front_proxy)
    finally:
        # The API server writes it anew, with its own authority alone.
        kube_system.run("delete", "configmap", CONFIG_MAP)
    eventually(lambda: not metrics_api.answers(*identity), within=90, what="the withdrawn one is left")
    assert metrics_api.answers(*front_proxy)
