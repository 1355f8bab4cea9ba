"""Serves the metrics API over TLS to the aggregation layer; a thin shell around `answers`.

A request without the front proxy's certificate is told 401 and nothing else. Whether the person behind the front proxy
may read a metric was decided there by RBAC, before the request came here; headers that name that person are not read.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Never, Self

import orjson
from aiohttp import web

from realtimeapp_operator.listening import describe_address, open_socket
from realtimeapp_operator.metricsapi.answers import Answer, answer_metrics_api, answer_plain, refuse
from realtimeapp_operator.metricsapi.handshakes import (
    AuthorityError,
    CertificateError,
    Handshakes,
    read_certificate,
)

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from realtimeapp_operator.metricsapi.answers import Counts
    from realtimeapp_operator.metricsapi.front_proxy import Trust

logger = logging.getLogger(__name__)

RELOAD_SECONDS: Final = 10.0
"""Between two looks at the certificate's files; the kubelet takes about a minute to bring a new one anyway."""


class MetricsServer:
    """Serves on `host:port` with the certificate in `folder`; an async context manager.

    A certificate that cannot be used ends nothing: connections are refused, or go on with the one before, until the
    files are mended.
    """

    def __init__(self, *, host: str, port: int, folder: Path, counts: Counts) -> None:
        self._host = host
        self._port = port
        self._folder = folder
        self._counts = counts
        self._handshakes = Handshakes()
        self._read = b""
        self._problem: str | None = None
        self._runner: web.AppRunner | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where it really listens (port 0 asks for any)."""
        if self._runner is None:
            raise RuntimeError("not serving")
        host, port = self._runner.addresses[0][:2]
        return str(host), int(port)

    @property
    def certificate_problem(self) -> str | None:
        """What is wrong with the certificate's files, in a sentence; None when they are in use."""
        return self._problem

    def use(self, trust: Trust | None) -> None:
        """Take in whom to answer from now on, and nobody else; connections of whom was trusted before are closed."""
        if self._handshakes.trust == trust:
            return
        try:
            self._handshakes.take_clients_of(trust)
        except AuthorityError as error:
            logger.warning("the front proxy's authority cannot be read, the one before stays: %s", error)
            return
        if self._runner is not None and self._runner.server is not None:
            for connection in self._runner.server.connections:
                connection.force_close()
        if trust is not None:
            logger.info("answering the aggregation layer as %s", ", ".join(sorted(trust.names)) or "any name")

    async def __aenter__(self) -> Self:
        self.look_at_certificate()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        listening = open_socket(self._host, self._port)
        await web.SockSite(self._runner, listening, ssl_context=self._handshakes.entry).start()
        logger.info("serving external metrics on %s", describe_address(*self.address))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def watch_certificate(self) -> Never:
        """Look at the certificate's files again and again."""
        while True:
            await asyncio.sleep(RELOAD_SECONDS)
            self.look_at_certificate()

    def look_at_certificate(self) -> None:
        """Take a new certificate into use; say once what is wrong with one that cannot be used, and once that it is over."""
        try:
            pem = read_certificate(self._folder)
            if pem != self._read:
                self._handshakes.serve_with(pem)
        except CertificateError as error:
            self._tell(str(error))
            return
        if pem != self._read or self._problem is not None:
            logger.info("external metrics are served with the certificate in %s", self._folder)
        self._read, self._problem = pem, None

    def _tell(self, problem: str) -> None:
        if problem == self._problem:
            return
        self._problem = problem
        logger.error(
            "the serving certificate of the external metrics API cannot be used: %s. %s. Mend the Secret these files"
            " come from; no restart is needed",
            problem,
            "The one before stays in use"
            if self._handshakes.serving
            else "Autoscalers get no figures until it can",
        )

    async def _handle(self, request: web.Request) -> web.Response:
        connection = request.get_extra_info("ssl_object")
        if not isinstance(connection, ssl.SSLObject) or not self._handshakes.admits(
            connection, request.get_extra_info("peercert")
        ):
            response = respond(
                refuse(
                    HTTPStatus.UNAUTHORIZED,
                    "only the API server's aggregation layer is answered: ask with"
                    " `kubectl get --raw`, or let a HorizontalPodAutoscaler ask",
                )
            )
            # Who connected while the trust was replaced must be able to begin again.
            response.force_close()
            return response
        return respond(
            answer_metrics_api(
                method=request.method,
                path=request.path,
                selector=request.query.get("labelSelector"),
                counts=self._counts,
            )
        )


def plain_route(counts: Counts) -> web.RouteDef:
    """Return the route of the plain number, for the server of /metrics."""

    async def handle(request: web.Request) -> web.Response:
        response = respond(answer_plain(path=request.path, counts=counts))
        response.force_close()
        return response

    return web.get("/apps/{namespace}/{name}/connections", handle)


def respond(answer: Answer) -> web.Response:
    """Return the answer as JSON."""
    return web.Response(status=answer.status, body=orjson.dumps(answer.body), content_type="application/json")
