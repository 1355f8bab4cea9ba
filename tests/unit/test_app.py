from __future__ import annotations

import asyncio
import json
import os
import signal
from typing import TYPE_CHECKING

import pytest

from hack.clients.waiting import eventually_async
from realtimeapp_operator.__main__ import main
from realtimeapp_operator.app import StartError, run
from realtimeapp_operator.settings import Settings, read_settings
from tests.support.fake_apiserver import FakeApiServer, answer, refusal

if TYPE_CHECKING:
    from pathlib import Path

ENVIRON = {
    "REALTIMEAPP_RUNTIME_IMAGE": "a",
    "REALTIMEAPP_REDIS_IMAGE": "b",
    "POD_NAMESPACE": "system",
    "POD_NAME": "me",
}
GROUP = "/apis/realtimeapp.dev/v1alpha1"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/system/leases/realtimeapp-operator"
SERVED = {"kind": "APIResourceList", "resources": [{"name": "realtimeapps"}]}


def settings() -> Settings:
    return read_settings(["--listen", "127.0.0.1:0"], ENVIRON)


@pytest.fixture
def kubeconfig(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    path = tmp_path / "config"
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


def point(kubeconfig: Path, server: FakeApiServer) -> None:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": server.url}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    kubeconfig.write_text(json.dumps(config))


def test_settings_that_cannot_be_used_are_told_without_a_trace(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--runtime-image", "not an image"]) == 2
    assert capsys.readouterr().err.startswith("realtimeapp-operator: --runtime-image")


@pytest.mark.usefixtures("kubeconfig")
async def test_no_cluster_is_told_with_where_to_look() -> None:
    with pytest.raises(StartError, match="cannot read the cluster configuration"):
        await run(settings())


async def test_a_missing_crd_is_told_with_the_commands_that_install_it(kubeconfig: Path) -> None:
    async with FakeApiServer() as server:
        server.at(GROUP, refusal(404, "NotFound"))
        point(kubeconfig, server)
        with pytest.raises(StartError, match=r"helm upgrade --install .* or `kubectl apply"):
            await run(settings())
    assert all(request.path == GROUP for request in server.requests)


async def test_an_api_server_that_is_away_is_waited_for(kubeconfig: Path) -> None:
    async with FakeApiServer() as server:
        server.then(refusal(503, "ServiceUnavailable"), refusal(404, "NotFound"))
        point(kubeconfig, server)
        with pytest.raises(StartError, match="does not know RealtimeApp"):
            await asyncio.wait_for(run(settings()), timeout=10)
    assert len(server.requests) == 2


async def test_a_standby_writes_nothing_and_ends_cleanly_when_told(kubeconfig: Path) -> None:
    held = {
        "metadata": {"name": "realtimeapp-operator", "resourceVersion": "1"},
        "spec": {"holderIdentity": "another", "leaseDurationSeconds": 15},
    }
    async with FakeApiServer() as server:
        server.at(GROUP, answer(SERVED)).at(LEASE, answer(held))
        point(kubeconfig, server)
        running = asyncio.create_task(run(settings()))

        async def asked_twice() -> bool:
            return sum(request.path == LEASE for request in server.requests) >= 2

        await eventually_async(asked_twice, within=10, what="the standby asks for the lease again")
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(running, timeout=5)
    assert {request.path for request in server.requests} == {GROUP, LEASE}
    assert {request.method for request in server.requests} == {"GET"}
