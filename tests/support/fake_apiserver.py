"""A scripted HTTP server in the place of an API server: for what a real one cannot be asked to do on command.

Refusals, throttling, broken streams and lost history only; what objects mean is tested against a real API server.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import orjson
from aiohttp import web
from kubernetes.client import Configuration

from realtimeapp_operator.kube.client import ApiClient
from realtimeapp_operator.kube.credentials import Credentials

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from types import TracebackType

    Responder = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass
class FakeApiServer:
    """Answers a request with its path's responder, else with the next of the script; 503 when that has ended."""

    requests: list[Request] = field(default_factory=list)
    counted: list[tuple[str, str, int]] = field(default_factory=list)
    token: str = "first"
    _script: deque[Responder] = field(default_factory=deque)
    _paths: dict[str, Responder] = field(default_factory=dict)
    _runner: web.AppRunner | None = None
    url: str = ""

    def at(self, path: str, responder: Responder) -> Self:
        self._paths[path] = responder
        return self

    def then(self, *responders: Responder) -> Self:
        self._script.extend(responders)
        return self

    def credentials(self) -> Credentials:
        return Credentials(read=self._configuration)

    def client(self) -> ApiClient:
        def count(verb: str, kind: str, code: int) -> None:
            self.counted.append((verb, kind, code))

        return ApiClient(credentials=self.credentials(), count=count)

    def _configuration(self) -> Configuration:
        configuration = Configuration()
        configuration.host = self.url
        configuration.api_key["BearerToken"] = f"Bearer {self.token}"
        return configuration

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(
            Request(
                request.method, request.path, dict(request.query), dict(request.headers), await request.read()
            )
        )
        if request.path in self._paths:
            return await self._paths[request.path](request)
        if not self._script:
            return web.json_response({"kind": "Status", "message": "the script has ended"}, status=503)
        return await self._script.popleft()(request)

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._runner is not None
        await self._runner.cleanup()


def answer(body: object, *, status: int = 200, **headers: str) -> Responder:
    """Return a responder for one JSON answer; header names are given with underscores."""

    async def respond(_request: web.Request) -> web.Response:
        return web.json_response(
            body, status=status, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )

    return respond


def refusal(status: int, reason: str, message: str = "", **headers: str) -> Responder:
    """Return a responder for a Status object."""
    return answer(
        {"kind": "Status", "reason": reason, "message": message, "code": status}, status=status, **headers
    )


def watch(*events: tuple[str, dict[str, Any]], hold: bool = False, cut: bool = False) -> Responder:
    """Return a responder that streams `events`, then ends, or holds the stream open, or cuts it off."""

    async def respond(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        for event, item in events:
            await response.write(orjson.dumps({"type": event, "object": item}) + b"\n")
        if cut:
            assert request.transport is not None
            request.transport.close()
        while hold and request.transport is not None and not request.transport.is_closing():
            await response.write(b"\n")
            await asyncio.sleep(0.05)
        return response

    return respond
