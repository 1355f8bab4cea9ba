"""Opens the sockets that the process is asked on: at one address, or at every address of both families.

A pod has addresses of version 4, of version 6 or of both, and 0.0.0.0 cannot be reached on a cluster that has only the
latter. asyncio keeps a socket at `::` from version 4, so the socket is opened here.
"""

from __future__ import annotations

import socket
from typing import Final

EVERYWHERE: Final = ("", "::")


def open_socket(host: str, port: int) -> socket.socket:
    """Listen at `host`, all addresses for "" and "::", on `port`, any for 0; raise OSError with the address."""
    if host not in EVERYWHERE:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family)
    if socket.has_dualstack_ipv6():
        return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("0.0.0.0", port))  # noqa: S104 - the kubelet asks from outside the pod


def describe_address(host: str, port: int) -> str:
    """Return `host:port`, an address of version 6 in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
