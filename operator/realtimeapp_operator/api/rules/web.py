"""Rules about the web tier: what each server can do, and drains that end in time."""

from __future__ import annotations

from typing import Final

from realtimeapp_operator.api.rules.base import Rule, cel_list
from realtimeapp_operator.api.servers import (
    PRIVATE_CODES,
    RESTART_CODES,
    SERVERS,
    with_ability,
    without_ability,
)
from realtimeapp_operator.api.web import Web

_ONE_PROCESS: Final = without_ability("processes")
_COMPRESS: Final = with_ability("compression")
_RESTART: Final = with_ability("restart_codes")
_ONLY_PRIVATE: Final = without_ability("restart_codes")


def _runs_processes(web: Web) -> bool:
    return web.processes_per_pod in {None, 1} or web.server is None or SERVERS[web.server].processes


def _compresses(web: Web) -> bool:
    disabled = web.connections.compression == "Disabled"
    return disabled or web.server is None or SERVERS[web.server].compression


def _can_send(web: Web) -> bool:
    code = web.rollout.close_code
    if code is None or PRIVATE_CODES[0] <= code <= PRIVATE_CODES[1]:
        return True
    return code in RESTART_CODES and (web.server is None or SERVERS[web.server].restart_codes)


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
        cel="!has(self.processesPerPod) || self.processesPerPod == 1 "
        f"|| !has(self.server) || !(self.server in {cel_list(_ONE_PROCESS)})",
        holds=_runs_processes,
        message=f"must be 1 with {' and '.join(_ONE_PROCESS)}, which runs one process: "
        "raise replicas, or use another server",
    ),
    Rule(
        on=Web,
        blame="connections.compression",
        cel=f"self.connections.compression == 'Disabled' || !has(self.server) || self.server in {cel_list(_COMPRESS)}",
        holds=_compresses,
        message=f"must be Disabled, except with {', '.join(_COMPRESS)}: no other server negotiates compression",
    ),
    Rule(
        on=Web,
        blame="rollout.closeCode",
        cel=f"!has(self.rollout.closeCode) || self.rollout.closeCode >= {PRIVATE_CODES[0]} "
        f"|| (self.rollout.closeCode in {list(RESTART_CODES)} "
        f"&& (!has(self.server) || self.server in {cel_list(_RESTART)}))",
        holds=_can_send,
        message="must be a code the server can send in a drain: 1001, 1012 or 4000-4999; "
        f"with {' and '.join(_ONLY_PRIVATE)} 4000-4999",
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
