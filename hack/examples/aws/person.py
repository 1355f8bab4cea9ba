"""Somebody with an account on the notice board: a browser for the pages, and a WebSocket that API Gateway holds."""

from __future__ import annotations

import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING, Self

import aiohttp

from hack.clients.sockets import loopback_address
from hack.examples.aws.gateway import BROWSER, Gateway, make_connection_id
from hack.examples.driver import ExampleError

if TYPE_CHECKING:
    from hack.examples.driver import Target

CHANNEL = "board"
TIMEOUT = aiohttp.ClientTimeout(total=20)


class Unexpected(ExampleError):
    """An answer that was not the one asked for."""


class LoggedOutError(Unexpected):
    """The login is gone."""


class Person:
    """One account, logged in from sign-up on."""

    def __init__(self, target: Target, *, name: str, number: int, secret: str) -> None:
        self.name = name
        address = loopback_address(number)
        self.gateway = Gateway(target=target, secret=secret, address=address)
        self._target = target
        self._jar = aiohttp.CookieJar(unsafe=True)
        connector = aiohttp.TCPConnector(local_addr=(address, 0), force_close=True)
        self._session = aiohttp.ClientSession(
            cookie_jar=self._jar,
            connector=connector,
            timeout=TIMEOUT,
            headers={"Host": target.host, "User-Agent": BROWSER},
        )

    async def __aenter__(self) -> Self:
        await self.gateway.__aenter__()
        return self

    async def __aexit__(self, *reason: object) -> None:
        await self.gateway.__aexit__(*reason)
        await self._session.close()

    @property
    def cookies(self) -> str:
        """The Cookie header of the browser."""
        return "; ".join(f"{cookie.key}={cookie.value}" for cookie in self._jar)

    async def sign_up(self) -> None:
        """Get an account, as the form of the page does."""
        await self._get("/sign-up/", expected=HTTPStatus.OK)
        password = secrets.token_urlsafe(12)
        form = {"username": self.name, "password1": password, "password2": password}
        async with self._session.post(
            f"{self._target.url}/sign-up/",
            data={**form, "csrfmiddlewaretoken": self._cookie("csrftoken")},
            allow_redirects=False,
        ) as response:
            if response.status != HTTPStatus.FOUND:
                raise Unexpected(f"signing up answered {response.status}")

    async def open_board(self) -> str:
        """Load the page, which is for people who are logged in; its text."""
        return await self._get("/", expected=HTTPStatus.OK)

    async def get_token(self) -> str:
        """Ask for a token, as the page does before each connection."""
        async with self._session.post(
            f"{self._target.url}/token/", headers={"X-CSRFToken": self._cookie("csrftoken")}
        ) as response:
            if response.status != HTTPStatus.OK:
                raise Unexpected(f"asking for a token answered {response.status}")
            return str((await response.json())["token"])

    async def connect(self, connection: str = "") -> str:
        """Open a WebSocket to the board's channel, by default with an id of its own; the id."""
        token = await self.get_token()
        connection = connection or make_connection_id()
        status = await self.gateway.connect(connection, cookies=self.cookies, ws_token=token, channel=CHANNEL)
        if status != HTTPStatus.OK:
            raise Unexpected(f"$connect answered {status}")
        return connection

    async def send(self, connection: str, message: dict[str, object]) -> None:
        """Send a message over the WebSocket; it was accepted when this returns."""
        status = await self.gateway.message(connection, message)
        if status != HTTPStatus.OK:
            raise Unexpected(f"$default answered {status}")

    async def disconnect(self, connection: str) -> None:
        """Close the WebSocket."""
        status = await self.gateway.disconnect(connection)
        if status != HTTPStatus.OK:
            raise Unexpected(f"$disconnect answered {status}")

    async def _get(self, path: str, *, expected: HTTPStatus) -> str:
        async with self._session.get(self._target.url + path, allow_redirects=False) as response:
            text = await response.text()
        if response.status == HTTPStatus.FOUND and "login" in response.headers.get("Location", ""):
            raise LoggedOutError(f"GET {path} led to the login")
        if response.status != expected:
            raise Unexpected(f"GET {path} answered {response.status}")
        return text

    def _cookie(self, name: str) -> str:
        for cookie in self._jar:
            if cookie.key == name:
                return str(cookie.value)
        raise Unexpected(f"the board has not set the cookie {name}")
