"""Rules about the web tier: what each server can do, and drains that end in time."""

from __future__ import annotations

from typing import Final

from realtimeapp_operator.api.rules.base import Rule
from realtimeapp_operator.api.web import Web

UVICORN_CLOSE_CODES: Final = (1001, 1012)
"""Going away and service restart: what Uvicorn can send and clients take as a reason to come back."""
PRIVATE_CLOSE_CODES: Final = (4000, 4999)
"""Private use (RFC 6455, section 7.4.2); Daphne's WebSocket library sends nothing else but 1000 and 3000-3999."""


def _can_send(web: Web) -> bool:
    code = web.rollout.close_code
    if code is None or PRIVATE_CLOSE_CODES[0] <= code <= PRIVATE_CLOSE_CODES[1]:
        return True
    return web.server == "Uvicorn" and code in UVICORN_CLOSE_CODES


def _connections_to_move(web: Web) -> int:
    """Connections that share `maxReconnectsPerSecond`: one pod's, or with SurgeAll all pods'."""
    pods = max(web.replicas, 1) if web.rollout.strategy == "SurgeAll" else 1
    return web.connections.max_per_pod * pods


def _drains_in_time(web: Web) -> bool:
    budget = web.rollout.max_reconnects_per_second * web.rollout.drain_timeout_seconds
    return _connections_to_move(web) <= budget


def _explain_drain(web: Web) -> str:
    total, rollout = _connections_to_move(web), web.rollout
    pods = total // web.connections.max_per_pod
    rate, timeout = rollout.max_reconnects_per_second, rollout.drain_timeout_seconds
    return (
        f"must leave time to close {total} connections at {rate} per second: raise rollout.drainTimeoutSeconds to "
        f"{-(-total // rate)}, raise rollout.maxReconnectsPerSecond to {-(-total // timeout)}, or lower "
        f"connections.maxPerPod to {rate * timeout // pods}"
    )


_PODS = "(self.rollout.strategy == 'SurgeAll' && self.replicas > 1 ? self.replicas : 1)"
_TOTAL = f"(self.connections.maxPerPod * {_PODS})"
_RATE = "self.rollout.maxReconnectsPerSecond"
_TIMEOUT = "self.rollout.drainTimeoutSeconds"

RULES: Final = (
    Rule(
        on=Web,
        blame="processesPerPod",
        cel="self.server != 'Daphne' || self.processesPerPod == 1",
        holds=lambda web: web.server != "Daphne" or web.processes_per_pod == 1,
        message="must be 1 with Daphne, which runs one process: raise replicas, or use Uvicorn",
    ),
    Rule(
        on=Web,
        blame="connections.compression",
        cel="self.server != 'Daphne' || self.connections.compression == 'Disabled'",
        holds=lambda web: web.server != "Daphne" or web.connections.compression == "Disabled",
        message="must be Disabled with Daphne, which does not negotiate compression: use Uvicorn for it",
    ),
    Rule(
        on=Web,
        blame="rollout.closeCode",
        cel="!has(self.rollout.closeCode) || self.rollout.closeCode >= 4000 "
        "|| (self.server == 'Uvicorn' && self.rollout.closeCode in [1001, 1012])",
        holds=_can_send,
        message="must be a code the server can send in a drain: 1001, 1012 or 4000-4999 with Uvicorn, "
        "4000-4999 with Daphne",
    ),
    Rule(
        on=Web,
        blame="rollout.drainTimeoutSeconds",
        cel=f"{_TOTAL} <= {_RATE} * {_TIMEOUT}",
        holds=_drains_in_time,
        message="must leave time to close connections.maxPerPod connections at rollout.maxReconnectsPerSecond",
        explain=_explain_drain,
        explain_cel="'must leave time to close %d connections at %d per second: raise rollout.drainTimeoutSeconds "
        "to %d, raise rollout.maxReconnectsPerSecond to %d, or lower connections.maxPerPod to %d'.format(["
        f"{_TOTAL}, {_RATE}, ({_TOTAL} + {_RATE} - 1) / {_RATE}, ({_TOTAL} + {_TIMEOUT} - 1) / {_TIMEOUT}, "
        f"{_RATE} * {_TIMEOUT} / {_PODS}])",
    ),
)
