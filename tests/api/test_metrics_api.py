"""The leader's Service and the metrics API with a real API server, and with the chart's own permissions for them."""

from __future__ import annotations

import json
import ssl
import subprocess
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from hack.clients.ports import find_port
from hack.clients.waiting import eventually
from hack.cluster import binaries, pki
from tests.support.operator_process import ACCOUNT, CHART, SYSTEM

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hack.clients.kubectl import Kubectl
    from tests.api.conftest import ControlPlane, MakeOperator

SERVICE = f"{ACCOUNT}-leader"
HERE, THERE = "10.9.9.7", "10.9.9.8"
METRIC = "/apis/external.metrics.k8s.io/v1beta1/namespaces/shop/realtimeapp_connections?labelSelector=realtimeapp.dev%2Fapp%3Dchat"


@pytest.fixture
def system(control_plane: ControlPlane) -> Iterator[Kubectl]:
    """kubectl in the operator's namespace, with the chart's Service and what external metrics need to be read."""
    inside = control_plane.kubectl.within(SYSTEM)
    command = [str(binaries.path("helm")), "template", ACCOUNT, str(CHART), "--namespace", SYSTEM]
    command += ["--set", "externalMetrics.enabled=true"]
    command += ["--show-only", "templates/rbac.yaml", "--show-only", "templates/leaderservice.yaml"]
    rendered = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    added: list[dict[str, Any]] = [
        item
        for item in yaml.safe_load_all(rendered)
        if item["kind"] == "Service" or item["metadata"].get("namespace") == "kube-system"
    ]
    assert sorted(item["kind"] for item in added) == ["RoleBinding", "Service"]
    control_plane.kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM}})
    for item in added:
        control_plane.kubectl.within(item["metadata"]["namespace"]).apply(item)
    yield inside
    for item in added:
        control_plane.kubectl.within(item["metadata"]["namespace"]).run(
            "delete", item["kind"], item["metadata"]["name"]
        )


def addresses(system: Kubectl) -> tuple[list[str], list[str]]:
    """Where the Service leads, by its EndpointSlice and by its Endpoints."""
    piece = system.find("endpointslice", f"{SERVICE}-ipv4") or {}
    whole = system.find("endpoints", SERVICE) or {}
    return (
        [address for endpoint in piece.get("endpoints") or () for address in endpoint["addresses"]],
        [entry["ip"] for subset in whole.get("subsets") or () for entry in subset.get("addresses", ())],
    )


def await_address(system: Kubectl, wanted: list[str]) -> None:
    """Wait until the Service leads there and nowhere else."""
    eventually(
        lambda: addresses(system) == (wanted, wanted), within=20, what=f"the Service leads to {wanted}"
    )


def test_the_service_leads_to_whoever_works(
    system: Kubectl, make_operator: MakeOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REALTIMEAPP_LEADER_SERVICE", SERVICE)
    monkeypatch.setenv("POD_IP", HERE)
    with make_operator("operator") as process:
        await_address(system, [HERE])
        slices = system.items("endpointslices", f"kubernetes.io/service-name={SERVICE}")
        assert len(slices) == 1, "the Endpoints must not be copied into a second one"

        process.kill()
        monkeypatch.setenv("POD_IP", THERE)
        process.start()
        await_address(system, [THERE])
    assert addresses(system) == ([], []), "nothing is left for another pod to inherit"


def test_the_front_proxys_certificate_is_all_that_counts(
    control_plane: ControlPlane,
    system: Kubectl,
    make_operator: MakeOperator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert system.namespace == SYSTEM
    keys = control_plane.audit_log.parent / "pki"
    own = pki.Leaf(file="tls", common_name=SERVICE, names=("localhost",))
    serving = tmp_path / "certificate"
    serving.mkdir()
    for file in ("ca.crt", "ca.key"):
        (serving / file).write_bytes((keys / file).read_bytes())
    pki.issue(serving, own)
    port = find_port()
    monkeypatch.setenv("REALTIMEAPP_EXTERNAL_METRICS", f"127.0.0.1:{port}")
    monkeypatch.setenv("REALTIMEAPP_CERTIFICATE_DIR", str(serving))

    def ask(name: str | None) -> tuple[int, dict[str, Any]]:
        context = ssl.create_default_context(cafile=str(keys / "ca.crt"))
        if name is not None:
            context.load_cert_chain(keys / f"{name}.crt", keys / f"{name}.key")
        try:
            with urllib.request.urlopen(
                f"https://localhost:{port}{METRIC}", context=context, timeout=5
            ) as got:
                return got.status, json.load(got)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def known() -> bool:
        try:
            return ask("front-proxy")[0] == HTTPStatus.NOT_FOUND
        except (urllib.error.URLError, ConnectionError):
            return False  # Not serving yet: that begins with the leadership.

    with make_operator("operator"):
        eventually(known, within=20, what="the front proxy is known by the cluster's word")
        assert "no RealtimeApp shop/chat" in ask("front-proxy")[1]["message"]
        assert ask(None)[0] == 401
        with pytest.raises((urllib.error.URLError, ConnectionError, ssl.SSLError)):
            ask("admin")
