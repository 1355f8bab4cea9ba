"""The probe against real servers on loopback that answer in every way an edge may."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from aiohttp import WSCloseCode, WSMsgType, web

from hack.clients.ports import find_port
from hack.clients.waiting import eventually_async
from hack.examples.aws.certificate import issue
from realtimeapp_operator.probe.websocket import Finding, Target, Verdict, WebSocketProbe

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

HOST = "counter.example.com"


@dataclass
class Edge:
    """A server that answers as told and remembers what it was asked."""

    answer: Callable[[web.Request], web.StreamResponse] | None = None
    close_code: int | None = None
    port: int = 0
    requests: list[web.Request] = field(default_factory=list)
    closes: list[int | None] = field(default_factory=list)

    async def saw_the_end(self) -> bool:
        return bool(self.closes)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        if self.answer is not None:
            return self.answer(request)
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        if self.close_code is not None:
            await websocket.close(code=self.close_code)
        else:
            async for message in websocket:
                assert message.type is WSMsgType.TEXT
        self.closes.append(websocket.close_code)
        return websocket


@asynccontextmanager
async def serve(edge: Edge, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Edge]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", edge.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    edge.port = find_port()
    await web.TCPSite(runner, "127.0.0.1", edge.port, ssl_context=tls).start()
    try:
        yield edge
    finally:
        await runner.cleanup()


def target(
    port: int, *, address: str | None = "127.0.0.1", secure: bool = False, edge: bool = True
) -> Target:
    return Target(
        host=HOST,
        path="/ws/live/",
        secure=secure,
        answerer="edge" if edge else "application",
        address=address,
        port=port,
    )


def status(code: int, **headers: str) -> Callable[[web.Request], web.StreamResponse]:
    return lambda _request: web.Response(
        status=code, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


@pytest.mark.parametrize("by_edge", [True, False])
async def test_an_open_door_is_told_from_the_host_and_origin_of_a_browser(by_edge: bool) -> None:  # noqa: FBT001
    async with serve(Edge(close_code=1000 if by_edge else None)) as edge:
        verdict = await WebSocketProbe().open(target(edge.port, edge=by_edge))
        assert verdict == Verdict(finding=Finding.OPENED)
        await eventually_async(edge.saw_the_end, within=5, what="the server sees the close")
    (request,) = edge.requests
    assert request.path == "/ws/live/"
    assert request.headers["Host"] == HOST
    assert request.headers["Origin"] == f"http://{HOST}"
    assert request.headers["X-RealtimeApp-Probe"] == ("edge" if by_edge else "application")
    assert "Cookie" not in request.headers
    assert edge.closes == [WSCloseCode.OK]


@pytest.mark.parametrize(
    ("answer", "finding", "says"),
    [
        (status(400), Finding.HOST, "400"),
        (status(403), Finding.ORIGIN, "403"),
        (status(404), Finding.PATH, "404"),
        (status(200), Finding.NO_UPGRADE, "200"),
        (status(401), Finding.NO_UPGRADE, "401"),
        (status(302, Location="/login/"), Finding.NO_UPGRADE, "/login/"),
        (
            status(308, Location="https://counter.example.com/"),
            Finding.ENCRYPTED,
            "https://counter.example.com/",
        ),
        (status(500), Finding.EDGE, "500"),
        (status(502), Finding.EDGE, "502"),
        (status(503), Finding.EDGE, "503"),
        (status(503, Retry_After="3"), Finding.FULL, "503"),
    ],
)
async def test_each_wrong_answer_is_told_apart(
    answer: Callable[[web.Request], web.StreamResponse], finding: Finding, says: str
) -> None:
    async with serve(Edge(answer=answer)) as edge:
        verdict = await WebSocketProbe().open(target(edge.port))
    assert verdict.finding is finding
    assert says in verdict.detail
    assert len(edge.requests) == 1, "nothing is followed or tried again"


@pytest.mark.parametrize(
    ("code", "finding"),
    [
        (4400, Finding.HOST),
        (4403, Finding.ORIGIN),
        (4404, Finding.PATH),
        (4503, Finding.FULL),
        (1000, Finding.OPENED),
    ],
)
async def test_a_server_that_cannot_answer_with_a_status_says_it_with_a_close_code(
    code: int, finding: Finding
) -> None:
    async with serve(Edge(close_code=code)) as edge:
        verdict = await WebSocketProbe().open(target(edge.port))
    assert verdict.finding is finding


@pytest.mark.parametrize("code", [101, 403, 503])
async def test_the_revision_of_the_pod_is_told_whatever_it_answers(code: int) -> None:
    def answer(_request: web.Request) -> web.Response:
        return web.Response(status=code, headers={"X-RealtimeApp-Revision": "r7"})

    async with serve(Edge(answer=answer)) as edge:
        verdict = await WebSocketProbe().open(target(edge.port))
    assert verdict.revision == "r7"
    assert verdict.detail.endswith(", by a web pod")


async def test_a_port_nobody_listens_on_is_no_answer_of_the_edge() -> None:
    port = find_port()
    verdict = await WebSocketProbe().open(target(port))
    assert verdict.finding is Finding.CONNECTION
    assert verdict.detail == f"127.0.0.1:{port} takes no connection: connection refused"


async def test_a_name_without_an_address_is_told() -> None:
    verdict = await WebSocketProbe().open(target(80, address="nowhere.invalid"))
    assert verdict == Verdict(finding=Finding.NAME, detail="the name nowhere.invalid has no address")
    verdict = await WebSocketProbe().open(
        Target(host="nowhere.invalid", path="/ws/", secure=False, answerer="edge")
    )
    assert verdict.finding is Finding.NAME


async def test_an_address_that_is_a_name_is_looked_up_and_the_host_is_not() -> None:
    async with serve(Edge(close_code=1000)) as edge:
        verdict = await WebSocketProbe().open(target(edge.port, address="localhost"))
    assert verdict.finding is Finding.OPENED
    assert edge.requests[0].headers["Host"] == HOST


@asynccontextmanager
async def answer_with(said: bytes, *, hang: bool) -> AsyncIterator[int]:
    """A port where each request is answered with `said`, and the connection kept open if `hang`."""
    ended = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        if hang:
            await reader.read()
        writer.close()
        await writer.wait_closed()
        ended.set()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.wait_for(ended.wait(), 5)


async def test_somebody_who_says_nothing_is_waited_for_no_longer_than_told() -> None:
    async with answer_with(b"", hang=True) as port:
        verdict = await WebSocketProbe(timeout_seconds=0.2).open(target(port))
    assert verdict.finding is Finding.CONNECTION
    assert "no answer in 0.2 s" in verdict.detail


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-OpenSSH_9.2\r\n"])
async def test_somebody_who_speaks_something_else_is_no_edge(said: bytes) -> None:
    async with answer_with(said, hang=False) as port:
        verdict = await WebSocketProbe().open(target(port))
    assert verdict.finding is Finding.CONNECTION


async def test_a_101_that_is_no_websocket_is_no_upgrade() -> None:
    said = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"
    async with answer_with(said, hang=True) as port:
        verdict = await WebSocketProbe().open(target(port))
    assert verdict.finding is Finding.NO_UPGRADE


async def test_a_certificate_is_believed_for_its_own_host_only(tmp_path: Path) -> None:
    own, own_authority = certify(tmp_path, HOST)
    other, other_authority = certify(tmp_path, "other.example.com")
    async with serve(Edge(close_code=1000), tls=own) as edge:
        verdict = await WebSocketProbe().open(target(edge.port, secure=True))
        assert verdict.finding is Finding.TLS
        assert "not trusted" in verdict.detail
        friend = WebSocketProbe(trust=own_authority)
        assert (await friend.open(target(edge.port, secure=True))).finding is Finding.OPENED
        assert edge.requests[0].headers["Origin"] == f"https://{HOST}"
    async with serve(Edge(close_code=1000), tls=other) as edge:
        verdict = await WebSocketProbe(trust=other_authority).open(target(edge.port, secure=True))
        assert verdict.finding is Finding.TLS
        assert HOST in verdict.detail


async def test_a_port_without_encryption_is_told() -> None:
    async with serve(Edge(close_code=1000)) as edge:
        verdict = await WebSocketProbe().open(target(edge.port, secure=True))
    assert verdict.finding is Finding.TLS
    assert "no encrypted connection" in verdict.detail


def certify(folder: Path, host: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for `host`, and a client's that believes its authority only."""
    issued = issue(host)
    path = folder / host
    path.write_text(issued.certificate + issued.key)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cadata=issued.authority)
