"""Argument lists of the ASGI servers, as the launcher takes them. Checked with uvicorn 0.54.0 and daphne 4.2.3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from realtimeapp_operator.render.pacing import GRACEFUL_SECONDS

if TYPE_CHECKING:
    from realtimeapp_operator.api.web import Web

APPLICATION: Final = "realtimeapp_runtime.asgi:application"


def server_arguments(web: Web) -> tuple[str, ...]:
    """Launcher arguments of the server.

    Access logs are off with both: they would write every WebSocket path with its query string, tokens included.
    Proxy headers are left to the runtime with both, so that one mechanism serves every server.
    """
    return _uvicorn(web) if web.server == "Uvicorn" else _daphne(web)


def _uvicorn(web: Web) -> tuple[str, ...]:
    ping = str(web.ping_interval_seconds)
    return (
        *("run", "uvicorn", APPLICATION),
        *("--host", "0.0.0.0"),  # noqa: S104 - the pod's address; the NetworkPolicy says who reaches it
        *("--port", str(web.port)),
        # Written even when it is 1: WEB_CONCURRENCY would be taken otherwise.
        *("--workers", str(web.processes_per_pod)),
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


def _daphne(web: Web) -> tuple[str, ...]:
    ping = str(web.ping_interval_seconds)
    return (
        *("run", "daphne"),
        *("-b", "0.0.0.0"),  # noqa: S104 - the pod's address; the NetworkPolicy says who reaches it
        *("-p", str(web.port)),
        *("--ping-interval", ping),
        *("--ping-timeout", ping),
        # Never: its default ends every socket after a day.
        *("--websocket_timeout", "-1"),
        *("--application-close-timeout", str(GRACEFUL_SECONDS)),
        "--no-server-name",
        *("-v", "0"),
        APPLICATION,
    )
