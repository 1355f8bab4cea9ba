from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from kubernetes.config import incluster_config

from realtimeapp_operator.kube.credentials import Credentials, CredentialsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBdTCCARugAwIBAgIUJPiiCb1B0+3XINdcRhJ3JPRtFXkwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjExNDE2MDNaGA8yMTI2MTAyODE0MTYw
M1owDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABClA
JiG8ZTlBTSyrx884d4cN+ZJN+ZMMsOToT/5kcgB2NDnbXgVy04eocpMFr342hvUN
YHjwoDy5cIx4nUv+HFGjUzBRMB0GA1UdDgQWBBR/RNo6RdA1D6WQ0eUEQtdEMqWN
kDAfBgNVHSMEGDAWgBR/RNo6RdA1D6WQ0eUEQtdEMqWNkDAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0gAMEUCIQD15KOR7t4HZQ0rppfc2GuZSSGqy/YMLBAP
Y7PiMJS9EwIgPfKbSSZvq2SrClSlrsnVnjNSxV1rdPkBpRFHmJKQe6M=
-----END CERTIFICATE-----
"""


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def write_kubeconfig(path: Path, user: Mapping[str, object]) -> None:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "c", "cluster": {"server": "https://api.test:6443", "insecure-skip-tls-verify": True}}
        ],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(config))


def test_nothing_to_read_is_said_in_a_sentence() -> None:
    with pytest.raises(CredentialsError, match="set KUBECONFIG, run inside a pod"):
        Credentials()


def test_a_named_file_that_is_missing_or_broken_is_said_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "missing"))
    with pytest.raises(CredentialsError, match="cannot read the cluster configuration"):
        Credentials()
    (tmp_path / "missing").write_text("a: [")
    with pytest.raises(CredentialsError, match="cannot read the cluster configuration"):
        Credentials()


async def test_the_home_folder_is_the_last_resort(tmp_path: Path) -> None:
    write_kubeconfig(tmp_path / ".kube" / "config", {"token": "from-home"})
    credentials = Credentials()
    assert credentials.server == "https://api.test:6443"
    assert await credentials.authorization() == "Bearer from-home"
    assert "from-home" not in repr(credentials)


async def test_an_exec_plugin_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plugin = tmp_path / "plugin.py"
    answer = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "from-plugin"},
    }
    plugin.write_text(f"print({json.dumps(answer)!r})")
    user = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": sys.executable,
            "args": [str(plugin)],
            "interactiveMode": "Never",
        }
    }
    write_kubeconfig(tmp_path / "config", user)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    assert await Credentials().authorization() == "Bearer from-plugin"


async def test_a_replaced_service_account_token_is_read_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    token, authority = tmp_path / "token", tmp_path / "ca.crt"
    token.write_text("first")
    authority.write_text(CERTIFICATE)
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(authority))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    credentials = Credentials()
    assert credentials.server == "https://10.96.0.1:443"
    rejected = await credentials.authorization()
    assert rejected == "bearer first"
    token.write_text("second")
    await credentials.renew(rejected=rejected)
    assert await credentials.authorization() == "bearer second"
    token.write_text("third")
    await credentials.renew(rejected=rejected)  # a late answer to an old request reads nothing again
    assert await credentials.authorization() == "bearer second"
