"""The loopback addresses of this machine: containers often have that of version 4 alone."""

from __future__ import annotations

import socket

FAMILIES = {"127.0.0.1": socket.AF_INET, "::1": socket.AF_INET6}


def loopback_addresses() -> list[str]:
    """Return those one can listen on."""
    return [address for address, family in FAMILIES.items() if _listens(address, family)]


def _listens(address: str, family: socket.AddressFamily) -> bool:
    try:
        socket.create_server((address, 0), family=family).close()
    except OSError:
        return False
    return True
