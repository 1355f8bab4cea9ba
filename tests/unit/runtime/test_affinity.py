from __future__ import annotations

from typing import Any

import pytest

from realtimeapp_runtime.affinity import Affinity

DELETION = b"realtimeapp=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure"


def affinity(server: str = "Uvicorn", *, name: str | None = "realtimeapp") -> Affinity:
    return Affinity(name=name, secure=True, close_code=1012, server=server)


def scope(cookie: str = "", *, extensions: tuple[str, ...] = (), **changes: object) -> dict[str, Any]:
    headers = [(b"host", b"a.example.com"), (b"Cookie", cookie.encode())]
    return {"type": "websocket", "headers": headers, "extensions": {key: {} for key in extensions}, **changes}


async def send_on(server: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    if asked["type"] == "websocket":
        await affinity(server).send_socket_on(asked, receive, send)
    else:
        await affinity(server).redirect_stream(asked, send)
    return sent


@pytest.mark.parametrize(
    ("cookie", "leads"),
    [
        ("realtimeapp=x", True),
        ("theme=dark; realtimeapp=x", True),
        ("", False),
        ("theme=realtimeapp=x", False),
        ("otherrealtimeapp=x", False),
        ("realtimeapp2=x", False),
    ],
)
def test_only_the_edge_s_cookie_leads_here(cookie: str, leads: bool) -> None:  # noqa: FBT001 - a column of the table
    assert affinity().leads(scope(cookie)) is leads
    assert not affinity(name=None).leads(scope(cookie))


def test_a_server_that_cannot_take_the_cookie_back_sends_nobody_on() -> None:
    assert not affinity("Granian").leads(scope("realtimeapp=x"))
    assert affinity("Granian").leads(scope("realtimeapp=x", extensions=("websocket.http.response",)))
    assert affinity("Granian").leads(scope("realtimeapp=x", type="http"))


async def test_a_handshake_is_accepted_without_the_cookie_and_closed() -> None:
    accept, close = await send_on("Uvicorn", scope(subprotocols=["graphql-ws", "json"]))
    assert accept["subprotocol"] == "graphql-ws"
    assert accept["headers"] == [(b"set-cookie", DELETION)]
    assert (close["type"], close["code"]) == ("websocket.close", 1012)
    assert (await send_on("Hypercorn", scope()))[0]["subprotocol"] is None


async def test_daphne_takes_headers_beside_the_subprotocol_and_granian_only_in_a_refusal() -> None:
    accept, _ = await send_on("Daphne", scope(subprotocols=["json"]))
    assert accept["subprotocol"] == ("json", {"Set-Cookie": DELETION.decode()})
    start, body = await send_on("Granian", scope())
    assert start["status"] == 401, "the one refusal whose Set-Cookie Chromium takes"
    assert (b"set-cookie", DELETION) in start["headers"]
    assert body["type"] == "websocket.http.response.body"


@pytest.mark.parametrize(
    ("path", "query", "location"),
    [
        (b"/events/", b"", b"./"),
        (b"/events/", b"room=1", b"./?room=1"),
        (b"/a/ev%20ents:2", b"", b"./ev%20ents:2"),
    ],
)
async def test_a_stream_is_led_back_to_its_own_address(path: bytes, query: bytes, location: bytes) -> None:
    asked = scope(type="http", path=path.decode(), raw_path=path, query_string=query)
    start, _ = await send_on("Uvicorn", asked)
    assert start["status"] == 307
    assert {(b"location", location), (b"set-cookie", DELETION)} <= set(start["headers"])
