"""The servers the runtime knows: what each one needs in the image.

Argument lists are the operator's; how a server is talked to is in the modules that do it (websocket.py, granian_websocket.py,
wsgi_wrapper.py, gunicorn_settings.py, gunicorn_worker.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from realtimeapp_runtime import user_settings
from realtimeapp_runtime.failure import PACKAGE_MISSING, SETTINGS_INVALID, StartupFailure

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Alternatives:
    """Modules of which the image needs one, and the sentence for an image that has none."""

    names: tuple[str, ...]
    missing: str


UVICORN_WEBSOCKETS: Final = Alternatives(
    ("websockets", "wsproto"),
    "uvicorn cannot serve WebSockets without the package 'websockets' (or 'wsproto'): add uvicorn[standard] to the image.",
)
UVICORN_WORKER: Final = Alternatives(
    ("uvicorn_worker", "uvicorn.workers"),
    "gunicorn cannot run uvicorn without the package 'uvicorn-worker': add it to the image.",
)


@dataclass(frozen=True)
class Server:
    """`module` is run as `python -m` does; `packages` are the import names it needs besides."""

    module: str
    packages: tuple[str, ...] = ()
    alternatives: tuple[Alternatives, ...] = ()


SERVERS: Final[Mapping[str, Server]] = {
    "Uvicorn": Server("uvicorn", alternatives=(UVICORN_WEBSOCKETS,)),
    "Daphne": Server("daphne"),
    "Hypercorn": Server("hypercorn"),
    "Granian": Server("granian"),
    "GunicornUvicorn": Server("gunicorn", ("uvicorn",), (UVICORN_WORKER, UVICORN_WEBSOCKETS)),
    "Gunicorn": Server("gunicorn"),
}
NAMES: Final = tuple(SERVERS)
MODULES: Final = frozenset(server.module for server in SERVERS.values())


def require_packages(name: str, *, module: str) -> None:
    """Raise StartupFailure when the image lacks what server `name` needs to run as `module`."""
    server = SERVERS[name]
    if server.module != module:
        raise StartupFailure(
            SETTINGS_INVALID,
            f"settings.json: server.name is {name}, which runs as {server.module}, not as {module}.",
        )
    user_settings.require_packages(
        dict.fromkeys((server.module, *server.packages), f"the server {name}"),
        otherwise="choose another server in spec.web.server",
    )
    for alternatives in server.alternatives:
        if not any(map(user_settings.is_installed, alternatives.names)):
            raise StartupFailure(PACKAGE_MISSING, alternatives.missing)
