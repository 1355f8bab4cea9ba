from __future__ import annotations

from typing import Any

import pytest

from realtimeapp_runtime.forwarded import TrustedProxies, came_through_proxy, parse_address

Headers = list[tuple[bytes, bytes]]


def build_scope(headers: Headers, *, client: tuple[str, int] | None, kind: str) -> dict[str, Any]:
    return {
        "type": kind,
        "client": client,
        "scheme": "ws" if kind == "websocket" else "http",
        "headers": headers,
    }


def rewrite(
    headers: Headers,
    *,
    hops: int | None = None,
    cidrs: tuple[str, ...] = (),
    client: tuple[str, int] | None = ("10.0.0.9", 5000),
    kind: str = "http",
) -> dict[str, Any]:
    described = build_scope(headers, client=client, kind=kind)
    TrustedProxies.from_config(hops=hops, cidrs=cidrs).rewrite(described)
    return described


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("203.0.113.7", "203.0.113.7"),
        (" 203.0.113.7:8080 ", "203.0.113.7"),
        ("2001:DB8::7", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ('"[2001:db8::7]:443"', "2001:db8::7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", None),
        ("unknown", None),
        ("_hidden", None),
        ("", None),
        ("1.2.3", None),
        ("1.2.3.4\xff", None),
        ("1" * 5000, None),
    ],
)
def test_one_entry(text: str, expected: str | None) -> None:
    address = parse_address(text.encode("latin-1"))
    assert (None if address is None else str(address)) == expected


def test_nothing_trusted_leaves_the_socket_s_truth_and_no_header() -> None:
    scope = rewrite(
        [
            (b"host", b"shop.example.com"),
            (b"X-Forwarded-For", b"6.6.6.6"),
            (b"x-forwarded-prefix", b"/admin"),
            (b"X_Forwarded_Proto", b"https"),
            (b"forwarded", b"for=6.6.6.6"),
            (b"x-real-ip", b"6.6.6.6"),
        ]
    )
    assert scope["headers"] == [(b"host", b"shop.example.com")]
    assert (scope["client"], scope["scheme"]) == (("10.0.0.9", 5000), "http")


def test_a_scope_without_claims_is_left_as_it_is() -> None:
    headers: Headers = [(b"host", b"shop.example.com")]
    assert rewrite(headers, hops=1)["headers"] is headers


@pytest.mark.parametrize(
    ("hops", "chain", "client"),
    [
        (1, b"6.6.6.6, 203.0.113.7", "203.0.113.7"),
        (2, b"6.6.6.6, 203.0.113.7, 10.0.0.1", "203.0.113.7"),
        (3, b"203.0.113.7,10.0.0.2,10.0.0.1", "203.0.113.7"),
        (3, b"203.0.113.7, 10.0.0.1", "10.0.0.9"),
        (1, b"203.0.113.7,", "10.0.0.9"),
        (1, b"", "10.0.0.9"),
        (2, b"junk, 10.0.0.1", "10.0.0.9"),
    ],
)
def test_hops_count_from_the_right(hops: int, chain: bytes, client: str) -> None:
    scope = rewrite([(b"x-forwarded-for", chain)], hops=hops)
    assert scope["client"][0] == client
    claims = dict(scope["headers"])
    assert claims.get(b"x-forwarded-for") == (None if client == "10.0.0.9" else client.encode())


def test_several_lines_of_a_header_are_one_chain() -> None:
    lines: Headers = [
        (b"x-forwarded-for", b"6.6.6.6"),
        (b"x-forwarded-for", b"203.0.113.7"),
        (b"x-forwarded-for", b"10.0.0.1"),
    ]
    scope = rewrite(lines, hops=2)
    assert scope["client"] == ("203.0.113.7", 0)
    assert [value for name, value in scope["headers"] if name == b"x-forwarded-for"] == [b"203.0.113.7"]


@pytest.mark.parametrize(
    ("peer", "chain", "client"),
    [
        ("10.0.0.9", b"6.6.6.6, 203.0.113.7, 10.0.0.1", "203.0.113.7"),
        ("::ffff:10.0.0.9", b"203.0.113.7", "203.0.113.7"),
        ("10.0.0.9", b"10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.9", b"203.0.113.7, unknown, 10.0.0.1", "10.0.0.1"),
        ("fd00::9", b"2001:db8::7, fd00::1", "2001:db8::7"),
        ("192.0.2.1", b"203.0.113.7", "192.0.2.1"),
        ("10.0.0.9", b",".join([b"10.0.0.1"] * 20000), "10.0.0.1"),
    ],
)
def test_networks_are_walked_from_the_right(peer: str, chain: bytes, client: str) -> None:
    scope = rewrite([(b"x-forwarded-for", chain)], cidrs=("10.0.0.0/8", "fd00::/8"), client=(peer, 5000))
    assert scope["client"][0] == client


def test_a_unix_socket_has_no_peer_to_trust() -> None:
    assert rewrite([(b"x-forwarded-for", b"6.6.6.6")], cidrs=("0.0.0.0/0",), client=None)["client"] is None


@pytest.mark.parametrize(
    ("kind", "sent", "scheme", "header"),
    [
        ("http", b"https", "https", b"https"),
        ("http", b"HTTP", "http", b"http"),
        ("websocket", b"wss", "wss", b"https"),
        ("websocket", b"ws", "ws", b"http"),
        ("websocket", b"https", "wss", b"https"),
        ("http", b"gopher", "http", None),
    ],
)
def test_the_scheme_follows_the_trusted_proxy(
    kind: str, sent: bytes, scheme: str, header: bytes | None
) -> None:
    scope = rewrite([(b"x-forwarded-for", b"203.0.113.7"), (b"x-forwarded-proto", sent)], hops=1, kind=kind)
    assert scope["scheme"] == scheme
    assert dict(scope["headers"]).get(b"x-forwarded-proto") == header


def test_the_scheme_of_the_outermost_trusted_proxy_counts() -> None:
    headers: Headers = [
        (b"x-forwarded-for", b"203.0.113.7, 10.0.0.1"),
        (b"x-forwarded-proto", b"https, http"),
    ]
    assert rewrite(headers, hops=2)["scheme"] == "https"
    headers[1] = (b"x-forwarded-proto", b"http, https, http")
    assert rewrite(headers, hops=2)["scheme"] == "https", "what stands left of it was sent by the client"


def test_trusted_details_stay_but_never_another_client() -> None:
    scope = rewrite(
        [
            (b"x-forwarded-for", b"203.0.113.7"),
            (b"x-forwarded-host", b"shop.example.com"),
            (b"x_forwarded_host", b"evil.example.com"),
            (b"x-real-ip", b"6.6.6.6"),
            (b"forwarded", b"for=6.6.6.6"),
        ],
        hops=1,
    )
    assert sorted(scope["headers"]) == [
        (b"x-forwarded-for", b"203.0.113.7"),
        (b"x-forwarded-host", b"shop.example.com"),
        (b"x-real-ip", b"203.0.113.7"),
    ]


def test_a_network_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="999"):
        TrustedProxies.from_config(hops=None, cidrs=("10.0.0.999/8",))


@pytest.mark.parametrize("name", [b"X-Forwarded-Anything", b"forwarded", b"X_REAL_IP"])
def test_any_forwarding_header_means_a_proxy(name: bytes) -> None:
    assert came_through_proxy([(b"host", b"x"), (name, b"1")])
    assert not came_through_proxy([(b"host", b"x"), (b"x-request-id", b"1")])
