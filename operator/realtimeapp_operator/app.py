"""The composition root: builds every part, connects them, and starts and stops them in the right order.

Start: health, the check for the CRD, the lease (standing by meanwhile), the children's informers, the queue, then the
watch of RealtimeApps: so the first reconcile already knows what exists. Stop: no new work, what runs may end, the
watch, the lease. A lost lease or a part that ends by itself ends the process at once, for Kubernetes to restart.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import TYPE_CHECKING, Any, Final

from realtimeapp_operator import __version__, names
from realtimeapp_operator.kube import kinds
from realtimeapp_operator.kube.client import ApiClient
from realtimeapp_operator.kube.credentials import Credentials, CredentialsError
from realtimeapp_operator.kube.errors import ApiError, Unavailable
from realtimeapp_operator.kube.events import EventWriter
from realtimeapp_operator.kube.informer import Informer
from realtimeapp_operator.kube.lease import Lease
from realtimeapp_operator.kube.transport import USER_AGENT
from realtimeapp_operator.metricsapi.server import plain_route
from realtimeapp_operator.probe.connections import ConnectionProbe
from realtimeapp_operator.probe.websocket import WebSocketProbe
from realtimeapp_operator.reconcile.apps import Apps
from realtimeapp_operator.reconcile.clock import SystemClock
from realtimeapp_operator.reconcile.loads import Loads
from realtimeapp_operator.reconcile.observed import Observed
from realtimeapp_operator.reconcile.openings import Openings
from realtimeapp_operator.reconcile.ports import Images, Surroundings
from realtimeapp_operator.reconcile.queue import Queue
from realtimeapp_operator.reconcile.reconciler import Reconciler
from realtimeapp_operator.reconcile.sampler import Sampler
from realtimeapp_operator.telemetry.health import Health
from realtimeapp_operator.telemetry.metrics import Metrics
from realtimeapp_operator.wiring.counts import KnownCounts, start_serving
from realtimeapp_operator.wiring.handlers import build_registry
from realtimeapp_operator.wiring.parts import Parts
from realtimeapp_operator.wiring.scaled_objects import ScaledObjects
from realtimeapp_operator.wiring.shell import watch_apps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from realtimeapp_operator.reconcile.ports import Key
    from realtimeapp_operator.settings import Settings

logger = logging.getLogger(__name__)

DRAIN_SECONDS: Final = 10.0
"""What running reconciles get to end in; with kopf's 5 s it stays well below the pod's 30 s."""
RETRY_SECONDS: Final = 2.0


class StartError(Exception):
    """The operator cannot run here; the message says what to do."""


async def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; raise StartError, LeaseLost or PartEnded for any other end."""
    stop = asyncio.Event()
    metrics = Metrics()
    try:
        credentials = Credentials()
    except CredentialsError as error:
        raise StartError(str(error)) from error
    logger.info(
        "realtimeapp-operator %s for %s", __version__, ", ".join(settings.namespaces) or "all namespaces"
    )
    _stop_on_signals(stop)
    counts = KnownCounts()
    async with (
        ApiClient(credentials=credentials, count=metrics.count_request) as client,
        Health(
            host=settings.host, port=settings.port, metrics=metrics, routes=(plain_route(counts),)
        ) as health,
    ):
        lease = Lease(client, settings.lease_namespace, names.LEASE, settings.identity)
        metrics.watch_lease(lambda: lease.held)
        leading = asyncio.Event()
        health.add_ready(
            "role",
            lambda: None if leading.is_set() or lease.standing_by else "neither leading nor standing by yet",
        )
        try:
            if await _prepare(client, lease, stop):
                await _lead(
                    settings=settings,
                    credentials=credentials,
                    client=client,
                    lease=lease,
                    health=health,
                    metrics=metrics,
                    counts=counts,
                    leading=leading,
                    stop=stop,
                )
        finally:
            await lease.release()
    logger.info("stopped")


async def _require_crd(client: ApiClient) -> None:
    """Return when RealtimeApp is served; an API server that is away is waited for, as restarting would not help."""
    while True:
        try:
            served = await client.serves(kinds.REALTIME_APP)
            break
        except Unavailable as error:
            logger.warning("waiting for the API server: %s", error.message)
            await asyncio.sleep(RETRY_SECONDS)
        except ApiError as error:
            raise StartError(
                f"the API server does not let us ask for {names.KIND}: {error.message}"
            ) from error
    if not served:
        raise StartError(
            f"the API server does not know {names.KIND} of {names.API_VERSION}: install the CRD with"
            " `helm upgrade --install realtimeapp-operator helm/realtimeapp-operator --set crds.enabled=true`"
            " or `kubectl apply --server-side -f crds/`"
        )


async def _prepare(client: ApiClient, lease: Lease, stop: asyncio.Event) -> bool:
    """Become the writer; False when we are told to stop before that."""
    async with Parts() as parts:
        await parts.first(_require_crd(client), stop.wait())
        if not stop.is_set():
            await parts.first(lease.acquire(), stop.wait())
    return not stop.is_set()


async def _lead(  # noqa: PLR0913 - the composition root hands over what it has built
    *,
    settings: Settings,
    credentials: Credentials,
    client: ApiClient,
    lease: Lease,
    health: Health,
    metrics: Metrics,
    counts: KnownCounts,
    leading: asyncio.Event,
    stop: asyncio.Event,
) -> None:
    """Be the writer until told to stop; `leading` is set when everything runs."""
    clock = SystemClock()
    apps = Apps()

    def look_again(key: Key) -> None:
        queue.add(key)

    observed = Observed(clock=clock, announce=look_again)
    loads = Loads(observed=observed, clock=clock)
    openings = Openings(doorbell=WebSocketProbe(), clock=clock, announce=look_again)
    counts.learn_from(apps, loads)
    probe = ConnectionProbe()
    sampler = Sampler(
        loads=loads,
        apps=apps,
        probe=probe,
        clock=clock,
        meter=metrics,
        announce=look_again,
        rest_seconds=settings.sample_seconds,
    )
    reconciler = Reconciler(
        api=client,
        events=EventWriter(client, instance=settings.identity),
        apps=apps,
        observed=observed,
        images=Images(
            runtime=settings.runtime_image, redis=settings.redis_image, pull_policy=settings.image_pull_policy
        ),
        surroundings=Surroundings(namespace=settings.lease_namespace, metrics_url=settings.metrics_url),
        loads=loads,
        sampler=sampler,
        openings=openings,
        clock=clock,
        meter=metrics,
    )
    queue = Queue(work=reconciler.reconcile, workers=settings.workers, clock=clock, meter=metrics)

    def see_child(event: str, item: dict[str, Any]) -> None:
        for key in observed.observe(event, item):
            queue.add(key)

    def see_app(event: str, item: dict[str, Any]) -> None:
        scaled_objects.look(item)
        key = apps.take(event, item)
        if key is not None:
            queue.add(key)

    scaled_objects = ScaledObjects(client, settings.namespaces, see_child, wake=queue.add)
    informers: tuple[Informer | ScaledObjects, ...] = (
        *_build_informers(client, settings.namespaces, see_child),
        scaled_objects,
    )
    health.add_ready("caches", lambda: _describe_unsynced(informers))
    registry = build_registry(
        see=see_app,
        server=credentials.server,
        open_session=lambda: credentials.open_session(user_agent=USER_AGENT),
    )
    stop_watching, watching = asyncio.Event(), asyncio.Event()
    async with probe, openings, Parts() as parts:
        parts.start(lease.hold(), "lease")
        for informer in informers:
            parts.start(informer.run(), f"informer of {informer.kind.plural}")
        await parts.first(_synced(informers), stop.wait())
        if stop.is_set():
            return
        # Before kopf: when it ends it also ends what was created after it began.
        working = parts.start(queue.run(), "queue")
        health.add_alive("queue", lambda: "the workers have ended" if working.done() else None)
        start_serving(parts, client, settings, counts=counts, metrics=metrics, leads=lambda: lease.held)
        sampling = parts.start(sampler.run(), "sampler")
        shell = parts.start(
            watch_apps(registry, namespaces=settings.namespaces, stop=stop_watching, started=watching),
            "watch",
        )
        await parts.first(watching.wait(), stop.wait())
        _stop_on_signals(stop)  # kopf has put its own handlers there.
        leading.set()
        logger.info("the children are known, watching RealtimeApps")
        await parts.first(stop.wait())
        logger.info("stopping")
        parts.let_end(working)
        await parts.first(queue.stop(DRAIN_SECONDS))
        parts.let_end(sampling)
        sampling.cancel()
        stop_watching.set()
        await parts.end(shell)


def _build_informers(
    client: ApiClient, namespaces: tuple[str, ...], see: Callable[[str, dict[str, Any]], None]
) -> tuple[Informer, ...]:
    """Return one informer per kind and namespace, and one for IngressClasses."""
    owned = (
        Informer(client, kind, namespace, names.MANAGED_SELECTOR, see)
        for kind in kinds.OWNED
        for namespace in namespaces or (None,)
    )
    return (*owned, Informer(client, kinds.INGRESS_CLASS, None, "", see))


async def _synced(informers: Iterable[Informer | ScaledObjects]) -> None:
    for informer in informers:
        await informer.synced()


def _describe_unsynced(informers: Iterable[Informer | ScaledObjects]) -> str | None:
    missing = sorted({informer.kind.plural for informer in informers if not informer.has_synced})
    return f"not listed yet: {', '.join(missing)}" if missing else None


def _stop_on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
