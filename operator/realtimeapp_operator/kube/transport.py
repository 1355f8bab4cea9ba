"""Bytes to and from the API server: one session, a limit on requests in flight, timeouts, errors as types.

Refuses to retry: whether a request is worth repeating is the work queue's decision. Two answers say that nothing was
done and are the exception: 429 with Retry-After, and 401 (the session reads the credentials again, once).
"""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import orjson
from yarl import URL

from realtimeapp_operator import __version__
from realtimeapp_operator.kube.errors import TooManyRequests, Unavailable, error_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from realtimeapp_operator.kube.credentials import Credentials

USER_AGENT: Final = f"realtimeapp-operator/{__version__}"
IN_FLIGHT: Final = 32
"""Requests at once. More only adds latency: the API server's own limit for writes is 200 for all its clients."""
RETRY_AFTER_ATTEMPTS: Final = 4
RETRY_AFTER_MAX_SECONDS: Final = 10.0
SILENCE_SECONDS: Final = 90.0
"""A watch that says nothing for so long is dead: a quiet one gets a bookmark every 60 to 75 s (a minute, jittered by
a quarter, in the API server's watch cache)."""
JSON: Final = "application/json"


class Transport:
    """Sends requests for `path` and returns decoded JSON.

    `count(verb, kind, code)` is called once per answer; code 0 means that none came.
    """

    def __init__(
        self,
        *,
        credentials: Credentials,
        count: Callable[[str, str, int], None] | None = None,
        in_flight: int = IN_FLIGHT,
    ) -> None:
        self._credentials = credentials
        self._count = count or (lambda _verb, _kind, _code: None)
        self._slots = asyncio.Semaphore(in_flight)
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Open the session; requests are possible from now on."""
        self._session = self._credentials.open_session(user_agent=USER_AGENT)

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def request(  # noqa: PLR0913 - the parts of one HTTP request
        self,
        method: str,
        path: str,
        *,
        verb: str,
        kind: str,
        query: dict[str, str] | None = None,
        body: object = None,
        content_type: str = JSON,
        accept: str = JSON,
    ) -> Any:  # noqa: ANN401 - whatever JSON the server sends
        """Send one request and return the decoded answer; raise an ApiError for anything but success."""
        data = None if body is None else encode(body)
        for attempt in range(1, RETRY_AFTER_ATTEMPTS + 1):
            async with self._slots:
                status, answer, retry_after = await self._exchange(
                    method,
                    path,
                    verb=verb,
                    kind=kind,
                    query=query,
                    data=data,
                    content_type=content_type,
                    accept=accept,
                )
            if status < HTTPStatus.BAD_REQUEST:
                return answer
            error = error_of(status, answer)
            if (
                not isinstance(error, TooManyRequests)
                or retry_after is None
                or attempt == RETRY_AFTER_ATTEMPTS
            ):
                raise error
            await asyncio.sleep(retry_after)  # Outside the slot: the wait must not hold up others.
        raise AssertionError  # pragma: no cover - the last attempt returns or raises

    async def _exchange(  # noqa: PLR0913 - see request
        self,
        method: str,
        path: str,
        *,
        verb: str,
        kind: str,
        query: dict[str, str] | None,
        data: bytes | None,
        content_type: str,
        accept: str,
    ) -> tuple[int, Any, float | None]:
        headers = {"Accept": accept}
        if data is not None:
            headers["Content-Type"] = content_type
        code = 0
        try:
            async with self._open_session().request(
                method, self._url(path, query), data=data, headers=headers, allow_redirects=False
            ) as response:
                raw = await response.read()
                code = response.status
                return code, _decode(raw), _retry_after(response.headers.get("Retry-After"))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(
                status=0, reason="Unreachable", message=_sentence(error, method, path)
            ) from error
        finally:
            self._count(verb, kind, code)

    async def stream(self, path: str, *, kind: str, query: dict[str, str]) -> AsyncIterator[dict[str, Any]]:
        """Yield each JSON line of a watch until the server ends it; lines may be of any length.

        Raises Unavailable when the connection breaks or is silent for SILENCE_SECONDS.
        """
        timeout = aiohttp.ClientTimeout(total=None, connect=10, sock_connect=10, sock_read=SILENCE_SECONDS)
        code = 0
        counted = False
        try:
            async with self._open_session().get(
                self._url(path, query), headers={"Accept": JSON}, timeout=timeout, allow_redirects=False
            ) as response:
                code = response.status
                self._count("watch", kind, code)
                counted = True
                if code >= HTTPStatus.BAD_REQUEST:
                    raise error_of(code, _decode(await response.read()))
                async for line in _lines(response.content):
                    yield orjson.loads(line)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if not counted:
                self._count("watch", kind, code)
            raise Unavailable(
                status=0, reason="Unreachable", message=_sentence(error, "watch", path)
            ) from error

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise Unavailable(status=0, reason="Closed", message="the connection to the API server is closed")
        return self._session

    def _url(self, path: str, query: dict[str, str] | None) -> URL:
        url = URL(self._credentials.server + path, encoded=True)
        return url.with_query(query) if query else url


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Split a stream at newlines; joins a long line's pieces once, not piece by piece."""
    pieces: list[bytes] = []
    async for chunk in content.iter_any():
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            if pieces:
                pieces.append(line)
                yield b"".join(pieces)
                pieces.clear()
            elif line:
                yield line
        if rest:
            pieces.append(rest)


_UNSAFE_IN_YAML: Final = re.compile(
    rb"\x7f|\xc2[\x80-\x9f]|\xe2\x80[\xa8\xa9]|\xef\xbb\xbf|\xef\xbf[\xbe\xbf]"
)


def encode(body: object) -> bytes:
    """Return JSON that a YAML parser reads the same way.

    Server-side apply bodies are parsed as YAML, which refuses some control characters and folds NEL, LS and PS as line
    breaks; they are legal inside JSON strings and can come from a user's env value, so they are escaped.
    """
    return _UNSAFE_IN_YAML.sub(lambda match: b"\\u%04x" % ord(match.group().decode()), orjson.dumps(body))


def _decode(raw: bytes) -> Any:  # noqa: ANN401 - whatever JSON the server sends
    if not raw:
        return {}
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw.decode(errors="replace")


def _retry_after(value: str | None) -> float | None:
    """Seconds the server asks to wait, capped; None when it does not ask (a date is not used by Kubernetes)."""
    if value is None or not value.isdecimal():
        return None
    return min(float(value), RETRY_AFTER_MAX_SECONDS)


def _sentence(error: BaseException, method: str, path: str) -> str:
    cause = "no answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
    return f"the API server did not answer {method} {path}: {cause}"
