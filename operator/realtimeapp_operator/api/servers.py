"""The servers an image may run, and what each of them can do.

One table: the rules refuse what a server cannot do, rendering and documentation read the rest from here.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Compression = Literal["Disabled", "Enabled"]
Server = Literal["Uvicorn", "Daphne", "Hypercorn", "Granian", "GunicornUvicorn", "Gunicorn"]

SERVICE_RESTART: Final = 1012
"""IANA WebSocket close code registry: the server restarts, come back."""
PRIVATE_RESTART: Final = 4012
"""The same in the private range, for a server that cannot send 1012."""
RESTART_CODES: Final = (1001, SERVICE_RESTART)
"""Going away and service restart: what clients take as a reason to come back."""
PRIVATE_CODES: Final = (4000, 4999)
"""Private use (RFC 6455, section 7.4.2): every server with WebSockets can send these."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Abilities:
    """What one server can do."""

    websockets: bool = True
    """ASGI with WebSockets; else WSGI."""
    processes: bool = True
    """More than one process in a pod."""
    compression: tuple[Compression, ...] = ("Disabled", "Enabled")
    """What permessage-deflate may be; the first is the default."""
    pings: bool = True
    """Pings open WebSockets at an interval it is told."""
    restart_codes: bool = True
    """Sends the close codes 1001 and 1012."""


SERVERS: Final[Mapping[Server, Abilities]] = {
    "Uvicorn": Abilities(),
    # Its WebSocket library sends only 1000 and 3000-4999.
    "Daphne": Abilities(processes=False, compression=("Disabled",), restart_codes=False),
    # It compresses whenever the client offers it.
    "Hypercorn": Abilities(compression=("Enabled",)),
    "Granian": Abilities(compression=("Disabled",), pings=False),
    "GunicornUvicorn": Abilities(),
    "Gunicorn": Abilities(websockets=False, compression=("Disabled",), pings=False),
}


def with_ability(ability: str) -> tuple[Server, ...]:
    """Servers that have `ability`, a field of Abilities."""
    return tuple(name for name, abilities in SERVERS.items() if getattr(abilities, ability))


def with_compression(compression: Compression) -> tuple[Server, ...]:
    """Servers whose permessage-deflate may be `compression`."""
    return tuple(name for name, abilities in SERVERS.items() if compression in abilities.compression)


def without_ability(ability: str) -> tuple[Server, ...]:
    """Servers that lack `ability`, a field of Abilities."""
    return tuple(name for name in SERVERS if name not in with_ability(ability))
