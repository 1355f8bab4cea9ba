"""Where the process can be reached: each test asks by a real socket."""

from __future__ import annotations

import errno
import socket

import pytest

from realtimeapp_operator.listening import describe_address, open_socket
from tests.support.loopback import FAMILIES, loopback_addresses


def reachable(listening: socket.socket) -> set[str]:
    """The loopback addresses that get through."""
    found = set()
    for address, family in FAMILIES.items():
        with socket.socket(family) as client:
            client.settimeout(5)
            try:
                client.connect((address, listening.getsockname()[1]))
            except OSError:
                continue
            found.add(address)
    return found


@pytest.mark.parametrize("host", ["", "::"])
def test_everywhere_is_reached_by_both_families(host: str) -> None:
    with open_socket(host, 0) as listening:
        assert reachable(listening) == set(loopback_addresses())


@pytest.mark.parametrize("host", loopback_addresses())
def test_one_address_is_that_one_alone(host: str) -> None:
    with open_socket(host, 0) as listening:
        assert reachable(listening) == {host}


def test_a_kernel_without_version_6_serves_version_4(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    with open_socket("", 0) as listening:
        assert reachable(listening) == {"127.0.0.1"}


def test_a_taken_port_is_told_with_its_address() -> None:
    with open_socket("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(OSError, match=rf"127\.0\.0\.1.*{port}") as caught:
            open_socket("127.0.0.1", port)
    assert caught.value.errno == errno.EADDRINUSE


def test_addresses_are_written_as_flags_take_them() -> None:
    assert describe_address("10.0.0.7", 8080) == "10.0.0.7:8080"
    assert describe_address("fd00::7", 8080) == "[fd00::7]:8080"
    assert describe_address("", 8080) == ":8080"
