"""gunicorn's worker class for ASGI: uvicorn's own worker, which takes no options, with those of settings.json."""

from __future__ import annotations

from typing import Any, ClassVar

from realtimeapp_runtime import config, paths

try:
    from uvicorn_worker import UvicornWorker as _UvicornWorker  # type: ignore[import-untyped]  # it has no types
except ModuleNotFoundError:
    from uvicorn.workers import UvicornWorker as _UvicornWorker  # until uvicorn drops it

SPARE_SECONDS = 2
"""gunicorn kills a worker at its --graceful-timeout; uvicorn must have given up before, to end its applications in order."""


def build_options(server: config.Server) -> dict[str, Any]:
    """Return the keyword arguments of uvicorn.Config, the same that `run uvicorn` gets as flags."""
    return {
        "loop": "auto",
        "http": "auto",
        "lifespan": "auto",
        "ws_ping_interval": server.ping_interval_seconds,
        "ws_ping_timeout": server.ping_interval_seconds,
        "ws_per_message_deflate": server.compression,
        "timeout_graceful_shutdown": max(1, int(server.graceful_seconds) - SPARE_SECONDS),
        "proxy_headers": False,
        "server_header": False,
        "access_log": False,
    }


class UvicornWorker(_UvicornWorker):  # type: ignore[misc]  # as above
    """One process with an event loop."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = build_options(config.read(paths.config_file()).server)
