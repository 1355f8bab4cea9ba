"""What the kubelet and Prometheus ask, on every replica: /healthz, /readyz, /metrics.

/healthz fails when the event loop no longer turns or a part of the process has died unseen: a restart helps. /readyz
fails while a leader's caches are not filled yet; a standby is ready as soon as it runs.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, Never, Self

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from realtimeapp_operator.listening import describe_address, open_socket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from realtimeapp_operator.telemetry.metrics import Metrics

logger = logging.getLogger(__name__)

BEAT_SECONDS: Final = 1.0
STALL_SECONDS: Final = 10.0
"""An event loop that has not turned for so long is not merely busy: the longest piece of work takes milliseconds."""


class Health:
    """Serves on `host:port`; an async context manager.

    A check returns None when all is well, else a sentence. `alive` checks are for /healthz, `ready` ones for /readyz.
    `routes` are served beside these.
    """

    def __init__(
        self, *, host: str, port: int, metrics: Metrics, routes: Iterable[web.RouteDef] = ()
    ) -> None:
        self._host = host
        self._port = port
        self._metrics = metrics
        self._routes = tuple(routes)
        self._alive: dict[str, Callable[[], str | None]] = {"event-loop": self._check_beat}
        self._ready: dict[str, Callable[[], str | None]] = {}
        self._beat = 0.0
        self._heart: asyncio.Task[Never] | None = None
        self._runner: web.AppRunner | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where it really listens (port 0 asks for any)."""
        if self._runner is None:
            raise RuntimeError("not serving")
        host, port = self._runner.addresses[0][:2]
        return str(host), int(port)

    def add_alive(self, name: str, check: Callable[[], str | None]) -> None:
        """Let /healthz depend on `check`."""
        self._alive[name] = check

    def add_ready(self, name: str, check: Callable[[], str | None]) -> None:
        """Let /readyz depend on `check`."""
        self._ready[name] = check

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._beat = loop.time()
        self._heart = asyncio.create_task(self._pulse(), name="heartbeat")
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._expose)
        app.router.add_routes(self._routes)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.SockSite(self._runner, open_socket(self._host, self._port)).start()
        logger.info("serving /healthz, /readyz and /metrics on %s", describe_address(*self.address))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._heart is not None:
            self._heart.cancel()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _pulse(self) -> Never:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + BEAT_SECONDS
            await asyncio.sleep(BEAT_SECONDS)
            self._beat = loop.time()
            self._metrics.observe_lag(max(0.0, self._beat - due))

    def _check_beat(self) -> str | None:
        silent = asyncio.get_running_loop().time() - self._beat
        return f"no heartbeat for {silent:.0f} s" if silent > STALL_SECONDS else None

    async def _healthz(self, _request: web.Request) -> web.Response:
        return _close(_report(self._alive))

    async def _readyz(self, _request: web.Request) -> web.Response:
        return _close(_report(self._ready))

    async def _expose(self, _request: web.Request) -> web.Response:
        return _close(
            web.Response(body=self._metrics.expose(), headers={"Content-Type": CONTENT_TYPE_LATEST})
        )


def _report(checks: dict[str, Callable[[], str | None]]) -> web.Response:
    """One line per check; 503 when any fails."""
    answers = {name: check() for name, check in checks.items()}
    lines = [f"[{'-' if answer else '+'}] {name}: {answer or 'ok'}" for name, answer in answers.items()]
    failed = any(answers.values())
    return web.Response(text="\n".join(lines or ["ok"]) + "\n", status=503 if failed else 200)


def _close(response: web.Response) -> web.Response:
    """End the connection with the answer: an idle one is a task that would hold up the end of the process."""
    response.force_close()
    return response
