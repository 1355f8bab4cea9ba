"""Hands the counts of connections to those who ask from outside: autoscalers, through the metrics API or the plain path.

Every replica serves, and only the one that works knows: the others answer that they do not.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from realtimeapp_operator.kube import kinds
from realtimeapp_operator.kube.informer import Informer
from realtimeapp_operator.metricsapi import front_proxy
from realtimeapp_operator.metricsapi.answers import Count
from realtimeapp_operator.metricsapi.leader import Place, hold_address
from realtimeapp_operator.metricsapi.server import MetricsServer
from realtimeapp_operator.reconcile.ports import Key

if TYPE_CHECKING:
    from collections.abc import Callable

    from realtimeapp_operator.kube.client import ApiClient
    from realtimeapp_operator.metricsapi.answers import Counts
    from realtimeapp_operator.reconcile.apps import Apps
    from realtimeapp_operator.reconcile.loads import Loads
    from realtimeapp_operator.settings import Settings
    from realtimeapp_operator.telemetry.metrics import Metrics
    from realtimeapp_operator.wiring.parts import Parts

PLAIN_PORT = "http"
METRICS_API_PORT = "external"
"""Names of the two ports of the leader's Service."""


class KnownCounts:
    """Count by namespace and name; unknown until `learn_from` says where it is known."""

    def __init__(self) -> None:
        self._known: tuple[Apps, Loads] | None = None

    def learn_from(self, apps: Apps, loads: Loads) -> None:
        """Answer from now on."""
        self._known = apps, loads

    def __call__(self, namespace: str, name: str) -> Count | None:
        """Return the count, without a number where none is valid; None when there is no such application."""
        if self._known is None:
            return Count()
        apps, loads = self._known
        key = Key(namespace, name)
        if apps.get(key) is None:
            return None
        return Count(connections=loads.total(key), sampled_at=loads.of(key).sampled_at)


def start_serving(  # noqa: PLR0913 - the composition root hands over what it has built
    parts: Parts,
    client: ApiClient,
    settings: Settings,
    *,
    counts: Counts,
    metrics: Metrics,
    leads: Callable[[], bool],
) -> None:
    """Start the metrics API and take the leader's Service, as far as the settings ask for either."""
    ports = {PLAIN_PORT: settings.port}
    if settings.external_metrics is not None:
        host, port = settings.external_metrics
        ports[METRICS_API_PORT] = port
        server = MetricsServer(host=host, port=port, folder=settings.certificate_dir, counts=counts)
        metrics.watch_certificate(lambda: server.certificate_problem)
        parts.start(_serve_metrics_api(client, server), "external metrics")
    if settings.leader_service:
        place = Place(
            namespace=settings.lease_namespace,
            service=settings.leader_service,
            address=settings.pod_ip,
            ports=ports,
        )
        parts.start(hold_address(client, place, leads=leads), "address of the leader")


async def _serve_metrics_api(client: ApiClient, server: MetricsServer) -> None:
    trust = Informer(
        client,
        kinds.CONFIG_MAP,
        front_proxy.NAMESPACE,
        "",
        front_proxy.follow_trust(server.use),
        fields=f"metadata.name={front_proxy.CONFIG_MAP}",
    )
    async with server, asyncio.TaskGroup() as group:
        group.create_task(trust.run())
        group.create_task(server.watch_certificate())
