"""The metrics API on a real socket: TLS, and who is answered."""

from __future__ import annotations

import asyncio
import logging
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp.web_protocol import RequestHandler

from hack.clients.waiting import eventually_async
from realtimeapp_operator.listening import describe_address
from realtimeapp_operator.metricsapi import server as module
from realtimeapp_operator.metricsapi.answers import Count
from realtimeapp_operator.metricsapi.front_proxy import Trust
from realtimeapp_operator.metricsapi.server import MetricsServer, plain_route
from realtimeapp_operator.telemetry.health import Health
from realtimeapp_operator.telemetry.metrics import Metrics
from tests.support.authority import make_authority
from tests.support.loopback import loopback_addresses

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.authority import Authority

METRIC = "/apis/external.metrics.k8s.io/v1beta1/namespaces/shop/realtimeapp_connections"
SELECTOR = {"labelSelector": "realtimeapp.dev/app=chat"}
SERVING = "operator.system.svc"


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


@asynccontextmanager
async def client_of(trusted: Authority, *, identity: Path | None) -> AsyncIterator[aiohttp.ClientSession]:
    """One that keeps its connection, as the API server does."""
    context = ssl.create_default_context(cadata=trusted.pem)
    if identity is not None:
        context.load_cert_chain(identity / "tls.crt", identity / "tls.key")
    connector, timeout = aiohttp.TCPConnector(ssl=context, limit=1), aiohttp.ClientTimeout(total=5)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as client:
        yield client


async def get(
    client: aiohttp.ClientSession, server: MetricsServer, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    host, port = server.address
    url = f"https://{host}:{port}{METRIC}"
    async with client.get(url, params=SELECTOR, server_hostname=SERVING, headers=headers) as response:
        return response.status, await response.json()


async def ask(
    server: MetricsServer, trusted: Authority, *, identity: Path | None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    async with client_of(trusted, identity=identity) as client:
        return await get(client, server, headers)


async def test_the_front_proxy_is_answered(serving: Authority, front: Authority) -> None:
    async with metrics_server(serving.issue(SERVING)) as server:
        server.use(trust(front))
        status, body = await ask(server, serving, identity=front.issue("front-proxy-client"))
    assert status == 200
    assert body["items"][0]["value"] == "42"


@pytest.mark.parametrize("host", loopback_addresses())
async def test_the_front_proxy_gets_through_by_either_family(
    serving: Authority, front: Authority, host: str
) -> None:
    everywhere = MetricsServer(host="", port=0, folder=serving.issue(SERVING), counts=counts)
    async with everywhere as server, client_of(serving, identity=front.issue("front-proxy-client")) as client:
        server.use(trust(front))
        url = f"https://{describe_address(host, server.address[1])}{METRIC}"
        async with client.get(url, params=SELECTOR, server_hostname=SERVING) as response:
            assert response.status == 200


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


async def test_an_authority_that_was_replaced_is_not_trusted_any_more(
    serving: Authority, front: Authority, tmp_path: Path
) -> None:
    newer = make_authority(tmp_path, "newer")
    identity = front.issue("front-proxy-client")
    async with metrics_server(serving.issue(SERVING)) as server:
        server.use(trust(front))
        async with client_of(serving, identity=identity) as kept:
            assert (await get(kept, server))[0] == 200
            server.use(trust(newer))
            with pytest.raises(aiohttp.ClientError):
                await get(kept, server)
        with pytest.raises(aiohttp.ClientError):
            await ask(server, serving, identity=identity)


async def test_an_authority_that_stays_beside_a_new_one_stays_trusted(
    serving: Authority, front: Authority, tmp_path: Path
) -> None:
    newer = make_authority(tmp_path, "newer")
    names = frozenset({"front-proxy-client"})
    async with metrics_server(serving.issue(SERVING)) as server:
        server.use(trust(front))
        async with client_of(serving, identity=front.issue("front-proxy-client")) as kept:
            assert (await get(kept, server))[0] == 200
            server.use(Trust(front.pem + newer.pem, names))
            assert (await get(kept, server))[0] == 200, "the API server notices nothing"
        assert (await ask(server, serving, identity=newer.issue("front-proxy-client")))[0] == 200


async def test_a_connection_that_began_under_the_trust_before_is_refused_once_and_made_anew(
    serving: Authority, front: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = make_authority(tmp_path, "newer")
    async with metrics_server(serving.issue(SERVING)) as server:
        server.use(trust(front))
        async with client_of(serving, identity=front.issue("front-proxy-client")) as kept:
            assert (await get(kept, server))[0] == 200
            with monkeypatch.context() as overlapping:
                # Its handshake ends only now: it is not among the connections there are to close.
                overlapping.setattr(RequestHandler, "force_close", lambda _connection: None)
                server.use(Trust(front.pem + newer.pem, frozenset({"front-proxy-client"})))
            assert (await get(kept, server))[0] == 401
            assert (await get(kept, server))[0] == 200


async def test_nobody_is_trusted_when_the_cluster_names_nobody_any_more(
    serving: Authority, front: Authority
) -> None:
    async with metrics_server(serving.issue(SERVING)) as server:
        server.use(trust(front))
        server.use(None)
        with pytest.raises(aiohttp.ClientError):
            await ask(server, serving, identity=front.issue("front-proxy-client"))
        assert (await ask(server, serving, identity=None))[0] == 401


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


async def test_without_a_usable_certificate_it_says_so_once_and_serves_when_there_is_one(
    serving: Authority,
    front: Authority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(module, "RELOAD_SECONDS", 0.01)
    folder, identity = tmp_path / "mounted", front.issue("front-proxy-client")
    folder.mkdir()
    (folder / "tls.crt").write_text("no certificate")
    (folder / "tls.key").write_text("no key")
    async with metrics_server(folder) as server:
        server.use(trust(front))
        watching = asyncio.create_task(server.watch_certificate())
        with pytest.raises(aiohttp.ClientError):
            await ask(server, serving, identity=identity)
        assert str(folder / "tls.crt") in (server.certificate_problem or "")
        serving.issue(SERVING, folder=folder)

        async def is_served() -> bool:
            return server.certificate_problem is None

        await eventually_async(is_served, within=5, what="the mended certificate is taken")
        assert (await ask(server, serving, identity=identity))[0] == 200
        assert not watching.done()
        watching.cancel()
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(told) == 1, "said once, not at every look"
    assert "Autoscalers get no figures" in told[0]
    assert "Mend the Secret" in told[0]


async def test_a_good_certificate_stays_in_use_when_a_broken_one_replaces_it(
    serving: Authority, front: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, identity = serving.issue(SERVING), front.issue("front-proxy-client")
    newer = make_authority(tmp_path, "newer")
    async with metrics_server(folder) as server:
        server.use(trust(front))
        (folder / "tls.key").write_bytes((serving.issue("another") / "tls.key").read_bytes())
        server.look_at_certificate()
        assert (await ask(server, serving, identity=identity))[0] == 200
        assert "the key is not the certificate's" in (server.certificate_problem or "")
        assert "The one before stays in use" in caplog.text
        server.use(trust(newer))
        status, _ = await ask(server, serving, identity=newer.issue("front-proxy-client"))
        assert status == 200, "a new authority needs no usable files"
        serving.issue(SERVING, folder=folder)
        server.look_at_certificate()
        assert server.certificate_problem is None


async def test_keda_reads_the_number_where_prometheus_reads_metrics() -> None:
    health = Health(host="127.0.0.1", port=0, metrics=Metrics(), routes=(plain_route(counts),))
    async with health, aiohttp.ClientSession() as session:
        host, port = health.address
        async with session.get(f"http://{host}:{port}/apps/shop/chat/connections") as response:
            assert (response.status, await response.json()) == (200, {"connections": 42})
        async with session.get(f"http://{host}:{port}/apps/shop/other/connections") as response:
            assert (response.status, (await response.json())["reason"]) == (404, "NotFound")
