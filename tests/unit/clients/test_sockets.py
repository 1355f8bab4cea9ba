"""The client that stays connected: what it does when the other side goes away, and what it tells of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve

from hack.clients.sockets import LastingSocket
from hack.clients.waiting import eventually_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from websockets.asyncio.client import ClientConnection


async def echo_until_told(connection: ServerConnection) -> None:
    """Answers what it hears; `close` closes with 1012, `vanish` without a frame."""
    async for message in connection:
        if message == "close":
            await connection.close(1012)
        elif message == "vanish":
            connection.transport.abort()
        else:
            await connection.send(message)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A server on a loopback port."""
    async with serve(echo_until_told, "127.0.0.1", 0) as server:
        yield server


def client(server: Server) -> LastingSocket:
    """A client of that server."""
    port: int = next(iter(server.sockets)).getsockname()[1]
    return LastingSocket(host="rooms.localhost", path="/ws/", edge=("127.0.0.1", port))


async def is_open(socket: LastingSocket) -> bool:
    """Whether the client is connected at this moment."""
    return socket.connection is not None


async def test_it_comes_back_after_every_close_and_keeps_the_codes(server: Server) -> None:
    greeted, heard = [], []

    async def greet(connection: ClientConnection) -> None:
        greeted.append(connection.id)

    async def hear(message: str | bytes) -> None:
        heard.append(message)

    socket = client(server)
    socket.opened, socket.received = greet, hear
    async with socket:
        for number, farewell in enumerate(("close", "vanish", ""), start=1):

            async def is_back(number: int = number) -> bool:
                return len(greeted) == number and await is_open(socket)

            await eventually_async(is_back, within=10, what="connected")
            assert await socket.send(farewell or "hello")
        await eventually_async(lambda: is_open(socket), within=10, what="still connected")

        async def has_heard() -> bool:
            return heard == ["hello"]

        await eventually_async(has_heard, within=10, what="answered")
    assert [close.code for close in socket.closes] == [1012, 1006]
    assert len(socket.downtimes) == 2
    assert min(socket.downtimes) >= 0.5


async def test_nothing_is_sent_without_a_connection(server: Server) -> None:
    socket = client(server)
    assert not await socket.send("hello")


async def test_a_client_that_fails_is_told_at_its_end(server: Server) -> None:
    async def refuse(connection: ClientConnection) -> None:
        raise LookupError(f"no such room: {connection.id}")

    socket = client(server)
    socket.opened = refuse

    async def is_broken() -> bool:
        return socket.broken

    await socket.__aenter__()
    await eventually_async(is_broken, within=10, what="broken")
    with pytest.raises(LookupError, match="no such room"):
        await socket.__aexit__()
