"""No secret shows up in anything a person or a log collector can read."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hack.clients.kubectl import Kubectl

URL = "sqlite:////tmp/db.sqlite3?marker=correct-horse-battery"


def test_secrets_are_in_no_log_event_status_argument_or_environment(
    kubectl: Kubectl, operator: Kubectl, counter: dict[str, Any]
) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "database"},
        "stringData": {"url": URL},
    }
    counter["spec"]["database"] = {"urlSecretRef": {"name": "database", "key": "url"}}
    counter["spec"]["session"] = {"engine": "Cache"}
    kubectl.apply(secret, counter)
    kubectl.await_condition("counter", "Ready", within=60)

    values = {
        base64.b64decode(value).decode()
        for found in kubectl.items("secrets")
        for key, value in found["data"].items()
        if key != "users.acl"
    }
    assert len(values) >= 4, "Django's key, two Redis passwords, the database URL"
    pod = kubectl.web_pods("counter")[0]["metadata"]["name"]
    places = {
        "objects": kubectl.run("get", "rta,all,configmaps,events,ingress", "-o", "yaml").stdout,
        "describe": kubectl.run("describe", "rta").stdout,
        "web environment": kubectl.run("exec", pod, "-c", "web", "--", "cat", "/proc/1/environ").stdout,
        "web arguments": kubectl.run("exec", pod, "-c", "web", "--", "cat", "/proc/1/cmdline").stdout,
        "redis environment": kubectl.run("exec", "counter-redis-0", "--", "cat", "/proc/1/environ").stdout,
        "redis arguments": kubectl.run("exec", "counter-redis-0", "--", "cat", "/proc/1/cmdline").stdout,
        "application logs": kubectl.run(
            "logs", "-l", "app.kubernetes.io/instance=counter", "--all-containers", "--tail=-1"
        ).stdout,
        "operator log": operator.run("logs", "deployment/realtimeapp-operator", "--tail=-1").stdout,
    }
    mounted = kubectl.run(
        "exec", pod, "-c", "web", "--", "cat", "/etc/realtimeapp/secrets/database/url"
    ).stdout
    assert mounted == URL, "the search below must be looking for the right thing"
    for place, text in places.items():
        assert text, place
        assert not [place for value in values if value in text], f"a secret value appears in {place}"
