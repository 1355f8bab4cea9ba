"""Default requests and limits: measured sizes, and how a user's own figures replace them.

A CPU limit is never set: throttling an event loop delays every socket of the pod.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from realtimeapp_operator.api import defaults
from realtimeapp_operator.api.quantity import parse_quantity

if TYPE_CHECKING:
    from realtimeapp_operator.api.app import Spec
    from realtimeapp_operator.api.pods import Resources

MEBIBYTE: Final = 2**20
PROCESS_BYTES: Final = 110 * MEBIBYTE
"""An idle Django process. Measured: djust under uvicorn 76 MB, Channels under uvicorn 84 MB, daphne 106 MB."""
SOCKET_BYTES: Final = {"Disabled": 52 * 1024, "Enabled": 104 * 1024}
"""An idle WebSocket of Channels, which stands for everything but djust, by compression. Measured with 1000 sockets and
one message each: 47 kB under Uvicorn, 42 kB under Daphne, 90 kB with permessage-deflate."""
SERVER_SOCKET_BYTES: Final[dict[str, int]] = {"Hypercorn": 160 * 1024, "Granian": 190 * 1024}
"""The same under servers that take more. Measured: Hypercorn 150 kB, Granian 179 kB."""
DJUST_BYTES: Final = {"Disabled": 60 * 1024, "Enabled": 100 * 1024}
"""What djust keeps for a socket beyond that. Measured: 104 kB in all, 148 to 204 kB with permessage-deflate."""
LIMIT_FLOOR_BYTES: Final = 512 * MEBIBYTE
"""A memory limit guards the node against a leak; it must not kill an application that imports a lot."""

Rendered = dict[str, dict[str, str]]


def web_resources(spec: Spec) -> Rendered:
    """Default resources of the web container: its processes and, where there are any, a full load of sockets."""
    memory = defaults.processes(spec) * PROCESS_BYTES
    if defaults.holds_sockets(spec):
        memory += spec.web.connections.max_per_pod * _socket_bytes(spec)
    return application_resources(memory)


def _socket_bytes(spec: Spec) -> int:
    compression = defaults.compression(spec)
    size = SERVER_SOCKET_BYTES.get(defaults.server(spec), SOCKET_BYTES[compression])
    return size + (DJUST_BYTES[compression] if spec.framework == "Djust" else 0)


def processes_resources(processes: int) -> Rendered:
    """Default resources of a container that runs `processes` Django processes."""
    return application_resources(processes * PROCESS_BYTES)


def application_resources(memory: int) -> Rendered:
    """Default resources of a container of the application that needs `memory` bytes."""
    return {
        "requests": {"cpu": "100m", "memory": mebibytes(memory)},
        "limits": {"memory": mebibytes(max(2 * memory, LIMIT_FLOOR_BYTES))},
    }


def install_resources() -> Rendered:
    """Resources of the init container, which copies a few hundred kilobytes."""
    return {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}}


def whole_bytes(quantity: str) -> int:
    """Memory of a quantity in bytes, rounded down."""
    return int(parse_quantity(quantity))


def mebibytes(number_of_bytes: int) -> str:
    """Bytes as a quantity in mebibytes, rounded up."""
    return f"{-(-number_of_bytes // MEBIBYTE)}Mi"


def redis_resources(max_memory: str) -> Rendered:
    """Default resources of Redis: a rewrite of its log forks, and both sides may need the memory."""
    memory = whole_bytes(max_memory)
    return {
        "requests": {"cpu": "100m", "memory": mebibytes(memory)},
        "limits": {"memory": mebibytes(2 * memory)},
    }


def override(default: Rendered, user: Resources | None) -> Rendered:
    """The defaults with the user's figures in their place.

    A default never contradicts what the user wrote: a default request is lowered to the user's limit, a default limit
    is raised to twice the user's request.
    """
    if user is None:
        return default
    requests: dict[str, Any] = {**default["requests"], **user.requests}
    limits: dict[str, Any] = {**default["limits"], **user.limits}
    for resource, limit in limits.items():
        request = requests.get(resource)
        if request is None or parse_quantity(request) <= parse_quantity(limit):
            continue
        if resource not in user.requests:
            requests[resource] = limit
        elif resource not in user.limits:
            limits[resource] = mebibytes(2 * whole_bytes(request))
    return {"requests": requests, "limits": limits}
