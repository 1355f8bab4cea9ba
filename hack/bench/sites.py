"""The applications that are weighed, and a client of each that connects, does one thing and then rests."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from websockets.asyncio.client import ClientConnection, connect

from hack.bench.serving import HOST

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROOT: Final = Path(__file__).resolve().parents[2]
AT_ONCE: Final = 8
"""Connections being opened at the same time: enough to keep the server busy, too few to time out."""
_numbers = itertools.count()


@dataclass(frozen=True, kw_only=True)
class Site:
    """An application and how it is used; `target_kib` is the most an idle socket may take on uvicorn.

    One without a `path` has no sockets: its clients ask for a page.
    """

    name: str
    framework: str
    folder: Path
    settings_module: str
    application: str
    servers: tuple[str, ...]
    path: str = ""
    target_kib: float = 0.0


ASGI_SERVERS: Final = ("Uvicorn", "Daphne", "Hypercorn", "Granian", "GunicornUvicorn")
CHANNELS: Final = Site(
    name="Channels",
    framework="Channels",
    folder=ROOT / "hack" / "bench" / "rooms",
    settings_module="rooms.settings",
    application="rooms.asgi:application",
    servers=ASGI_SERVERS,
    path="/ws/room/",
    target_kib=50.0,
)
DJUST: Final = Site(
    name="djust",
    framework="Djust",
    folder=ROOT / "examples" / "djust-counter",
    settings_module="counter.settings",
    application="counter.asgi:application",
    servers=ASGI_SERVERS,
    path="/ws/live/",
    target_kib=110.0,
)
DJANGO: Final = Site(
    name="Django",
    framework="Django",
    folder=ROOT / "hack" / "bench" / "rooms",
    settings_module="rooms.settings",
    application="rooms.wsgi:application",
    servers=("Gunicorn",),
)
SITES: Final = {site.name: site for site in (CHANNELS, DJUST, DJANGO)}


@contextlib.asynccontextmanager
async def hold(site: Site, *, port: int, count: int) -> AsyncIterator[None]:
    """Keep `count` sockets of `site` open, each of which has had one message from the application; or ask for as many pages."""
    opened: list[ClientConnection] = []
    gate = asyncio.Semaphore(AT_ONCE)

    async def open_one() -> None:
        async with gate:
            if site.path:
                opened.append(await _open(site, port))
            else:
                await _ask_page(port, _describe_client(next(_numbers)))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(open_one())
        yield
        closed = sum(connection.close_code is not None for connection in opened)
        assert not closed, (
            f"{closed} of {count} idle sockets were closed by the server while they were weighed"
        )
    finally:
        for connection in opened:
            connection.transport.abort()


async def _open(site: Site, port: int) -> ClientConnection:
    headers = _describe_client(next(_numbers))
    if site is DJUST:
        headers["Cookie"] = await _ask_page(port, headers)
    connection = await connect(
        f"ws://{HOST}{site.path}",
        host="127.0.0.1",
        port=port,
        origin=f"http://{HOST}",  # type: ignore[arg-type]  # a NewType of str
        additional_headers=headers,
        compression=None,
        ping_interval=None,
        open_timeout=30,
        proxy=None,
    )
    hello: dict[str, Any] = {"say": "hello"}
    answer = "said"
    if site is DJUST:
        hello = {"type": "mount", "view": "counter.views.CounterView", "params": {}, "url": "/"}
        answer = '"mount"'
    await connection.send(json.dumps(hello))
    async with asyncio.timeout(30):
        while answer not in str(await connection.recv()):
            pass
    return connection


def _describe_client(number: int) -> dict[str, str]:
    """Return the headers an edge adds for one client of many, each with an address of its own."""
    address = ".".join(map(str, (198, 18 + number // 65_536, number // 256 % 256, number % 256)))
    return {"X-Forwarded-For": address, "X-Forwarded-Proto": "http"}


async def _ask_page(port: int, headers: dict[str, str]) -> str:
    """Ask for the page as a new visitor does; return the Cookie header its WebSocket sends."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/", headers={**headers, "Host": HOST}) as response,
    ):
        await response.read()
        response.raise_for_status()
        return "; ".join(f"{name}={cookie.value}" for name, cookie in response.cookies.items())
