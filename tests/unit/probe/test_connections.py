"""The probe of connection counts against real servers on loopback that answer in every way a pod may."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from hack.clients.ports import find_port
from realtimeapp_operator.probe.connections import ANSWER_MAX, ConnectionProbe, Reading, parse
from realtimeapp_runtime import forwarded, ledger, metrics

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def said(*, websockets: int, streams: int, draining: bool = False) -> str:
    """What the runtime of a pod with two processes says."""
    rows = [[0] * ledger.CELLS for _ in range(2)]
    rows[0][ledger.WEBSOCKETS], rows[1][ledger.WEBSOCKETS] = websockets - 1, 1
    rows[0][ledger.STREAMS] = streams
    rows[0][ledger.ACCEPTED["websocket"]] = 999_999
    return metrics.render(alive=rows, departed=[0] * ledger.CELLS, draining=draining)


@asynccontextmanager
async def serving(handle: Handler) -> AsyncIterator[int]:
    """A server for every path on a free port."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port := find_port()).start()
    try:
        yield port
    finally:
        await runner.cleanup()


async def read(port: int, *, address: str = "127.0.0.1", timeout_seconds: float = 2.0) -> Reading | None:
    async with ConnectionProbe(timeout_seconds=timeout_seconds) as probe:
        return await probe.read(address, port)


async def test_websockets_and_streams_of_all_processes_are_one_number() -> None:
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request)
        return web.Response(text=said(websockets=40, streams=2))

    async with serving(answer) as port:
        assert await read(port) == Reading(connections=42, draining=False)
    assert [(request.method, request.path) for request in asked] == [("GET", "/.realtimeapp/metrics")]


async def test_nothing_says_that_the_question_came_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    headers: list[list[tuple[bytes, bytes]]] = []

    async def answer(request: web.Request) -> web.Response:
        headers.append([(name.lower(), value) for name, value in request.raw_headers])
        return web.Response(text=said(websockets=1, streams=0, draining=True))

    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{find_port()}")
    async with serving(answer) as port:
        assert await read(port) == Reading(connections=1, draining=True)
    assert len(headers) == 1
    assert not forwarded.came_through_proxy(headers[0])
    assert not any(name.startswith(b"x-") for name, _ in headers[0])


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(status=404, text=said(websockets=1, streams=1)),
        web.Response(status=302, headers={"Location": "/elsewhere"}),
        web.Response(text="<html>not the runtime</html>"),
        web.Response(text="realtimeapp_draining 0\n"),
        web.Response(text='realtimeapp_connections{kind="websocket"} 3\n'),
        web.Response(body=b"\xff\xfe"),
    ],
    ids=["404", "redirect", "html", "no connections", "no drain", "no text"],
)
async def test_what_is_not_the_runtime_gives_no_reading(answer: web.Response) -> None:
    async def handle(_request: web.Request) -> web.Response:
        return answer

    async with serving(handle) as port:
        assert await read(port) is None


async def test_a_pod_that_is_away_gives_no_reading() -> None:
    assert await read(find_port()) is None
    assert await read(80, address="not an address") is None


async def test_nobody_waits_longer_than_the_timeout() -> None:
    released = asyncio.Event()

    async def hang(_request: web.Request) -> web.Response:
        await released.wait()
        return web.Response()

    async with serving(hang) as port:
        started = asyncio.get_running_loop().time()
        assert await read(port, timeout_seconds=0.2) is None
        assert asyncio.get_running_loop().time() - started < 1
        released.set()


async def test_an_endless_answer_is_cut_off() -> None:
    sent = 0

    async def pour(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while sent < 100 * ANSWER_MAX:
            await response.write(b"#" * 1024)
            sent += 1024
        return response

    async with serving(pour) as port:
        assert await read(port) is None
    assert sent < 100 * ANSWER_MAX


async def test_only_so_many_are_asked_at_once() -> None:
    now = most = 0
    full, released = asyncio.Event(), asyncio.Event()

    async def answer(_request: web.Request) -> web.Response:
        nonlocal now, most
        now += 1
        most = max(most, now)
        if now == 3:
            full.set()
        await released.wait()
        now -= 1
        return web.Response(text=said(websockets=5, streams=0))

    async with serving(answer) as port, ConnectionProbe(at_once=3) as probe:
        reads = [asyncio.create_task(probe.read("127.0.0.1", port)) for _ in range(12)]
        await asyncio.wait_for(full.wait(), timeout=5)
        released.set()
        assert await asyncio.gather(*reads) == [Reading(5, draining=False)] * 12
    assert most == 3


@pytest.mark.parametrize("count", ["-1", "1.5", "NaN", "", "1e3", "٣", "9" * 40])
def test_a_count_that_is_no_whole_number_is_refused(count: str) -> None:
    with pytest.raises(ValueError, match="not a count"):
        parse(f'realtimeapp_connections{{kind="websocket"}} {count}\nrealtimeapp_draining 0\n')
