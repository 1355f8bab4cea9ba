"""The visitor with a request in flight at every moment: what is waited for, and what counts as a failure."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

from hack.clients import slow
from hack.clients.slow import Answer, SlowVisitor
from hack.clients.waiting import eventually_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest


@asynccontextmanager
async def serve(status: int) -> AsyncIterator[str]:
    """A server on loopback that answers with this status; its URL."""

    async def answer(_request: web.Request) -> web.Response:
        return web.json_response({"hostname": "pod-1"}, status=status)

    application = web.Application()
    application.router.add_get("/slow/", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port: int = runner.addresses[0][1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


async def visit(*, requests: int) -> SlowVisitor:
    """A visitor that has asked that often."""
    async with SlowVisitor(host="shop.localhost", path="/slow/", seconds=0) as visitor:

        async def enough() -> bool:
            return len(visitor.answers) >= requests

        await eventually_async(enough, within=10, what=f"{requests} answers")
    return visitor


async def test_requests_follow_each_other_and_tell_their_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serve(200) as url:
        monkeypatch.setattr(slow, "URL", url)
        visitor = await visit(requests=3)
    assert not visitor.failures
    assert visitor.count_finished("pod-1", after=0) == len(visitor.answers)
    assert visitor.count_finished("pod-2", after=0) == 0
    ends = [answer.ended for answer in visitor.answers]
    assert all(a.began >= end for a, end in zip(visitor.answers[1:], ends, strict=False))


async def test_an_error_and_a_refused_connection_are_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serve(502) as url:
        monkeypatch.setattr(slow, "URL", url)
        visitor = await visit(requests=1)
    assert set(visitor.failures) == {"502"}
    visitor = await visit(requests=1)
    assert set(visitor.failures) == {"ClientConnectorError"}


def test_only_what_ended_well_after_the_moment_counts() -> None:
    visitor = SlowVisitor(host="shop.localhost", path="/slow/", seconds=1)
    visitor.answers = [
        Answer(began=0, ended=1, status="200", hostname="pod-1"),
        Answer(began=1, ended=2, status="200", hostname="pod-1"),
        Answer(began=2, ended=3, status="502"),
    ]
    assert visitor.count_finished("pod-1", after=1.5) == 1
    assert visitor.failures == ["502"]
