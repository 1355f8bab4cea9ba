"""Rules about the web tier: what each server can do."""

from __future__ import annotations

from typing import Final

from realtimeapp_operator.api.rules.base import Rule, cel_list
from realtimeapp_operator.api.servers import (
    PRIVATE_CODES,
    RESTART_CODES,
    SERVERS,
    with_ability,
    with_compression,
    without_ability,
)
from realtimeapp_operator.api.web import Connections, Web

_ONE_PROCESS: Final = without_ability("processes")
_COMPRESS: Final = with_compression("Enabled")
_DO_NOT_COMPRESS: Final = with_compression("Disabled")
_ALWAYS_COMPRESS: Final = tuple(name for name in _COMPRESS if name not in _DO_NOT_COMPRESS)
_NO_PINGS: Final = without_ability("pings")
_PING: Final = int(Web.model_fields["ping_interval_seconds"].default)
_RESTART: Final = with_ability("restart_codes")
_ONLY_PRIVATE: Final = without_ability("restart_codes")
AGE_MIN_SECONDS: Final = 60
"""Youngest age at which a connection may be closed: below it, clients would do little but reconnect."""


def _runs_processes(web: Web) -> bool:
    return web.processes_per_pod in {None, 1} or web.server is None or SERVERS[web.server].processes


def _compresses(web: Web) -> bool:
    enabled = web.connections.compression == "Enabled"
    return not enabled or web.server is None or web.server in _COMPRESS


def _refrains_from_compression(web: Web) -> bool:
    return web.connections.compression != "Disabled" or web.server not in _ALWAYS_COMPRESS


def _pings(web: Web) -> bool:
    return web.server is None or SERVERS[web.server].pings or web.ping_interval_seconds == _PING


def _can_send(web: Web) -> bool:
    code = web.rollout.close_code
    if code is None or PRIVATE_CODES[0] <= code <= PRIVATE_CODES[1]:
        return True
    return code in RESTART_CODES and (web.server is None or SERVERS[web.server].restart_codes)


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
        cel="!has(self.connections.compression) || self.connections.compression == 'Disabled' "
        f"|| !has(self.server) || self.server in {cel_list(_COMPRESS)}",
        holds=_compresses,
        message=f"must be Disabled, except with {', '.join(_COMPRESS)}: no other server negotiates compression",
    ),
    Rule(
        on=Web,
        blame="connections.compression",
        cel="!has(self.connections.compression) || self.connections.compression != 'Disabled' "
        f"|| !has(self.server) || !(self.server in {cel_list(_ALWAYS_COMPRESS)})",
        holds=_refrains_from_compression,
        message=f"must be Enabled or left out with {' and '.join(_ALWAYS_COMPRESS)}, which compresses whenever the "
        "client offers it",
    ),
    Rule(
        on=Web,
        blame="pingIntervalSeconds",
        cel=f"!has(self.server) || !(self.server in {cel_list(_NO_PINGS)}) || self.pingIntervalSeconds == {_PING}",
        holds=_pings,
        message=f"must be left out with {' and '.join(_NO_PINGS)}: they send no pings",
    ),
    Rule(
        on=Connections,
        at="max_age_seconds",
        cel=f"self == 0 || self >= {AGE_MIN_SECONDS}",
        holds=lambda seconds: seconds == 0 or seconds >= AGE_MIN_SECONDS,
        message=f"must be {AGE_MIN_SECONDS} to 604800, or 0 for never",
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
)
