"""Argument lists of the servers, as the launcher takes them.

Access logs are off with all of them: they would write every WebSocket path with its query string, tokens included.
Proxy headers are left to the runtime with all of them, so that one mechanism serves every server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, assert_never

from realtimeapp_operator.api import defaults
from realtimeapp_operator.render.pacing import GRACEFUL_SECONDS

if TYPE_CHECKING:
    from realtimeapp_operator.api.app import Spec

ASGI_APPLICATION: Final = "realtimeapp_runtime.asgi:application"
WSGI_APPLICATION: Final = "realtimeapp_runtime.wsgi:application"
EVERYWHERE: Final = "0.0.0.0"  # noqa: S104 - the pod's address; the NetworkPolicy says who reaches it


def server_arguments(spec: Spec) -> tuple[str, ...]:
    """Launcher arguments of the server of the web pods."""
    match defaults.server(spec):
        case "Uvicorn":
            return _uvicorn(spec)
        case "Daphne":
            return _daphne(spec)
        case "Hypercorn":
            return _hypercorn(spec)
        case "Granian":
            return _granian(spec)
        case "GunicornUvicorn":
            return _gunicorn_uvicorn(spec)
        case "Gunicorn":
            return _gunicorn(spec)
        case unknown:
            assert_never(unknown)


def _uvicorn(spec: Spec) -> tuple[str, ...]:
    web = spec.web
    ping = str(web.ping_interval_seconds)
    return (
        *("run", "uvicorn", ASGI_APPLICATION),
        *("--host", EVERYWHERE),
        *("--port", str(web.port)),
        # Written even when it is 1: WEB_CONCURRENCY would be taken otherwise.
        *("--workers", str(defaults.processes(spec))),
        *("--ws-ping-interval", ping),
        *("--ws-ping-timeout", ping),
        *("--ws-per-message-deflate", "true" if web.connections.compression == "Enabled" else "false"),
        # Its default is to wait for ever.
        *("--timeout-graceful-shutdown", str(GRACEFUL_SECONDS)),
        "--no-proxy-headers",
        "--no-server-header",
        "--no-access-log",
        *("--log-level", "warning"),
        *("--lifespan", "auto"),
    )


def _daphne(spec: Spec) -> tuple[str, ...]:
    ping = str(spec.web.ping_interval_seconds)
    return (
        *("run", "daphne"),
        *("-b", EVERYWHERE),
        *("-p", str(spec.web.port)),
        *("--ping-interval", ping),
        *("--ping-timeout", ping),
        # Never: its default ends every socket after a day.
        *("--websocket_timeout", "-1"),
        *("--application-close-timeout", str(GRACEFUL_SECONDS)),
        "--no-server-name",
        *("-v", "0"),
        ASGI_APPLICATION,
    )


def _hypercorn(spec: Spec) -> tuple[str, ...]:
    return (
        *("run", "hypercorn"),
        *("--bind", f"{EVERYWHERE}:{spec.web.port}"),
        *("--workers", str(defaults.processes(spec))),
        *("--websocket-ping-interval", str(spec.web.ping_interval_seconds)),
        *("--graceful-timeout", str(GRACEFUL_SECONDS)),
        *("--log-level", "warning"),
        ASGI_APPLICATION,
    )


def _granian(spec: Spec) -> tuple[str, ...]:
    return (
        *("run", "granian"),
        *("--interface", "asgi"),
        *("--host", EVERYWHERE),
        *("--port", str(spec.web.port)),
        *("--workers", str(defaults.processes(spec))),
        *("--workers-kill-timeout", str(GRACEFUL_SECONDS)),
        "--no-access-log",
        *("--log-level", "warning"),
        ASGI_APPLICATION,
    )


def _gunicorn_uvicorn(spec: Spec) -> tuple[str, ...]:
    return (
        *_gunicorn_options(spec),
        *("--worker-class", "uvicorn_worker.UvicornWorker"),
        ASGI_APPLICATION,
    )


def _gunicorn(spec: Spec) -> tuple[str, ...]:
    return (*_gunicorn_options(spec), WSGI_APPLICATION)


def _gunicorn_options(spec: Spec) -> tuple[str, ...]:
    return (
        *("run", "gunicorn"),
        *("--bind", f"{EVERYWHERE}:{spec.web.port}"),
        *("--workers", str(defaults.processes(spec))),
        *("--graceful-timeout", str(GRACEFUL_SECONDS)),
        *("--log-level", "warning"),
    )
