"""One WebSocket handshake through the way the users take, and what came of it.

The connection goes to the address the edge published, the request names the host a browser would: so it is seen
whether the edge really routes, and whether what is behind it lets this host and this origin in. Sends no credentials,
follows no redirect, keeps nothing open, and never raises for what a network does.
"""

from __future__ import annotations

import asyncio
import enum
import os
import ssl
from dataclasses import dataclass, replace
from http import HTTPStatus
from ipaddress import ip_address
from socket import AF_INET, AF_INET6, AI_NUMERICHOST
from typing import TYPE_CHECKING, Final, Literal

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from realtimeapp_operator import __version__, names

if TYPE_CHECKING:
    from collections.abc import Mapping
    from socket import AddressFamily

USER_AGENT: Final = f"realtimeapp-operator/{__version__}"
TIMEOUT_SECONDS: Final = 5.0
"""Name, connection, TLS and answer together; a browser's user has given up by then."""
FAREWELL_SECONDS: Final = 2.0
"""What the other side gets to close, or to answer a close."""
DETAIL_MAX: Final = 160
"""Characters kept of what another program said."""
SPOKEN: Final = {
    4400: HTTPStatus.BAD_REQUEST,
    4403: HTTPStatus.FORBIDDEN,
    4404: HTTPStatus.NOT_FOUND,
    4503: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Close codes of the runtime for a refusal, where its server can answer a handshake with 403 only (daphne)."""


class Finding(enum.StrEnum):
    """How far a handshake came."""

    OPENED = "Opened"
    NAME = "Name"
    """The name has no address."""
    CONNECTION = "Connection"
    """Nobody takes the connection, or says anything on it."""
    TLS = "Tls"
    """No encrypted connection, or a certificate nobody here trusts."""
    HOST = "Host"
    """400: what is behind the edge does not serve this host."""
    ORIGIN = "Origin"
    """403: it lets no page of this origin in."""
    PATH = "Path"
    """404: nothing is at this path, or the edge has no route to it."""
    NO_UPGRADE = "NoUpgrade"
    """An answer that is no WebSocket: a page, a redirect, a request for something else."""
    ENCRYPTED = "Encrypted"
    """A redirect to https: whoever comes over TLS, which ends before what the declaration knows of, is not asked to."""
    EDGE = "Edge"
    """5xx: the edge has nobody to pass it on to, or what is there fails."""
    FULL = "Full"
    """503 with Retry-After, as the runtime says it: the pod has no place, or drains."""


_FINDINGS: Final[Mapping[int, Finding]] = {
    HTTPStatus.BAD_REQUEST: Finding.HOST,
    HTTPStatus.FORBIDDEN: Finding.ORIGIN,
    HTTPStatus.NOT_FOUND: Finding.PATH,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where to knock, and what to say there.

    `address` is an IP address or a name, None for that of `host`; `answerer` is who is to answer: the runtime for the
    way there (`edge`), or the application itself.
    """

    host: str
    path: str
    secure: bool
    answerer: Literal["edge", "application"]
    address: str | None = None
    port: int | None = None
    """None: 443 or 80, as a browser would."""

    @property
    def url(self) -> str:
        """The URL a browser would open."""
        return f"{'wss' if self.secure else 'ws'}://{self.host}{self.path}"

    @property
    def origin(self) -> str:
        """The origin of the page that would open it."""
        return f"{'https' if self.secure else 'http'}://{self.host}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What came of a handshake; `detail` is a clause about it without a full stop, in stable words."""

    finding: Finding
    detail: str = ""
    revision: str = ""
    """`pod-template-hash` of the pod that answered, as the runtime in it says; empty where none does."""


class WebSocketProbe:
    """Opens WebSockets, one connection each; `trust` is whose certificates are believed, by default the system's."""

    def __init__(
        self, *, trust: ssl.SSLContext | None = None, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self._trust = trust or ssl.create_default_context()
        self._timeout = timeout_seconds

    async def open(self, target: Target) -> Verdict:
        """Open the WebSocket, close it with 1000, and say what happened; takes at most the timeout and the farewell."""
        ear = _Ear()
        try:
            async with asyncio.timeout(self._timeout + FAREWELL_SECONDS):
                verdict = await self._open(target, ear)
        except _Refused as refusal:
            verdict = judge(refusal.status, refusal.headers, secure=target.secure)
        except (aiohttp.ClientError, OSError, ValueError) as error:  # OSError has TimeoutError and SSLError
            verdict = self._explain(error, target)
        # Whether pod or edge says 404 is half of the answer; only the runtime in the pods tells a revision.
        by = ", by a web pod" if ear.revision and verdict.detail else ""
        return replace(verdict, detail=f"{verdict.detail}{by}", revision=ear.revision)

    def _explain(self, error: Exception, target: Target) -> Verdict:
        match error:
            case (
                aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError() | ssl.SSLError()
            ):
                return Verdict(finding=Finding.TLS, detail=_describe_tls(error))
            case aiohttp.ClientConnectorDNSError():
                where = target.address or target.host
                return Verdict(finding=Finding.NAME, detail=f"the name {where} has no address")
            case aiohttp.WSServerHandshakeError():
                detail = f"it answers 101, but not as a WebSocket: {_clean(error.message)}"
                return Verdict(finding=Finding.NO_UPGRADE, detail=detail)
            case TimeoutError():
                detail = f"{_place(target)} gives no answer in {self._timeout:g} s"
                return Verdict(finding=Finding.CONNECTION, detail=detail)
            case _:
                return Verdict(finding=Finding.CONNECTION, detail=_describe_connection(error, target))

    async def _open(self, target: Target, ear: _Ear) -> Verdict:
        scheme, port = ("wss", 443) if target.secure else ("ws", 80)
        url = URL.build(scheme=scheme, host=target.host, port=target.port or port, path=target.path)
        connector = aiohttp.TCPConnector(
            resolver=_Resolver(target.address), use_dns_cache=False, force_close=True, ssl=self._trust
        )
        async with (
            aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": USER_AGENT, "Host": target.host},
                middlewares=(ear,),
                timeout=aiohttp.ClientTimeout(total=self._timeout),
            ) as session,
            session.ws_connect(
                url,
                origin=target.origin,
                headers={names.PROBE_HEADER: target.answerer},
                timeout=aiohttp.ClientWSTimeout(ws_close=FAREWELL_SECONDS / 2),
            ) as websocket,
        ):
            return await _take_leave(websocket, patient=target.answerer == "edge")


async def _take_leave(websocket: aiohttp.ClientWebSocketResponse, *, patient: bool) -> Verdict:
    """Close with 1000; what the other side closes with first may still be a refusal."""
    if patient:  # The runtime closes by itself, and with its own code.
        try:
            async with asyncio.timeout(FAREWELL_SECONDS / 2):
                await websocket.receive()
        except TimeoutError:
            pass
    await websocket.close(code=aiohttp.WSCloseCode.OK)
    refusal = SPOKEN.get(websocket.close_code or 0)
    if refusal is None:
        return Verdict(finding=Finding.OPENED)
    headers = {"Retry-After": ""} if refusal is HTTPStatus.SERVICE_UNAVAILABLE else {}
    return judge(refusal, headers, secure=False)


def judge(status: int, headers: Mapping[str, str], *, secure: bool) -> Verdict:
    """Return what an answer other than 101 means to a handshake that was `secure`, or not."""
    said = f"the answer is {status}"
    if status in _FINDINGS:
        return Verdict(finding=_FINDINGS[status], detail=said)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        full = status == HTTPStatus.SERVICE_UNAVAILABLE and "Retry-After" in headers
        return Verdict(finding=Finding.FULL if full else Finding.EDGE, detail=said)
    if "Location" in headers:
        said = f"{said}, a redirect to {_clean(headers['Location'])}"
        if not secure and headers["Location"].startswith("https://"):
            return Verdict(finding=Finding.ENCRYPTED, detail=said)
    return Verdict(finding=Finding.NO_UPGRADE, detail=said)


class _Refused(Exception):
    """The answer to the handshake is not 101."""

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers


class _Ear:
    """Takes the first answer as it is: nothing is followed, read or tried again."""

    def __init__(self) -> None:
        self.revision = ""

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Send the request; raise what is no upgrade."""
        response = await handler(request)
        self.revision = _clean(response.headers.get(names.REVISION_HEADER, ""))
        if response.status != HTTPStatus.SWITCHING_PROTOCOLS:
            response.close()
            raise _Refused(response.status, response.headers)
        return response


class _Resolver(AbstractResolver):
    """Leads every host to one address, so that the URL, the certificate and SNI keep the name people use."""

    def __init__(self, address: str | None) -> None:
        self._address = address
        self._names = aiohttp.ThreadedResolver()

    async def resolve(self, host: str, port: int = 0, family: AddressFamily = AF_INET) -> list[ResolveResult]:
        """Return the address; a name is looked up."""
        where = self._address or host
        try:
            version = ip_address(where).version
        except ValueError:
            return await self._names.resolve(where, port, family)
        return [
            ResolveResult(
                hostname=host,
                host=where,
                port=port,
                family=AF_INET if version == 4 else AF_INET6,  # noqa: PLR2004 - of the Internet Protocol
                proto=0,
                flags=AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        """Release nothing: there is nothing to release."""


def _describe_tls(error: Exception) -> str:
    """Say what is wrong with the certificate, or with the encryption."""
    cause: object = error
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        cause = error.certificate_error
    elif isinstance(error, aiohttp.ClientConnectorSSLError):
        cause = error.os_error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted: {_clean(cause.verify_message).rstrip('.')}"
    reason = getattr(cause, "reason", None) or type(cause).__name__
    return f"no encrypted connection: {_clean(str(reason)).replace('_', ' ').lower()}"


def _describe_connection(error: Exception, target: Target) -> str:
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return f"{_place(target)} closes the connection without an answer"
    if isinstance(error, OSError):
        cause = os.strerror(error.errno).lower() if error.errno else "none of its addresses answers"
        return f"{_place(target)} takes no connection: {cause}"
    return f"{_place(target)} speaks no HTTP"


def _place(target: Target) -> str:
    port = target.port or (443 if target.secure else 80)
    where = target.address or target.host
    return f"[{where}]:{port}" if ":" in where else f"{where}:{port}"


def _clean(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text[:DETAIL_MAX]).strip()
