from __future__ import annotations

from typing import Any

import pytest

from realtimeapp_operator import names
from realtimeapp_operator.probe.websocket import SPOKEN
from realtimeapp_runtime.edge_probe import CLOSE_CODES, HEADER, REVISION_HEADER, EdgeProbe, is_ours

HOSTS = ("chat.example.com", ".example.org")
ORIGINS = ("https://partner.example.net",)


def build_scope(*, path: str = "/ws/", asks: bytes | None = b"edge") -> dict[str, Any]:
    headers = [(b"host", b"chat.example.com")]
    return {"path": path, "headers": headers if asks is None else [*headers, (HEADER, asks)]}


def judge(*, host: bytes, origin: bytes | None, hosts: tuple[str, ...] = HOSTS) -> int | None:
    probe = EdgeProbe(paths=("/ws/",), hosts=hosts, origins=ORIGINS)
    headers = [(b"host", host)]
    if origin is not None:
        headers.append((b"origin", origin))
    refusal = probe.find_refusal(headers)
    return None if refusal is None else refusal.status


@pytest.mark.parametrize(
    ("scope", "taken"),
    [
        (build_scope(), True),
        (build_scope(path="/ws/room/"), False),
        (build_scope(asks=b"application"), False),
        (build_scope(asks=None), False),
    ],
)
def test_only_a_handshake_that_asks_for_it_on_exactly_a_path_of_the_edge_is_answered(
    scope: dict[str, Any],
    taken: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    assert EdgeProbe(paths=("/ws/",), hosts=(), origins=()).takes(scope) is taken


def test_without_a_path_of_the_edge_nothing_is_answered() -> None:
    assert not EdgeProbe(paths=(), hosts=(), origins=()).takes(build_scope())


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        (b"chat.example.com", b"https://chat.example.com", None),
        (b"Chat.Example.COM:8443", b"https://CHAT.example.com:8443", None),
        (b"chat.example.com.", b"https://chat.example.com", None),
        (b"example.org", b"https://deep.example.org", None),
        (b"badexample.org", b"https://example.org", 400),
        (b"chat.example.com.evil.example", b"https://chat.example.com", 400),
        (b"", b"https://chat.example.com", 400),
        (b"chat.example.com", b"https://evil.example", 403),
        (b"chat.example.com", b"https://partner.example.net", None),
        (b"chat.example.com", b"http://partner.example.net", 403),
        (b"chat.example.com", b"null", 403),
        (b"chat.example.com", b"https://[", 403),
        (b"chat.example.com", None, 403),
        (b"[::1]:80", b"https://chat.example.com", 400),
    ],
)
def test_host_and_origin_are_judged_as_django_and_channels_would(
    host: bytes, origin: bytes | None, status: int | None
) -> None:
    assert judge(host=host, origin=origin) == status


def test_settings_that_name_no_host_have_no_opinion() -> None:
    assert judge(host=b"10.0.0.7:8000", origin=b"http://anywhere.example", hosts=()) is None
    assert judge(host=b"10.0.0.7:8000", origin=b"http://anywhere.example", hosts=("*",)) is None


async def test_what_is_let_in_is_closed_at_once() -> None:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await EdgeProbe(paths=("/ws/",), hosts=(), origins=(), revision="r7").answer(
        build_scope(), receive, send, None
    )
    assert sent == [
        {"type": "websocket.accept", "headers": [(b"x-realtimeapp-revision", b"r7")]},
        {"type": "websocket.close", "code": 1000, "reason": ""},
    ]


def test_the_operator_and_the_runtime_speak_of_the_same_things() -> None:
    assert names.PROBE_HEADER.lower().encode() == HEADER
    assert names.REVISION_HEADER.lower().encode() == REVISION_HEADER
    assert {code: int(status) for code, status in SPOKEN.items()} == {
        code: status for status, code in CLOSE_CODES.items()
    }
    assert is_ours(build_scope(asks=b"application"))
    assert not is_ours(build_scope(asks=None))
