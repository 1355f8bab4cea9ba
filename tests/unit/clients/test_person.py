"""Somebody with a browser: what a request carries, what is kept, and what counts as a failure."""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from hack.clients.person import Person

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TOKEN = "tokentoken"


async def show_form(request: web.Request) -> web.Response:
    """A form, and two cookies."""
    answer = web.Response(
        text=f'<form><input type="hidden" name="csrfmiddlewaretoken" value="{TOKEN}"></form>'
        f"{request.host} {request.headers['Origin']} {request.remote} {sorted(request.cookies)}",
        content_type="text/html",
    )
    answer.set_cookie("sessionid", "1")
    answer.set_cookie("affinity", "pod-1")
    return answer


async def take_form(request: web.Request) -> web.Response:
    """A redirect for who brings the token, else the form again."""
    form = await request.post()
    if form.get("csrfmiddlewaretoken") != TOKEN:
        return web.Response(status=403)
    name = form["name"]
    assert isinstance(name, str)
    raise web.HTTPFound(f"/hello/{name}/")


async def fail(_request: web.Request) -> web.Response:
    """Something is wrong."""
    return web.Response(status=502, text="no pod")


@asynccontextmanager
async def edge() -> AsyncIterator[tuple[str, int]]:
    """An application on a loopback port."""
    application = web.Application()
    application.add_routes([web.get("/", show_form), web.post("/", take_form), web.get("/broken/", fail)])
    runner = web.AppRunner(application)
    await runner.setup()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        await web.SockSite(runner, listener).start()
        yield listener.getsockname()
        await runner.cleanup()


@pytest.fixture
async def person() -> AsyncIterator[Person]:
    """The seventh visitor of an application."""
    async with edge() as address, Person(host="shop.localhost", number=6, edge=address) as person:
        yield person


async def test_the_edge_is_told_the_host_and_sees_an_address_of_its_own(person: Person) -> None:
    answer = await person.get("/")
    assert "shop.localhost http://shop.localhost 127.0.1.7 []" in answer.text
    again = await person.get("/")
    assert "['affinity', 'sessionid']" in again.text
    assert person.handshake_headers() in (
        {"Cookie": "sessionid=1; affinity=pod-1"},
        {"Cookie": "affinity=pod-1; sessionid=1"},
    )


async def test_who_forgets_the_affinity_cookie_is_still_logged_in(person: Person) -> None:
    await person.get("/")
    person.forget_all_but("sessionid")
    assert person.cookies() == {"sessionid": "1"}
    person.forget_all_but()
    assert person.cookies() == {}


async def test_a_form_is_sent_with_its_token(person: Person) -> None:
    answer = await person.submit("/", {"name": "Ann"})
    assert (answer.status, answer.location) == (302, "/hello/Ann/")
    assert (person.requests, person.failures) == (2, [])


async def test_every_other_answer_is_a_failure(person: Person) -> None:
    assert (await person.get("/broken/")).text == "no pod"
    assert (await person.get("/nowhere/")).status == 404
    assert (await person.get("/nowhere/", expect=(404,))).status == 404
    assert person.failures == ["GET /broken/: 502", "GET /nowhere/: 404"]
    assert person.requests == 3


async def test_no_answer_at_all_is_a_failure_with_its_reason() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))  # bound and not listening: refused
        async with Person(host="shop.localhost", edge=listener.getsockname()) as person:
            answer = await person.get("/")
    assert answer.status == 0
    (failure,) = person.failures
    assert failure.startswith("GET /: ClientConnectorError")
