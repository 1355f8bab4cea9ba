"""Somebody with a browser, as far as HTTP goes: cookies, forms with their CSRF token, and a count of what failed.

The edge is reached by address and told the host by header. Each person has a loopback address of their own, so the
edge and the application see as many people as there are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

import aiohttp
from yarl import URL

from hack.clients.sockets import EDGE, loopback_address

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

SECONDS = 15.0
"""A request that takes longer has failed for whoever waits."""
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(?P<token>[^"]+)"')


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back; status 0 when nothing did, with the reason as text."""

    status: int
    text: str
    location: str = ""


@dataclass(kw_only=True)
class Person:
    """One browser profile at `host`. An async context; requests may run at the same time."""

    host: str
    number: int = 0
    """Which person this is; decides the loopback address."""
    edge: tuple[str, int] = EDGE
    requests: int = 0
    failures: list[str] = field(default_factory=list)
    """Method, path and what came instead of the expected status."""
    _session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        address = loopback_address(self.number)
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True),  # the edge's name is an address
            connector=aiohttp.TCPConnector(local_addr=(address, 0)),
            timeout=aiohttp.ClientTimeout(total=SECONDS),
            headers={"Host": self.host, "Origin": f"http://{self.host}"},
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The open session, for what the methods below do not cover (a stream)."""
        assert self._session is not None, "used outside its context"
        return self._session

    def url(self, path: str) -> URL:
        """Where a path of the application is asked for."""
        return URL(f"http://{self.edge[0]}:{self.edge[1]}{path}", encoded=True)

    def cookies(self) -> dict[str, str]:
        """Cookies by name, the edge's affinity cookie among them."""
        return {name: morsel.value for name, morsel in self._jar().items()}

    def handshake_headers(self) -> dict[str, str]:
        """What a WebSocket handshake of this browser carries."""
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies().items())}

    def forget_all_but(self, *names: str) -> None:
        """Drop the other cookies; without the affinity cookie the edge chooses a pod anew."""
        self.session.cookie_jar.clear(lambda morsel: morsel.key not in names)

    async def get(self, path: str, *, expect: Collection[int] = (HTTPStatus.OK,)) -> Answer:
        """GET without following a redirect; another status than expected is remembered as a failure."""
        return await self._ask("GET", path, expect=expect)

    async def post_json(
        self,
        path: str,
        body: Any,  # noqa: ANN401 - any JSON value
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """POST a JSON body with the CSRF token of the cookie, as a page's script does."""
        token = self.cookies().get("csrftoken", "")
        merged = {"X-CSRFToken": token, **(headers or {})}
        return await self._ask("POST", path, expect=(HTTPStatus.OK,), json=body, headers=merged)

    async def submit(self, path: str, fields: Mapping[str, str]) -> Answer:
        """Open the page of a form and send it filled in; a redirect is what a form answers when it is content."""
        page = await self.get(path)
        found = TOKEN.search(page.text)
        form = {**fields, "csrfmiddlewaretoken": found["token"] if found else ""}
        return await self._ask("POST", path, expect=(HTTPStatus.FOUND,), data=form)

    async def _ask(self, method: str, path: str, *, expect: Collection[int], **options: Any) -> Answer:  # noqa: ANN401 - aiohttp's
        self.requests += 1
        try:
            async with self.session.request(
                method, self.url(path), allow_redirects=False, **options
            ) as response:
                text = await response.text()
                answer = Answer(
                    status=response.status, text=text, location=response.headers.get("Location", "")
                )
        except (aiohttp.ClientError, TimeoutError) as error:
            answer = Answer(status=0, text=f"{type(error).__name__}: {error}")
        if answer.status not in expect:
            self.failures.append(f"{method} {path}: {answer.status or answer.text}")
        return answer

    def _jar(self) -> Any:  # noqa: ANN401 - http.cookies.BaseCookie of morsels
        return self.session.cookie_jar.filter_cookies(self.url("/"))
