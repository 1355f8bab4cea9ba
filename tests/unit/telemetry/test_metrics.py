from __future__ import annotations

import re
from pathlib import Path

from realtimeapp_operator.telemetry.metrics import Metrics


def value(metrics: Metrics, family: str, /, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(family, labels)


def test_objects_are_counted_by_condition_and_forgotten() -> None:
    metrics = Metrics()
    metrics.conditions(("ns", "a"), {"Ready": "False", "Reconciled": "True"})
    metrics.conditions(("ns", "b"), {"Ready": "True"})
    metrics.conditions(("ns", "a"), {"Ready": "True", "Reconciled": "True"})
    assert value(metrics, "realtimeapp_conditions", type="Ready", status="True") == 2
    assert value(metrics, "realtimeapp_conditions", type="Ready", status="False") == 0
    assert value(metrics, "realtimeapp_conditions", type="Reconciled", status="True") == 1
    metrics.forget(("ns", "a"))
    metrics.forget(("ns", "never-seen"))
    assert value(metrics, "realtimeapp_conditions", type="Ready", status="True") == 1
    assert value(metrics, "realtimeapp_conditions", type="Reconciled", status="True") == 0


def test_queue_and_reconciles_are_counted() -> None:
    metrics = Metrics()
    metrics.depth(4)
    metrics.waited(0.2)
    metrics.worked(0.03, "done")
    metrics.worked(0.3, "error")
    assert value(metrics, "realtimeapp_queue_depth") == 4
    assert value(metrics, "realtimeapp_queue_wait_seconds_count") == 1
    assert value(metrics, "realtimeapp_reconcile_seconds_count", outcome="done") == 1
    assert value(metrics, "realtimeapp_reconcile_seconds_sum", outcome="error") == 0.3


def test_connections_are_shown_by_application_until_they_are_not_known() -> None:
    metrics = Metrics()
    metrics.connections(("shop", "counter"), active=100, draining=30)
    metrics.connections(("shop", "board"), active=7, draining=0)
    family, counter = "realtimeapp_app_connections", {"namespace": "shop", "name": "counter"}
    assert value(metrics, family, **counter, state="active") == 70
    assert value(metrics, family, **counter, state="draining") == 30
    metrics.forget_connections(("shop", "counter"))
    metrics.forget_connections(("shop", "never-seen"))
    assert value(metrics, family, **counter, state="active") is None
    assert value(metrics, family, **counter, state="draining") is None
    assert value(metrics, family, namespace="shop", name="board", state="active") == 7


def test_a_certificate_that_cannot_be_used_is_1_until_it_is_mended() -> None:
    metrics = Metrics()
    problem: list[str] = []
    family = "realtimeapp_external_metrics_certificate_broken"
    assert value(metrics, family) == 0, "nothing is served, nothing is broken"
    metrics.watch_certificate(lambda: problem[0] if problem else None)
    problem.append("the key is not the certificate's")
    assert value(metrics, family) == 1
    problem.clear()
    assert value(metrics, family) == 0


def test_the_page_of_metrics_has_every_family_and_no_other() -> None:
    kinds = {"gauge": "", "histogram": "", "counter": "_total"}
    families = {
        (f"{family.name}{kinds[family.type]}", family.type)
        for family in Metrics().registry.collect()
        if family.name.startswith("realtimeapp_")
    }
    page = (Path(__file__).resolve().parents[3] / "docs" / "metrics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(realtimeapp_\w+)(?:\{[^}]*\})?` \| (\w+) \|", page, flags=re.MULTILINE)
    assert set(rows) == families
