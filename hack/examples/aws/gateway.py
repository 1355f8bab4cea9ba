"""Calls an application as the integrations of an AWS WebSocket API do: the same requests, the same headers.

It holds no WebSockets either. What a client would send over one is given to `message`, what the gateway would make of
the answer is the status that is returned.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self
from urllib.parse import urlencode

import aiohttp

if TYPE_CHECKING:
    from hack.examples.driver import Target

API_ID = "a1b2c3d4e5"
STAGE = "production"
TIMEOUT = aiohttp.ClientTimeout(total=29)
"""API Gateway's own longest wait for an integration."""
_USUALLY_SENT = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
"""Headers aiohttp would add; the gateway sends its own."""
BROWSER = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)


@dataclass(kw_only=True)
class Gateway:
    """One API; `address` is the loopback address its requests come from, which stands for the user's."""

    target: Target
    secret: str
    address: str
    api_id: str = API_ID
    _session: aiohttp.ClientSession | None = field(default=None, init=False)

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(local_addr=(self.address, 0), force_close=True),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=_USUALLY_SENT,
            timeout=TIMEOUT,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def connect(self, connection: str, *, cookies: str, **query: str) -> int:
        """$connect: a browser asks for a WebSocket; `query` is what stood behind the `?`."""
        headers = {
            "Cookie": cookies,
            "Origin": f"http://{self.target.host}",
            "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
            "Sec-WebSocket-Key": base64.b64encode(secrets.token_bytes(16)).decode(),
            "Sec-WebSocket-Version": "13",
            "User-Agent": BROWSER,
            "Accept-Language": "en",
            "Cache-Control": "no-cache",
            "Pragma": "no-cache",
        }
        return await self._call(f"connect?{urlencode(query)}", connection, headers=headers)

    async def message(self, connection: str, message: dict[str, object]) -> int:
        """$default: a frame came in."""
        return await self._call("default", connection, body=json.dumps(message))

    async def disconnect(self, connection: str) -> int:
        """$disconnect: the WebSocket is closed."""
        return await self._call("disconnect", connection)

    async def _call(
        self, path: str, connection: str, *, headers: dict[str, str] | None = None, body: str = ""
    ) -> int:
        assert self._session is not None, "use it as a context"
        async with self._session.post(
            f"{self.target.url}/socket/{path}",
            headers={**self._build_headers(connection), **(headers or {})},
            data=body.encode(),
        ) as response:
            await response.read()
            return response.status

    def _build_headers(self, connection: str) -> dict[str, str]:
        trace = f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)}"
        return {
            "Host": self.target.host,
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "Content-Type": "application/json; charset=UTF-8",
            "User-Agent": f"AmazonAPIGateway_{self.api_id}",
            "X-Amzn-Apigateway-Api-Id": self.api_id,
            "X-Amzn-Trace-Id": trace,
            "X-Forwarded-For": self.address,
            "X-Forwarded-Port": "443",
            "X-Forwarded-Proto": "https",
            # two the package has API Gateway add
            "connectionId": connection,
            "X-Ws-Gateway-Secret": self.secret,
        }


def make_connection_id() -> str:
    """An id as AWS makes them: twelve characters of base64 and an equals sign."""
    return f"{secrets.token_urlsafe(9)[:12]}=".replace("-", "a")
