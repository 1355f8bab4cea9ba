"""What the application believes about its client, whatever an outsider writes into the headers, over HTTP and WebSocket."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.runtime.clients import open_socket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.runtime.server import Pod

Headers = list[tuple[str, str]]

SPOOFED: Headers = [
    ("X-Forwarded-For", "6.6.6.6"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "evil.example.com"),
    ("X-Real-Ip", "6.6.6.6"),
    ("Forwarded", "for=6.6.6.6;proto=https"),
]
ONE_HOP = {"cidrs": [], "hops": 1}
TWO_HOPS = {"cidrs": [], "hops": 2}
LOOPBACK = {"cidrs": ["127.0.0.0/8", "10.0.0.0/8"], "hops": None}
ELSEWHERE = {"cidrs": ["192.0.2.0/24"], "hops": None}
NOTHING: dict[str, Any] = {"cidrs": [], "hops": None}

CASES: dict[str, tuple[dict[str, Any], Headers, str, bool]] = {
    # name: (trustedProxies, headers of the request, the client the application must see, whether it is secure)
    "nothing is trusted": (NOTHING, SPOOFED, "127.0.0.1", False),
    "the peer is not one of the proxies": (ELSEWHERE, SPOOFED, "127.0.0.1", False),
    "one proxy that replaces": (
        ONE_HOP,
        [("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-Proto", "https")],
        "203.0.113.7",
        True,
    ),
    "one proxy that appends to a forged entry": (
        ONE_HOP,
        [("X-Forwarded-For", "6.6.6.6, 203.0.113.7"), ("X-Forwarded-Proto", "http")],
        "203.0.113.7",
        False,
    ),
    "a forged line before the proxy's": (
        ONE_HOP,
        [("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-Proto", "wss")],
        "203.0.113.7",
        True,
    ),
    "fewer entries than proxies": (
        TWO_HOPS,
        [("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-Proto", "https")],
        "127.0.0.1",
        False,
    ),
    "junk from the proxy": (ONE_HOP, [("X-Forwarded-For", "203.0.113.7, unknown")], "127.0.0.1", False),
    "a chain of trusted networks": (
        LOOPBACK,
        [("X-Forwarded-For", "6.6.6.6, 203.0.113.7, 10.1.2.3"), ("X-Forwarded-Proto", "https")],
        "203.0.113.7",
        True,
    ),
    "IPv6 with a port": (
        ONE_HOP,
        [("X-Forwarded-For", "[2001:db8::7]:4711"), ("X-Forwarded-Proto", "https")],
        "2001:db8::7",
        True,
    ),
}


def group_by_policy(cases: Iterable[str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name in cases:
        groups.setdefault(json.dumps(CASES[name][0]), []).append(name)
    return groups


@pytest.mark.parametrize(
    ("server", "policy"),
    [
        ("uvicorn", json.dumps(ONE_HOP)),
        ("daphne", json.dumps(ONE_HOP)),
        ("uvicorn", json.dumps(NOTHING)),
        ("daphne", json.dumps(NOTHING)),
        ("uvicorn-2", json.dumps(LOOPBACK)),
        ("daphne", json.dumps(TWO_HOPS)),
        ("uvicorn", json.dumps(ELSEWHERE)),
        ("hypercorn", json.dumps(LOOPBACK)),
        ("granian", json.dumps(LOOPBACK)),
        ("gunicorn-uvicorn", json.dumps(LOOPBACK)),
        ("gunicorn-uvicorn", json.dumps(NOTHING)),
        ("gunicorn", json.dumps(NOTHING)),
        ("gunicorn", json.dumps(ONE_HOP)),
        ("gunicorn", json.dumps(LOOPBACK)),
    ],
)
async def test_the_application_sees_the_true_client(
    make_pod: Callable[..., Pod], server: str, policy: str
) -> None:
    pod = make_pod(server, settings={"trustedProxies": json.loads(policy)})
    pod.start()
    for name in group_by_policy(CASES)[policy]:
        _, headers, client, secure = CASES[name]
        over_http = await ask_http(pod, headers)
        # under WSGI there are no WebSockets
        over_socket = over_http if pod.server.name == "Gunicorn" else await ask_socket(pod, headers)
        assert over_http["client"] == over_http["remote"] == over_socket["client"] == client, name
        assert over_http["secure"] is secure, name
        assert over_http["scheme"] == ("https" if secure else "http"), name
        assert over_socket["scheme"] in (("wss", "https") if secure else ("ws", "http", None)), name
        for seen in (over_http["headers"], over_socket["headers"]):
            if client == "127.0.0.1":
                assert seen == {}, name
            else:
                assert seen["x-forwarded-for"] == [client], name
                assert seen["x-real-ip"] == [client], name
                assert seen["x-forwarded-proto"] == ["https" if secure else "http"], name
            assert "forwarded" not in seen


async def ask_http(pod: Pod, headers: Headers) -> dict[str, Any]:
    async with aiohttp.ClientSession(pod.url) as http, http.get("/origin/", headers=headers) as answer:
        assert answer.status == 200
        described: dict[str, Any] = await answer.json()
        return described


async def ask_socket(pod: Pod, headers: Headers) -> dict[str, Any]:
    async with await open_socket(pod, headers=headers) as websocket:
        await websocket.send('{"ask": "origin"}')
        described: dict[str, Any] = json.loads(await websocket.recv())
        return described
