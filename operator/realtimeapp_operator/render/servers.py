"""Argument lists of the servers, as the launcher takes them.

Access logs are off with all of them: they would write every WebSocket path with its query string, tokens included.
Proxy headers are left to the runtime with all of them, so that one mechanism serves every server. The number of processes
is always written: WEB_CONCURRENCY would be taken otherwise. Checked with uvicorn 0.54.0, daphne 4.2.3, hypercorn 0.18.0,
granian 2.8.7 and gunicorn 27.0.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, assert_never

from realtimeapp_operator import names
from realtimeapp_operator.api import defaults
from realtimeapp_operator.render.pacing import GRACEFUL_SECONDS

if TYPE_CHECKING:
    from realtimeapp_operator.api.app import Spec

ASGI_APPLICATION: Final = "realtimeapp_runtime.asgi:application"
WSGI_APPLICATION: Final = "realtimeapp_runtime.wsgi:application"
EVERYWHERE: Final = "0.0.0.0"  # noqa: S104 - the pod's address; the NetworkPolicy says who reaches it
UVICORN_WORKER: Final = "realtimeapp_runtime.gunicorn_worker.UvicornWorker"
BACKLOG: Final = 2048
"""Connections that wait to be accepted; what Uvicorn and Gunicorn have by default."""
HYPERCORN_PING_MAX: Final = GRACEFUL_SECONDS - 2
"""Seconds; a shorter interval that the user wants is kept."""
SPARE_CONNECTIONS: Final = 1024
"""Requests beside a full load of sockets."""


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
        *("--workers", str(defaults.processes(spec))),
        *("--ws-ping-interval", ping),
        *("--ws-ping-timeout", ping),
        *("--ws-per-message-deflate", "true" if defaults.compression(spec) == "Enabled" else "false"),
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
    count = defaults.processes(spec)
    return (
        *("run", "hypercorn"),
        *("--bind", f"{EVERYWHERE}:{spec.web.port}"),
        # 0 serves in the launcher's own process, without a supervisor that only costs memory.
        *("--workers", str(0 if count == 1 else count)),
        *("--backlog", str(BACKLOG)),
        # A closed socket's timer runs on until its next ping; one that outlives the graceful timeout fills the log.
        *("--websocket-ping-interval", str(min(spec.web.ping_interval_seconds, HYPERCORN_PING_MAX))),
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
        *("--backlog", str(BACKLOG)),
        # Beyond it connections wait unseen; the cap is the runtime's, which answers.
        *("--backpressure", str(spec.web.connections.max_per_pod + SPARE_CONNECTIONS)),
        *("--workers-kill-timeout", str(GRACEFUL_SECONDS)),
        "--no-access-log",
        *("--log-level", "warning"),
        ASGI_APPLICATION,
    )


def _gunicorn_uvicorn(spec: Spec) -> tuple[str, ...]:
    """Pings and compression are no options of Gunicorn: the runtime's worker class takes them from settings.json."""
    return (*_gunicorn_options(spec, worker=UVICORN_WORKER), ASGI_APPLICATION)


def _gunicorn(spec: Spec) -> tuple[str, ...]:
    return (*_gunicorn_options(spec, worker="sync"), WSGI_APPLICATION)


def _gunicorn_options(spec: Spec, *, worker: str) -> tuple[str, ...]:
    return (
        *("run", "gunicorn"),
        # Instead of a file of that name in the image's working directory.
        *("--config", "python:realtimeapp_runtime.gunicorn_settings"),
        *("--bind", f"{EVERYWHERE}:{spec.web.port}"),
        *("--workers", str(defaults.processes(spec))),
        # In memory: on a busy disk a heartbeat would block, and the worker be killed for it.
        *("--worker-tmp-dir", names.RUN_DIR),
        # A worker that ends after so many requests would take its sockets along.
        *("--max-requests", "0"),
        *("--graceful-timeout", str(GRACEFUL_SECONDS)),
        "--forwarded-allow-ips=",
        *("--log-level", "warning"),
        *("--worker-class", worker),
    )
