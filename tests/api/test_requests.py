"""The exact bill at the API server: what a create, a change, a restart, noise and rest cost in requests."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import time
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from hack.clients.waiting import eventually
from realtimeapp_operator.kube import kinds
from tests.support.smallest_app import NO_MIGRATIONS, smallest_app
from tests.support.watch import Watch

if TYPE_CHECKING:
    from pathlib import Path

    from hack.clients.kubectl import Kubectl
    from tests.api.conftest import ControlPlane
    from tests.support.audit import Audit
    from tests.support.operator_process import OperatorProcess

QUIET_SECONDS = 3.0
REST_SECONDS = 60.0
PLURALS = {kind.kind: kind.plural for kind in (*kinds.OWNED, kinds.SECRET) if kind is not kinds.POD}
OWNED = ",".join(PLURALS.values())
APP = smallest_app(migrations=NO_MIGRATIONS)


@pytest.mark.usefixtures("operator")
def test_a_create_costs_one_write_per_child_and_one_per_status(
    kubectl: Kubectl, audit: Audit, tmp_path: Path
) -> None:
    audit.mark()
    with Statuses(kubectl, tmp_path / "statuses") as statuses:
        kubectl.apply(APP)
        settle(kubectl, audit)
    writes = audit.writes()
    per_object = Counter((r.resource, r.name) for r in writes if not r.subresource)
    assert set(per_object.values()) == {1}, per_object
    assert set(per_object) == children(kubectl)
    kinds = Counter(resource for resource, _ in per_object)
    assert (kinds["jobs"], kinds["cronjobs"]) == (1, 1), "the checks, which only warn, and the clean-up"
    assert sum(r.subresource == "status" for r in writes) == len(statuses.distinct), (
        "no status is written twice"
    )
    assert audit.events() == [], "a quiet creation tells nothing yet"
    assert {r.code for r in writes} <= {200, 201}, writes


@pytest.mark.usefixtures("operator")
def test_a_changed_field_costs_one_apply_and_its_status(kubectl: Kubectl, audit: Audit) -> None:
    kubectl.apply(APP)
    settle(kubectl, audit)
    audit.mark()
    kubectl.patch("rta", "counter", {"spec": {"web": {"disruptionBudget": {"maxUnavailable": 2}}}})
    settle(kubectl, audit)
    writes = [(r.verb, r.resource, r.subresource) for r in audit.writes()]
    assert writes == [("patch", "poddisruptionbudgets", ""), ("patch", "realtimeapps", "status")]


@pytest.mark.usefixtures("operator")
def test_a_minute_at_rest_costs_nothing(kubectl: Kubectl, audit: Audit) -> None:
    kubectl.apply(APP)
    settle(kubectl, audit)
    audit.mark()
    time.sleep(REST_SECONDS)  # the promise is about this minute; nothing can be waited for
    asked = [r for r in audit.requests() if r.verb != "watch"]
    assert asked == []
    kubectl.patch("rta", "counter", {"spec": {"web": {"disruptionBudget": {"maxUnavailable": 2}}}})
    eventually(audit.writes, within=10, what="the log shows a write when there is one")


def test_a_restart_writes_nothing(kubectl: Kubectl, audit: Audit, operator: OperatorProcess) -> None:
    kubectl.apply(APP)
    settle(kubectl, audit)
    operator.stop()
    audit.mark()
    operator.start()
    quiet(audit)
    assert audit.writes() == []
    assert audit.events() == []
    assert [r for r in audit.requests() if r.verb == "list"], "it must have looked"


@pytest.mark.usefixtures("operator")
def test_a_thousand_foreign_status_events_write_nothing(
    control_plane: ControlPlane, kubectl: Kubectl, audit: Audit
) -> None:
    kubectl.apply(APP)
    settle(kubectl, audit)
    audit.mark()
    make_noise(control_plane, kubectl.namespace, times=1000)
    quiet(audit)
    assert audit.writes() == []
    assert [r for r in audit.requests() if r.verb != "watch"] == []


def settle(kubectl: Kubectl, audit: Audit) -> None:
    """Wait until the spec is reconciled and the operator has fallen silent."""
    kubectl.await_condition("counter", "Reconciled", within=30)
    quiet(audit)


def quiet(audit: Audit) -> None:
    """Wait until no request has come for some seconds."""
    seen: tuple[int, float] = (-1, time.monotonic())

    def still() -> bool:
        nonlocal seen
        asked = len([r for r in audit.requests() if r.verb != "watch"])
        if asked != seen[0]:
            seen = (asked, time.monotonic())
        return time.monotonic() - seen[1] >= QUIET_SECONDS

    eventually(still, within=60, what="operator quiet")


def children(kubectl: Kubectl) -> set[tuple[str, str]]:
    """(plural, name) of everything the application owns."""
    app = kubectl.get("rta", "counter")
    found = kubectl.items(OWNED)
    mine = [
        i
        for i in found
        if app["metadata"]["uid"] in {o["uid"] for o in i["metadata"].get("ownerReferences", ())}
    ]
    return {(PLURALS[item["kind"]], item["metadata"]["name"]) for item in mine}


class Statuses(Watch):
    """Every distinct status the application had while this was open, as somebody watching saw it."""

    def __init__(self, kubectl: Kubectl, shown: Path) -> None:
        super().__init__(kubectl=kubectl, kind="rta", output="json", shown=shown)

    @property
    def distinct(self) -> list[str]:
        """The statuses in order, each once."""
        text, decoder, position = self.read(), json.JSONDecoder(), 0
        seen: list[str] = []
        while position < len(text):
            document, end = decoder.raw_decode(text, position)
            status = json.dumps(document.get("status", {}), sort_keys=True)
            if status not in ("{}", *seen[-1:]):
                seen.append(status)
            position = end + len(text[end:]) - len(text[end:].lstrip())
        return seen


def make_noise(control_plane: ControlPlane, namespace: str, *, times: int) -> None:
    """Somebody else writes the status of a child again and again; nothing in it is the operator's business."""
    config = json.loads(
        control_plane.kubectl.run("config", "view", "--raw", "--flatten", "-o", "json").stdout
    )
    server = urlsplit(config["clusters"][0]["cluster"]["server"])
    context = ssl.create_default_context(
        cadata=base64.b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"]).decode()
    )
    token = (
        control_plane.kubectl.within("kube-system")
        .run("create", "token", "namespace-controller")
        .stdout.strip()
    )
    control_plane.kubectl.run(
        *("create", "clusterrolebinding", f"noise-{namespace}", "--clusterrole=cluster-admin"),
        "--serviceaccount=kube-system:namespace-controller",
    )
    connection = http.client.HTTPSConnection(server.hostname or "", server.port, context=context)
    path = f"/api/v1/namespaces/{namespace}/services/counter-web/status"
    headers = {"Content-Type": "application/merge-patch+json", "Authorization": f"Bearer {token}"}
    with closing(connection):
        send_noise(connection, path, headers, times=times)
    control_plane.kubectl.run("delete", "clusterrolebinding", f"noise-{namespace}")


def send_noise(
    connection: http.client.HTTPSConnection, path: str, headers: dict[str, str], *, times: int
) -> None:
    """One status patch after the other, each different from the last."""
    for number in range(times):
        condition = {
            "type": "Noise",
            "status": "True",
            "reason": "Noise",
            "message": str(number),
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        connection.request(
            "PATCH", path, body=json.dumps({"status": {"conditions": [condition]}}), headers=headers
        )
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        answer.read()
