"""Who the client really is, told by the proxies the operator says to trust and by nobody else.

Every server runs with its own proxy handling switched off, so this is the one place. Afterwards scope["client"], scope["scheme"]
and the X-Forwarded-For, X-Forwarded-Proto and X-Real-Ip headers agree with each other, or, where nothing is trusted, the headers
are gone and the scope says what the socket says. The standard `Forwarded` header is always removed, never read.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Address = ipaddress.IPv4Address | ipaddress.IPv6Address
    Network = ipaddress.IPv4Network | ipaddress.IPv6Network
    Header = tuple[bytes, bytes]

MAX_HOPS: Final = 32
"""Entries of X-Forwarded-For looked at, from the right; a longer chain of trusted proxies is nobody's."""
MAX_ENTRY: Final = 64
"""Bytes of one entry: an IPv6 address in brackets with a port has 47."""

_FOR: Final = b"x-forwarded-for"
_PROTO: Final = b"x-forwarded-proto"
_REAL_IP: Final = b"x-real-ip"
_PREFIX: Final = b"x-forwarded-"
_SECURE: Final = {b"https": True, b"wss": True, b"http": False, b"ws": False}


class Origin(NamedTuple):
    """The true client and its position in X-Forwarded-For, 1 being the rightmost entry."""

    address: Address
    position: int


@dataclass(frozen=True)
class TrustedProxies:
    """Either a number of proxies in front, or the networks they are in; neither trusts nothing."""

    hops: int | None = None
    networks: tuple[Network, ...] = ()

    @classmethod
    def from_config(cls, *, hops: int | None, cidrs: Iterable[str]) -> TrustedProxies:
        """Return the policy; raises ValueError for a text that is no network."""
        return cls(
            hops=hops or None, networks=tuple(ipaddress.ip_network(cidr, strict=False) for cidr in cidrs)
        )

    def rewrite(self, scope: dict[str, Any]) -> None:
        """Make `scope` (http or websocket) tell the truth, in place, so that the server's own log has it too."""
        headers: Sequence[Header] = scope["headers"]
        claims = [(name, value) for name, value in headers if is_forwarding(name)]
        if not claims:
            return
        kept = [(name, value) for name, value in headers if not is_forwarding(name)]
        origin = self._find_origin(scope.get("client"), _join(claims, _FOR))
        if origin is not None:
            secure = _find_secure(_join(claims, _PROTO), origin.position)
            _set_scheme(scope, secure=secure)
            scope["client"] = (str(origin.address), 0)
            kept += _restate(claims, origin.address, secure=secure)
        scope["headers"] = kept

    def _find_origin(self, client: Sequence[Any] | None, chain: bytes) -> Origin | None:
        if self.hops is not None:
            return _count_hops(chain, self.hops)
        peer = parse_address(str(client[0]).encode()) if client else None
        if peer is None or not self._trusts(peer):
            return None
        origin = Origin(peer, 1)
        for position, entry in enumerate(_split_from_right(chain, MAX_HOPS), start=1):
            address = parse_address(entry)
            if address is None:
                break  # what a trusted proxy could not read: that proxy is the last one known
            origin = Origin(address, position)
            if not self._trusts(address):
                break
        return origin

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self.networks)


def came_through_proxy(headers: Iterable[Header]) -> bool:
    """Tell whether any forwarding header is present."""
    return any(is_forwarding(name) for name, _ in headers)


def is_forwarding(name: bytes) -> bool:
    """Tell whether `name` claims something about the client; underscores count as dashes, as Django maps both alike."""
    name = name.lower().replace(b"_", b"-")
    return name.startswith(_PREFIX) or name in (b"forwarded", _REAL_IP)


def parse_address(entry: bytes) -> Address | None:
    """Return the address in one entry (`1.2.3.4`, `1.2.3.4:56`, `::1`, `[::1]:56`), or None for anything else."""
    if len(entry) > MAX_ENTRY:
        return None
    text = entry.decode("latin-1").strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    if "%" in text:
        return None
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _count_hops(chain: bytes, hops: int) -> Origin | None:
    entries = _split_from_right(chain, hops)
    if len(entries) < hops:
        return None  # it did not pass all the proxies: somebody came by another way
    address = parse_address(entries[hops - 1])
    return None if address is None else Origin(address, hops)


def _find_secure(protocols: bytes, position: int) -> bool | None:
    entries = _split_from_right(protocols, position)
    return _SECURE.get(entries[-1].strip().lower()) if entries else None


def _set_scheme(scope: dict[str, Any], *, secure: bool | None) -> None:
    if secure is not None:
        plain = "ws" if scope["type"] == "websocket" else "http"
        scope["scheme"] = f"{plain}s" if secure else plain


def _restate(claims: list[Header], address: Address, *, secure: bool | None) -> list[Header]:
    """Return the trusted claims as the application may read them: one client, one scheme, the rest as sent."""
    text = str(address).encode()
    restated = [(_FOR, text), (_REAL_IP, text)]
    if secure is not None:
        restated.append((_PROTO, b"https" if secure else b"http"))
    done = (_FOR, _PROTO, _REAL_IP, b"forwarded")
    return restated + [
        (name, value) for name, value in claims if b"_" not in name and name.lower() not in done
    ]


def _join(claims: list[Header], wanted: bytes) -> bytes:
    """Return all lines of one header as one; spellings with underscores are nobody's proxy."""
    return b",".join(value for name, value in claims if name.lower() == wanted)


def _split_from_right(chain: bytes, limit: int) -> list[bytes]:
    """Return at most `limit` entries, the rightmost first."""
    if not chain.strip():
        return []
    parts = chain.rsplit(b",", limit)
    if len(parts) > limit:
        parts = parts[1:]
    return parts[::-1]
