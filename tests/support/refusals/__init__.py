"""What the API refuses, and what just passes: one table for the offline check and for a real API server."""

from __future__ import annotations

from typing import Final

from tests.support.refusals import accepted, scaling, servers
from tests.support.refusals.app import APP, REDIS, UNCHANGEABLE
from tests.support.refusals.edge import EDGE, WEB
from tests.support.refusals.environment import ENVIRONMENT
from tests.support.refusals.hosts import HOSTS, PROXIES
from tests.support.refusals.pods import PODS
from tests.support.refusals.scaling import SCALING
from tests.support.refusals.servers import SERVERS, STATE
from tests.support.refusals.table import ABSENT, BASE, Object, Refused, manifest
from tests.support.refusals.workers import WORKERS

REFUSED: Final[dict[str, Refused]] = {
    **APP,
    **HOSTS,
    **PROXIES,
    **EDGE,
    **WEB,
    **SERVERS,
    **STATE,
    **SCALING,
    **WORKERS,
    **ENVIRONMENT,
    **PODS,
    **REDIS,
}
"""Every refused manifest, by a name for people."""

ACCEPTED: Final[dict[str, Object]] = {**accepted.ACCEPTED, **servers.ACCEPTED, **scaling.ACCEPTED}
"""Every manifest that must pass, by a name for people."""

__all__ = ["ABSENT", "ACCEPTED", "BASE", "REFUSED", "UNCHANGEABLE", "Refused", "manifest"]
