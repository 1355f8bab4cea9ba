"""Connections are counted and rollouts told with the real API server and the real Deployment controller.

There are no nodes here: a pod runs when the test says so, and the figures it is asked for come from the runtime's own
code, served by the test at the address the pod is said to have.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from hack.clients.waiting import eventually
from realtimeapp_operator import names
from realtimeapp_runtime import ledger, metrics
from tests.support.made_up_nodes import let_run
from tests.support.smallest_app import NO_CHECKS, NO_MIGRATIONS, smallest_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hack.clients.kubectl import Kubectl, Object
    from tests.api.conftest import MakeOperator
    from tests.support.audit import Audit

WEB = f"{names.LABEL_COMPONENT}={names.COMPONENT_WEB}"
SAMPLE_SECONDS = 5
QUIET_SECONDS = 21
"""Four samples."""


class Figures:
    """What the pods at this address say."""

    def __init__(self) -> None:
        self.connections = 0
        self.asked = 0

    @contextmanager
    def serve(self) -> Iterator[int]:
        """Answer on a free port of loopback."""
        figures = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                assert self.path == "/.realtimeapp/metrics"
                figures.asked += 1
                cells = [0] * ledger.CELLS
                cells[ledger.WEBSOCKETS] = figures.connections
                text = metrics.render(alive=[cells], departed=[0] * ledger.CELLS, draining=False)
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield server.server_port
            server.shutdown()


@pytest.fixture
def figures() -> Figures:
    return Figures()


@pytest.fixture
def app(
    kubectl: Kubectl, make_operator: MakeOperator, figures: Figures, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Object]:
    """An application whose one web pod serves; its manifest."""
    monkeypatch.setenv("REALTIMEAPP_SAMPLE_SECONDS", str(SAMPLE_SECONDS))
    with figures.serve() as port, make_operator("operator"):
        web = {"replicas": 1, "port": port, "connections": {"maxPerPod": 500}}
        manifest = smallest_app(migrations=NO_MIGRATIONS, checks=NO_CHECKS, web=web)
        kubectl.apply(manifest)
        run_pods(kubectl)
        kubectl.await_condition("counter", "Progressing", status="False", reason="RolloutComplete", within=60)
        yield manifest


def run_pods(kubectl: Kubectl) -> None:
    """Every web pod runs on loopback and is ready."""
    eventually(lambda: let_run(kubectl, WEB, address="127.0.0.1"), within=20, what="a web pod")


def told(kubectl: Kubectl) -> int | None:
    """What the column Conns shows."""
    count: int | None = kubectl.get("rta", "counter")["status"].get("connections", {}).get("active")
    return count


@pytest.mark.usefixtures("app")
def test_a_tenth_costs_one_write_and_less_costs_none(
    kubectl: Kubectl, figures: Figures, audit: Audit
) -> None:
    figures.connections = 1000
    eventually(lambda: told(kubectl) == 1000, within=20, what="the connections are told")
    audit.mark()
    asked = figures.asked
    end = time.monotonic() + QUIET_SECONDS
    while time.monotonic() < end:  # the promise is about this time; nothing can be waited for
        figures.connections = 1000 + int(time.monotonic() * 37) % 190 - 95
        time.sleep(0.5)
    assert figures.asked - asked >= QUIET_SECONDS // SAMPLE_SECONDS - 1
    requests = [request for request in audit.requests() if request.namespace == kubectl.namespace]
    assert [request for request in requests if request.verb != "watch"] == []

    figures.connections = 1200
    eventually(lambda: told(kubectl) == 1200, within=20, what="a fifth more is told")
    assert [(request.verb, request.resource, request.subresource) for request in audit.writes()] == [
        ("patch", "realtimeapps", "status")
    ]


def test_a_rollout_tells_its_figures_and_can_be_paused(
    kubectl: Kubectl, figures: Figures, app: Object
) -> None:
    figures.connections = 300
    eventually(lambda: told(kubectl) == 300, within=20, what="the connections are told")
    app["spec"]["image"] = "registry.example.com/counter:2"
    kubectl.apply(app)

    def rollout() -> dict[str, Any]:
        found: dict[str, Any] = kubectl.get("rta", "counter")["status"].get("rollout", {})
        return found

    eventually(lambda: rollout().get("newPods") == 1, within=20, what="the new pod is told")
    assert rollout()["oldPods"] == 1
    assert rollout()["connectionsTotal"] == rollout()["connectionsLeft"] == 300
    assert rollout()["estimatedCompletionTime"] > rollout()["startedAt"]
    said = kubectl.condition("counter", "Progressing")
    assert (said["status"], said["reason"]) == ("True", "RolloutInProgress")
    assert said["message"].startswith(
        "1 of 1 web pods are of the new revision, 1 old; 300 of 300 connections left to move; done about "
    )

    kubectl.run("rollout", "pause", "deployment/counter-web")
    paused = kubectl.await_condition(
        "counter", "Progressing", status="False", reason="RolloutPaused", within=20
    )
    assert f"kubectl rollout resume -n {kubectl.namespace} deployment/counter-web" in paused["message"]
    assert "estimatedCompletionTime" not in rollout()
    kubectl.run("rollout", "resume", "deployment/counter-web")
    kubectl.await_condition("counter", "Progressing", status="True", reason="RolloutInProgress", within=20)

    run_pods(kubectl)
    kubectl.await_condition("counter", "Progressing", status="False", reason="RolloutComplete", within=60)
    assert rollout() == {}
    assert len(kubectl.items("pods", WEB)) == 1
