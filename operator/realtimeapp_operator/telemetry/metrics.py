"""The operator's numbers for Prometheus, in a registry of their own.

Labels are bounded: kinds, verbs, outcomes and condition types. One family names the applications, with two series each
that go when the application goes, or when nobody knows its figures.
"""

from __future__ import annotations

from collections import Counter as Tally
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

RECONCILE_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
WAIT_SECONDS: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0)
LAG_SECONDS: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0)


class Metrics:
    """Everything that is counted; the methods are what the other layers call."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._requests = Counter(
            "realtimeapp_api_requests",
            "Requests to the API server by verb, kind and HTTP code (0: no answer).",
            ("verb", "kind", "code"),
            registry=self.registry,
        )
        self._depth = Gauge(
            "realtimeapp_queue_depth", "RealtimeApps waiting to be reconciled.", registry=self.registry
        )
        self._wait = Histogram(
            "realtimeapp_queue_wait_seconds",
            "Time a RealtimeApp waited between being due and being worked on.",
            buckets=WAIT_SECONDS,
            registry=self.registry,
        )
        self._reconciles = Histogram(
            "realtimeapp_reconcile_seconds",
            "Time of one reconcile, by its outcome.",
            ("outcome",),
            buckets=RECONCILE_SECONDS,
            registry=self.registry,
        )
        self._conditions = Gauge(
            "realtimeapp_conditions",
            "RealtimeApps by condition type and status.",
            ("type", "status"),
            registry=self.registry,
        )
        self._holder = Gauge(
            "realtimeapp_lease_holder",
            "1 while this process holds the lease, else 0.",
            registry=self.registry,
        )
        self._certificate = Gauge(
            "realtimeapp_external_metrics_certificate_broken",
            "1 while the serving certificate of the external metrics API cannot be used, else 0.",
            registry=self.registry,
        )
        self._lag = Histogram(
            "realtimeapp_event_loop_lag_seconds",
            "How much later than asked the event loop woke up.",
            buckets=LAG_SECONDS,
            registry=self.registry,
        )
        self._connections = Gauge(
            "realtimeapp_app_connections",
            "Open connections of an application, on pods that stay (active) and on pods about to stop (draining).",
            ("namespace", "name", "state"),
            registry=self.registry,
        )
        self._by_app: dict[Hashable, frozenset[tuple[str, str]]] = {}
        self._tally: Tally[tuple[str, str]] = Tally()

    def count_request(self, verb: str, kind: str, code: int) -> None:
        """Count one answer of the API server; `code` 0 means none came."""
        self._requests.labels(verb, kind, str(code)).inc()

    def depth(self, keys: int) -> None:
        """Note how many keys wait for a worker now."""
        self._depth.set(keys)

    def watch_lease(self, held: Callable[[], bool]) -> None:
        """Ask `held` whether this process is the writer whenever metrics are read."""
        self._holder.set_function(lambda: float(held()))

    def watch_certificate(self, problem: Callable[[], str | None]) -> None:
        """Ask `problem` what is wrong with the serving certificate whenever metrics are read; None is nothing."""
        self._certificate.set_function(lambda: float(problem() is not None))

    def waited(self, seconds: float) -> None:
        """Count the time a key waited in the queue."""
        self._wait.observe(seconds)

    def worked(self, seconds: float, outcome: str) -> None:
        """Count one reconcile; `outcome` is one of a handful of words."""
        self._reconciles.labels(outcome).observe(seconds)

    def observe_lag(self, seconds: float) -> None:
        """Count how late the event loop was."""
        self._lag.observe(seconds)

    def conditions(self, key: Hashable, conditions: Mapping[str, str]) -> None:
        """Replace what the object `key` counts for: condition type -> status. An empty mapping forgets it."""
        now = frozenset(conditions.items())
        before = self._by_app.get(key, frozenset())
        if now:
            self._by_app[key] = now
        else:
            self._by_app.pop(key, None)
        for pair in before - now:
            self._tally[pair] -= 1
            self._conditions.labels(*pair).set(self._tally[pair])
        for pair in now - before:
            self._tally[pair] += 1
            self._conditions.labels(*pair).set(self._tally[pair])

    def connections(self, key: tuple[str, str], *, active: int, draining: int) -> None:
        """Note the open connections of an application (namespace, name), and how many of them are to be moved."""
        self._connections.labels(*key, "active").set(active - draining)
        self._connections.labels(*key, "draining").set(draining)

    def forget_connections(self, key: tuple[str, str]) -> None:
        """Stop showing the connections of an application: nobody knows them."""
        self._connections.remove_by_labels({"namespace": key[0], "name": key[1]})

    def forget(self, key: Hashable) -> None:
        """Stop counting a deleted object."""
        self.conditions(key, {})

    def expose(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)
