"""Every refusal of the table on a real API server: refused there too, at the same field, with the same sentence.

The requests are what kubectl sends (`dryRun=All`, strict field validation) through `kubectl proxy`, because only the
raw answer has path and sentence apart.
"""

from __future__ import annotations

import http.client
import itertools
import json
import re
import subprocess
from typing import TYPE_CHECKING, Any, Final

import pytest

from realtimeapp_operator.api.frameworks import FRAMEWORKS
from realtimeapp_operator.api.parse import InvalidSpec, parse
from realtimeapp_operator.api.servers import SERVERS
from tests.support.refusals import ABSENT, ACCEPTED, BASE, REFUSED, UNCHANGEABLE, Refused, manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hack.clients.kubectl import Kubectl
    from tests.api.conftest import ControlPlane

TIMEOUT = 30.0
ASKED: Final[dict[str, dict[str, Any]]] = {
    "nothing": {},
    "asgi": {"spec.django.asgiApplication": "shop.asgi:application"},
    "wsgi": {"spec.django.wsgiApplication": "shop.wsgi:application"},
    "processes": {"spec.web.processesPerPod": 2},
    "ping": {"spec.web.pingIntervalSeconds": 10},
    "cap": {"spec.web.connections.maxPerPod": 100},
    "compression": {"spec.web.connections.compression": "Enabled"},
    "no compression": {"spec.web.connections.compression": "Disabled"},
    "code": {"spec.web.rollout.closeCode": 1012},
    "private code": {"spec.web.rollout.closeCode": 4000},
    "surge": {"spec.web.rollout": {"strategy": "SurgeAll", "drainTimeoutSeconds": 60}},
    "short drain": {"spec.web.rollout.drainTimeoutSeconds": 5},
    "short session": {"spec.session.ttlSeconds": 10},
    "long session": {"spec.session.ttlSeconds": 604_801},
    "paths": {"spec.ingress.websocketPaths": ["/ws/"]},
    "timeouts": {"spec.ingress.timeouts.websocketSeconds": 60},
    "cookie": {"spec.ingress.affinity.cookieName": "pod"},
    "layer": {"spec.channelLayer.type": "PubSub"},
    "groups": {"spec.channelLayer.groupExpirySeconds": 3600},
    "channels worker": {"spec.workers": [{"name": "w", "type": "ChannelsWorker", "channels": ["a"]}]},
}
"""What a manifest may ask, beside framework and server; each is refused with some of them."""

Object = dict[str, Any]
Answer = tuple[int, Object]


class Server:
    """The API server behind `kubectl proxy`, for RealtimeApps of one namespace."""

    def __init__(self, port: int, namespace: str) -> None:
        self._port = port
        self._path = f"/apis/realtimeapp.dev/v1alpha1/namespaces/{namespace}/realtimeapps"

    def create(self, body: Object, *, dry_run: bool = True) -> Answer:
        query = "fieldValidation=Strict" + ("&dryRun=All" if dry_run else "")
        return self._send("POST", f"{self._path}?{query}", body)

    def patch(self, name: str, body: Object) -> Answer:
        return self._send("PATCH", f"{self._path}/{name}?fieldValidation=Strict&dryRun=All", body)

    def _send(self, method: str, path: str, body: Object) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT)
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        try:
            connection.request(method, path, json.dumps(body), {"Content-Type": kind})
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()


@pytest.fixture(scope="module")
def port(control_plane: ControlPlane) -> Iterator[int]:
    """Port of a proxy that adds the administrator's credentials."""
    kubectl = control_plane.kubectl
    command = [str(kubectl.program), f"--kubeconfig={kubectl.kubeconfig}", "proxy", "--port=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"127\.0\.0\.1:(\d+)", line)
        assert found is not None, line
        yield int(found[1])
        process.terminate()


@pytest.fixture(scope="module")
def server(port: int) -> Server:
    return Server(port, "default")


def complaints(answer: Answer) -> list[tuple[str, str]]:
    """Path and sentence of every cause; a field the API does not know has only a sentence."""
    status, body = answer
    assert status in {400, 422}, body
    causes = body.get("details", {}).get("causes", ())
    return [(cause.get("field", ""), cause["message"]) for cause in causes] or [("", body["message"])]


def server_complaints(answer: Answer) -> list[tuple[str, str]]:
    """The same with the rule's own sentence alone."""
    return [(field, message[message.index("must") :]) for field, message in complaints(answer)]


def offline(case: Refused) -> str:
    """The sentence of the offline check for this row."""
    with pytest.raises(InvalidSpec) as raised:
        parse(manifest(case.change))
    return next(
        refusal.message
        for refusal in raised.value.refusals
        if refusal.path == case.path and refusal.message.startswith(case.says)
    )


def offline_complaints(body: Object) -> list[tuple[str, str]]:
    """Path and sentence of every refusal of the offline check."""
    try:
        parse(body)
    except InvalidSpec as error:
        return [(refusal.path, refusal.message) for refusal in error.refusals]
    return []


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused_with_the_sentence_of_the_offline_check(server: Server, name: str) -> None:
    case = REFUSED[name]
    found = complaints(server.create(manifest(case.change)))
    wanted = case.server or offline(case)
    path = "" if "unknown field" in case.server else case.server_path or case.path
    assert any(field == path and wanted in message for field, message in found), found


@pytest.mark.parametrize("name", ACCEPTED)
def test_is_accepted(server: Server, name: str) -> None:
    status, body = server.create(manifest(ACCEPTED[name]))
    assert status == 201, body


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_both_checks_agree_on_every_server_and_what_may_be_asked_of_it(
    server: Server, framework: str
) -> None:
    wanted, found = {}, {}
    for program, (label, change) in itertools.product((ABSENT, *SERVERS), ASKED.items()):
        body = manifest({"spec.framework": framework, "spec.web.server": program, **change})
        wanted[str(program), label] = sorted(offline_complaints(body))
        answer = server.create(body)
        found[str(program), label] = [] if answer[0] == 201 else sorted(server_complaints(answer))
    assert found == wanted
    assert any(wanted.values())
    assert not all(wanted.values())


def test_what_is_stored_parses_to_what_was_written(server: Server) -> None:
    for change in ACCEPTED.values():
        written = manifest(change)
        _, stored = server.create(written)
        assert parse(stored).spec == parse(written).spec


@pytest.mark.parametrize("name", UNCHANGEABLE)
def test_a_change_of_what_was_created_is_refused(port: int, kubectl: Kubectl, name: str) -> None:
    case = UNCHANGEABLE[name]
    server = Server(port, kubectl.namespace)
    status, body = server.create(BASE, dry_run=False)
    assert status == 201, body
    found = complaints(server.patch("counter", {"spec": manifest(case.change)["spec"]}))
    assert any(field == case.path and case.says in message for field, message in found), found
    status, body = server.patch("counter", {"spec": {"image": "registry.example.com/counter:2"}})
    assert status == 200, body


def test_scaling_is_held_to_the_same_rules(port: int, kubectl: Kubectl) -> None:
    server = Server(port, kubectl.namespace)
    slow = manifest({"spec.web": {"rollout": {"strategy": "SurgeAll", "drainTimeoutSeconds": 40}}})
    status, body = server.create(slow, dry_run=False)
    assert status == 201, body
    done = kubectl.run("scale", "rta/counter", "--replicas=3", check=False)
    assert done.returncode != 0
    assert "must leave time to close 6000 connections at 100 per second" in done.stderr
    assert kubectl.run("scale", "rta/counter", "--replicas=1").returncode == 0
    assert kubectl.get("rta", "counter")["spec"]["web"]["replicas"] == 1


def test_kubectl_says_it_to_a_person(kubectl: Kubectl) -> None:
    wrong = json.dumps(manifest({"spec.django.allowedHosts": ["*"]}))
    done = kubectl.run("apply", "--dry-run=server", "-f", "-", stdin=wrong, check=False)
    assert done.returncode == 1
    assert "spec.django.allowedHosts[0]" in done.stderr
    assert (
        "must be an exact host name: '*' and a leading '.' would accept names that are not yours"
        in done.stderr
    )
