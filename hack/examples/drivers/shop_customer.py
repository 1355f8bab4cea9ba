"""A customer of the shop: a browser's cookies, orders, and a memory of how often it has been there."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

import aiohttp

from hack.examples.driver import ExampleError

if TYPE_CHECKING:
    from hack.examples.driver import Target

TIMEOUT = aiohttp.ClientTimeout(total=20)
_STYLE_SHEET = re.compile(r'<link rel="stylesheet" href="(/static/[^"]+\.[0-9a-f]{12}\.css)"')
"""A name that carries the hash of the content."""


class Unexpected(ExampleError):
    """An answer that was not the one asked for."""


class Customer:
    """One visitor with cookies of its own and a connection of its own for each request, as through a large edge."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._jar = aiohttp.CookieJar(unsafe=True)
        connector = aiohttp.TCPConnector(force_close=True)
        self._session = aiohttp.ClientSession(cookie_jar=self._jar, connector=connector, timeout=TIMEOUT)
        self.hosts: set[str] = set()
        """Pods that have answered a visit."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def get(self, path: str) -> tuple[str, aiohttp.ClientResponse]:
        """Get a page that must be there; the text and the response."""
        url = self._target.url + path
        async with self._session.get(url, headers=self._headers(), allow_redirects=False) as response:
            text = await response.text()
        if response.status != HTTPStatus.OK:
            raise Unexpected(f"GET {path} answered {response.status}: {text[:200]}")
        return text, response

    async def open_shop(self) -> str:
        """Load the front page with its style sheet; the style sheet's path."""
        text, _ = await self.get("/")
        found = _STYLE_SHEET.search(text)
        if found is None:
            raise Unexpected("the front page names no style sheet with a hash in its name")
        await self.get(found[1])
        return found[1]

    async def visit(self) -> int:
        """Come by; which visit the shop says it is."""
        _, response = await self.get("/visits/")
        answer: dict[str, Any] = await response.json()
        self.hosts.add(answer["hostname"])
        return int(answer["visits"])

    async def order(self, item: str) -> int:
        """Order something; the order's number. The shop has accepted it when this returns."""
        token = self._cookie("csrftoken")
        headers = {**self._headers(), "Accept": "application/json", "X-CSRFToken": token}
        url = f"{self._target.url}/orders/"
        async with self._session.post(url, headers=headers, data={"item": item}) as response:
            text = await response.text()
            if response.status != HTTPStatus.CREATED:
                raise Unexpected(f"POST /orders/ answered {response.status}: {text[:200]}")
            return int((await response.json())["order"])

    async def export(self) -> list[str]:
        """Get all orders; the lines of the CSV."""
        text, _ = await self.get("/export/")
        return text.splitlines()

    def _headers(self) -> dict[str, str]:
        return {"Host": self._target.host}

    def _cookie(self, name: str) -> str:
        for cookie in self._jar:
            if cookie.key == name:
                return str(cookie.value)
        raise Unexpected(f"the shop has not set the cookie {name}")
