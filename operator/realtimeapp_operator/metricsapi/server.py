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

from realtimeapp_operator.metricsapi.answers import Answer, answer_metrics_api, answer_plain, refuse

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from realtimeapp_operator.metricsapi.answers import Counts
    from realtimeapp_operator.metricsapi.front_proxy import Trust

logger = logging.getLogger(__name__)

CERTIFICATE: Final = "tls.crt"
KEY: Final = "tls.key"
RELOAD_SECONDS: Final = 10.0
"""Between two looks at the certificate's files; the kubelet takes about a minute to bring a new one anyway."""


class CertificateError(Exception):
    """The serving certificate cannot be used; the message says which file and why."""


class MetricsServer:
    """Serves on `host:port` with the certificate in `folder`; an async context manager."""

    def __init__(self, *, host: str, port: int, folder: Path, counts: Counts) -> None:
        self._host = host
        self._port = port
        self._folder = folder
        self._counts = counts
        self._trust: Trust | None = None
        self._context = _serving_context()
        self._loaded = ""
        self._runner: web.AppRunner | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where it really listens (port 0 asks for any)."""
        if self._runner is None:
            raise RuntimeError("not serving")
        host, port = self._runner.addresses[0][:2]
        return str(host), int(port)

    def use(self, trust: Trust) -> None:
        """Take in whom to answer from now on."""
        if self._trust == trust:
            return
        try:
            # An authority that is replaced stays trusted until a restart, as every connection of the old one does.
            self._context.load_verify_locations(cadata=trust.authority)
        except ssl.SSLError as error:
            logger.warning("the front proxy's authority cannot be read, the one before stays: %s", error)
            return
        self._trust = trust
        logger.info("answering the aggregation layer as %s", ", ".join(sorted(trust.names)) or "any name")

    async def __aenter__(self) -> Self:
        self._load_certificate()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port, ssl_context=self._context).start()
        logger.info("serving external metrics on %s:%s", *self.address)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def watch_certificate(self) -> Never:
        """Take a new certificate into use when its files change; one that cannot be used is told and waited out."""
        while True:
            await asyncio.sleep(RELOAD_SECONDS)
            try:
                self._load_certificate()
            except CertificateError as error:
                logger.warning("%s; the one before stays in use", error)

    def _load_certificate(self) -> None:
        certificate, key = self._folder / CERTIFICATE, self._folder / KEY
        try:
            found = f"{certificate.read_text()}\0{key.stat().st_mtime_ns}"
            if found == self._loaded:
                return
            self._context.load_cert_chain(certificate, key)
        except (OSError, ValueError, ssl.SSLError) as error:
            raise CertificateError(
                f"cannot use the serving certificate in {self._folder}: {error}"
            ) from error
        self._loaded = found

    async def _handle(self, request: web.Request) -> web.Response:
        if self._trust is None or not self._trust.admits(request.get_extra_info("peercert")):
            return respond(
                refuse(
                    HTTPStatus.UNAUTHORIZED,
                    "only the API server's aggregation layer is answered: ask with"
                    " `kubectl get --raw`, or let a HorizontalPodAutoscaler ask",
                )
            )
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


def _serving_context() -> ssl.SSLContext:
    # The default authorities of the machine may speak for nobody here: only those that `use` adds.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_OPTIONAL
    # A resumed session would not show its certificate to an authority that is no longer trusted.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    return context
