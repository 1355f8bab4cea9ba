"""The metrics API on a real socket: TLS, and who is answered."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hack.clients.waiting import eventually_async
from realtimeapp_operator.metricsapi import server as module
from realtimeapp_operator.metricsapi.answers import Count
from realtimeapp_operator.metricsapi.front_proxy import Trust
from realtimeapp_operator.metricsapi.server import CertificateError, MetricsServer, plain_route
from realtimeapp_operator.telemetry.health import Health
from realtimeapp_operator.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from pathlib import Path

METRIC = "/apis/external.metrics.k8s.io/v1beta1/namespaces/shop/realtimeapp_connections"
SELECTOR = {"labelSelector": "realtimeapp.dev/app=chat"}
SERVING = "operator.system.svc"


@dataclass(frozen=True)
class Authority:
    """A certificate authority that issues to files."""

    folder: Path
    name: str
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(self, common_name: str, *, folder: Path | None = None) -> Path:
        """A certificate for that name, as tls.crt and tls.key of a folder."""
        folder = folder or self.folder / f"{self.name}-{common_name}"
        folder.mkdir(exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        usage = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        certificate = (
            _builder(common_name, self.name, key)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(common_name)]), critical=False)
            .add_extension(x509.ExtendedKeyUsage(usage), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        (folder / "tls.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (folder / "tls.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return folder


def _builder(name: str, issuer: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
    )


def make_authority(folder: Path, name: str) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _builder(name, name, key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Authority(folder, name, key, certificate)


@pytest.fixture
def serving(tmp_path: Path) -> Authority:
    """Signs the server's certificate."""
    return make_authority(tmp_path, "serving")


@pytest.fixture
def front(tmp_path: Path) -> Authority:
    """Signs the front proxy's certificate."""
    return make_authority(tmp_path, "front")


def trust(authority: Authority) -> Trust:
    return Trust(authority.pem, frozenset({"front-proxy-client"}))


def counts(_namespace: str, name: str) -> Count | None:
    return Count(connections=42, sampled_at=datetime.now(UTC)) if name == "chat" else None


def metrics_server(folder: Path) -> MetricsServer:
    return MetricsServer(host="127.0.0.1", port=0, folder=folder, counts=counts)


async def ask(
    server: MetricsServer, trusted: Authority, *, identity: Path | None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    context = ssl.create_default_context(cadata=trusted.pem)
    if identity is not None:
        context.load_cert_chain(identity / "tls.crt", identity / "tls.key")
    host, port = server.address
    async with (
        aiohttp.ClientSession() as session,
        session.get(
            f"https://{host}:{port}{METRIC}",
            params=SELECTOR,
            ssl=context,
            server_hostname=SERVING,
            headers=headers,
        ) as response,
    ):
        return response.status, await response.json()


async def test_the_front_proxy_is_answered(serving: Authority, front: Authority) -> None:
    async with metrics_server(serving.issue(SERVING)) as server:
        server.use(trust(front))
        status, body = await ask(server, serving, identity=front.issue("front-proxy-client"))
    assert status == 200
    assert body["items"][0]["value"] == "42"


async def test_without_a_certificate_or_under_another_name_it_is_401(
    serving: Authority, front: Authority
) -> None:
    pretended = {"X-Remote-User": "system:admin", "X-Remote-Group": "system:masters"}
    async with metrics_server(serving.issue(SERVING)) as server:
        server.use(trust(front))
        for identity in (None, front.issue("kubelet")):
            status, body = await ask(server, serving, identity=identity, headers=pretended)
            assert status == 401
            assert (body["kind"], body["reason"]) == ("Status", "Unauthorized")


async def test_a_certificate_of_another_authority_does_not_get_in(
    serving: Authority, front: Authority, tmp_path: Path
) -> None:
    stranger = make_authority(tmp_path, "stranger").issue("front-proxy-client")
    async with metrics_server(serving.issue(SERVING)) as server:
        server.use(trust(front))
        with pytest.raises(aiohttp.ClientError):
            await ask(server, serving, identity=stranger)


async def test_nobody_is_answered_before_the_cluster_said_whom_to_trust(
    serving: Authority, front: Authority
) -> None:
    async with metrics_server(serving.issue(SERVING)) as server:
        assert (await ask(server, serving, identity=None))[0] == 401
        server.use(trust(front))
        assert (await ask(server, serving, identity=front.issue("front-proxy-client")))[0] == 200


async def test_an_authority_that_replaces_another_is_trusted_without_a_restart(
    serving: Authority, front: Authority, tmp_path: Path
) -> None:
    newer = make_authority(tmp_path, "newer")
    async with metrics_server(serving.issue(SERVING)) as server:
        server.use(trust(front))
        server.use(Trust("not a certificate", frozenset()))
        assert (await ask(server, serving, identity=front.issue("front-proxy-client")))[0] == 200
        server.use(trust(newer))
        assert (await ask(server, serving, identity=newer.issue("front-proxy-client")))[0] == 200


async def test_a_renewed_certificate_is_served_without_a_restart(
    serving: Authority, front: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RELOAD_SECONDS", 0.01)
    folder = serving.issue(SERVING)
    newer = make_authority(tmp_path, "newer-serving")
    identity = front.issue("front-proxy-client")

    async def is_trusted() -> bool:
        try:
            return (await ask(server, newer, identity=identity))[0] == 200
        except aiohttp.ClientError:
            return False

    async with metrics_server(folder) as server:
        server.use(trust(front))
        watching = asyncio.create_task(server.watch_certificate())
        assert not await is_trusted()
        (folder / "tls.key").write_text("half of a file")
        newer.issue(SERVING, folder=folder)
        await eventually_async(is_trusted, within=5, what="the new certificate served")
        assert not watching.done()
        watching.cancel()


async def test_a_certificate_that_cannot_be_used_is_told_by_its_folder(tmp_path: Path) -> None:
    (tmp_path / "tls.crt").write_text("no certificate")
    (tmp_path / "tls.key").write_text("no key")
    with pytest.raises(CertificateError, match=str(tmp_path)):
        async with metrics_server(tmp_path):
            pass


async def test_keda_reads_the_number_where_prometheus_reads_metrics() -> None:
    health = Health(host="127.0.0.1", port=0, metrics=Metrics(), routes=(plain_route(counts),))
    async with health, aiohttp.ClientSession() as session:
        host, port = health.address
        async with session.get(f"http://{host}:{port}/apps/shop/chat/connections") as response:
            assert (response.status, await response.json()) == (200, {"connections": 42})
        async with session.get(f"http://{host}:{port}/apps/shop/other/connections") as response:
            assert (response.status, (await response.json())["reason"]) == (404, "NotFound")
