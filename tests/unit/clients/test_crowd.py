"""The crowd: every client comes back, keeps its cookie, and every close is counted with its code."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from hack.clients.crowd import Crowd, merge_cookies
from hack.clients.sockets import count_peak
from hack.clients.waiting import eventually_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SIZE = 30


class Pod:
    """An application that names itself, pins its clients with a cookie, and can be full."""

    def __init__(self) -> None:
        self.full = False
        self.sends_on = False
        self.turned_away = 0
        self.cookies: Counter[str] = Counter()
        self.open: set[ServerConnection] = set()

    def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Note the cookie; refuse when full, and take the cookie away."""
        del connection
        self.cookies[request.headers.get("Cookie", "")] += 1
        if not self.full:
            return None
        gone = Headers({"Set-Cookie": "pod=; Max-Age=0; Path=/", "Content-Length": "0"})
        return Response(HTTPStatus.SERVICE_UNAVAILABLE, "full", gone, b"")

    async def send_on(self, connection: ServerConnection) -> None:
        """Close at once what was accepted."""
        self.turned_away += 1
        await connection.close(1012)

    def pin(self, connection: ServerConnection, request: Request, response: Response) -> None:
        """Set the cookie."""
        del connection, request
        if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            response.headers["Set-Cookie"] = "pod=one; Path=/; HttpOnly"

    async def hold(self, connection: ServerConnection) -> None:
        """Keep a client until it leaves or is sent away."""
        if self.sends_on:
            await self.send_on(connection)
            return
        self.open.add(connection)
        await connection.send(json.dumps({"hostname": "pod-1"}))
        await connection.wait_closed()
        self.open.discard(connection)


@pytest.fixture
def pod() -> Pod:
    """The application."""
    return Pod()


@pytest.fixture
async def server(pod: Pod) -> AsyncIterator[Server]:
    """Its server on a loopback port."""
    async with serve(pod.hold, "127.0.0.1", 0, process_request=pod.admit, process_response=pod.pin) as server:
        yield server


def crowd_of(server: Server, size: int = SIZE) -> Crowd:
    """Clients of that server."""
    port: int = next(iter(server.sockets)).getsockname()[1]
    return Crowd(host="rooms.localhost", path="/ws/", size=size, edge=("127.0.0.1", port))


async def all_named(crowd: Crowd) -> bool:
    """Whether everybody is connected and knows where."""
    return crowd.by_pod() == {"pod-1": crowd.size}


async def test_everybody_comes_back_with_the_cookie_and_each_close_has_its_code(
    server: Server, pod: Pod
) -> None:
    async with crowd_of(server) as crowd:
        await crowd.gather(within=10)
        await eventually_async(lambda: all_named(crowd), within=10, what="everybody in")
        first, *others = pod.open
        first.transport.abort()
        await asyncio.gather(*(connection.close(1012) for connection in others))
        await eventually_async(lambda: all_named(crowd), within=10, what="everybody back")
        assert crowd.codes() == {1006: 1, 1012: SIZE - 1}
        assert len(crowd.downtimes) == SIZE
        assert min(crowd.downtimes) >= 0.5
        assert crowd.peak() == SIZE
        assert pod.cookies == {"": SIZE, "pod=one": SIZE}


async def test_who_is_refused_tries_again_without_the_cookie_that_was_taken_away(
    server: Server, pod: Pod
) -> None:
    async with crowd_of(server, size=1) as crowd:
        await crowd.gather(within=10)
        await eventually_async(lambda: all_named(crowd), within=10, what="in")
        pod.full = True
        await next(iter(pod.open)).close(1012)
        await eventually_async(lambda: is_refused(crowd), within=10, what="refused")
        pod.full = False
        await eventually_async(lambda: all_named(crowd), within=10, what="back")
        assert crowd.refusals == {"503": 1}
        assert list(pod.cookies) == ["", "pod=one"]
        assert pod.cookies[""] == 2


async def test_who_is_let_in_and_sent_on_at_once_was_closed_not_refused(server: Server, pod: Pod) -> None:
    async with crowd_of(server, size=1) as crowd:
        await crowd.gather(within=10)
        await eventually_async(lambda: all_named(crowd), within=10, what="in")
        pod.sends_on = True
        await next(iter(pod.open)).close(1012)
        await eventually_async(lambda: was_turned_away(pod), within=10, what="turned away")
        pod.sends_on = False
        await eventually_async(lambda: all_named(crowd), within=10, what="back")
        assert crowd.codes() == {1012: 1 + pod.turned_away}
        assert not crowd.refusals
        assert max(crowd.downtimes) < 2


async def was_turned_away(pod: Pod) -> bool:
    """Whether a client was let in and sent on."""
    return pod.turned_away > 0


async def is_refused(crowd: Crowd) -> bool:
    """Whether a handshake was refused."""
    return bool(crowd.refusals)


async def test_nobody_gathers_where_nobody_listens() -> None:
    async with Crowd(host="rooms.localhost", path="/", size=2, edge=("127.0.0.1", 9)) as crowd:
        with pytest.raises(AssertionError, match=r"2 of 2 sockets not open .*ConnectionRefusedError"):
            await crowd.gather(within=1)


def test_cookies_are_kept_replaced_and_forgotten() -> None:
    assert merge_cookies("", ["pod=a; Path=/", "sessionid=x; Max-Age=60"]) == "pod=a; sessionid=x"
    assert merge_cookies("pod=a; sessionid=x", ["pod=b"]) == "pod=b; sessionid=x"
    assert merge_cookies("pod=a; sessionid=x", ["pod=; Max-Age=0"]) == "sessionid=x"


def test_the_peak_is_that_of_any_second_not_of_the_clock_s() -> None:
    assert count_peak([]) == 0
    assert count_peak([0.0, 0.9, 1.0, 1.8, 5.0]) == 3
    assert count_peak([0.0, 1.0, 2.0]) == 1
