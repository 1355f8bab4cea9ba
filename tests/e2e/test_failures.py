"""A person's mistakes, each named for what it is, with the old pods serving until the manifest is mended."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from hack.clients.edge import ask
from tests.e2e.bystanders import bystanders, told
from tests.e2e.ledger import read_ledger

if TYPE_CHECKING:
    from hack.clients.kubectl import Kubectl
    from tests.e2e.bystanders import Bystanders

Patch = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """One broken spec: what is patched in, what Ready then says, what is patched to mend it."""

    breaks: Patch
    mends: Patch
    reason: str
    says: tuple[str, ...]
    condition: str = "Ready"
    before: tuple[Patch, ...] = field(default=())
    cuts_off: bool = False
    """Nobody gets through while it lasts: the way in itself is what is broken."""


QUOTA = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "small"},
    "spec": {"hard": {"pods": "3"}},
}

MISTAKES = {
    "bad image": Mistake(
        breaks={"image": "localhost/djust-counter:nowhere"},
        mends={"image": "localhost/djust-counter:2"},
        reason="ImagePullFailed",
        says=("localhost/djust-counter:nowhere", "spec.image"),
    ),
    "failing migration": Mistake(
        breaks={
            "env": [{"name": "DJUST_SQLITE_PATH", "value": "/nowhere/db.sqlite3"}],
            "migrations": {"backoffLimit": 0},
        },
        mends={"env": [], "migrations": None},
        reason="MigrationFailed",
        says=("unable to open database file",),
    ),
    "missing Secret": Mistake(
        breaks={"database": {"urlSecretRef": {"name": "nowhere", "key": "url"}}},
        mends={"database": None},
        reason="SecretMissing",
        says=("nowhere",),
    ),
    "wrong settings module": Mistake(
        breaks={"django": {"settingsModule": "counter.nowhere"}},
        mends={"django": {"settingsModule": "counter.settings"}},
        reason="SettingsModuleNotFound",
        says=("counter.nowhere", "spec.django.settingsModule"),
    ),
    "missing ASGI application": Mistake(
        breaks={"django": {"asgiApplication": "counter.nowhere:application"}},
        mends={"django": {"asgiApplication": None}},
        reason="AsgiApplicationNotFound",
        says=("counter.nowhere", "spec.django.asgiApplication"),
    ),
    "image without the server's package": Mistake(
        breaks={"web": {"server": "Hypercorn"}},
        mends={"web": {"server": None}},
        reason="PackageMissing",
        says=("hypercorn", "spec.web.server"),
    ),
    "quota refused": Mistake(
        before=(QUOTA,),
        breaks={"web": {"replicas": 9}},
        mends={"web": {"replicas": 1}},
        reason="QuotaExceeded",
        says=("small",),
    ),
    "unknown ingress class": Mistake(
        breaks={"ingress": {"className": "nowhere"}},
        mends={"ingress": {"className": "traefik"}},
        reason="IngressClassNotFound",
        says=("nowhere", "kubectl get ingressclass"),
        cuts_off=True,
    ),
    "no room on the node": Mistake(
        breaks={"web": {"podTemplate": {"resources": {"requests": {"cpu": "64"}}}}},
        mends={"web": {"podTemplate": {"resources": None}}},
        reason="Unschedulable",
        says=("cpu",),
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
async def test_a_mistake_is_named_and_the_old_pods_serve_until_it_is_mended(
    kubectl: Kubectl, host: str, counter: dict[str, Any], name: str
) -> None:
    mistake = MISTAKES[name]
    counter["spec"].setdefault("web", {})["replicas"] = 1
    kubectl.apply(*mistake.before, counter)
    kubectl.await_condition("counter", "Ready", within=60)
    if mistake.cuts_off:
        await make_and_mend(kubectl, "counter", mistake, None)
        assert await ask(host) == 200
    else:
        async with bystanders(host, page="/whoami/", socket="/ws/whoami/") as people:
            await make_and_mend(kubectl, "counter", mistake, people)


async def test_a_missing_wsgi_application_is_named_and_the_old_pods_serve_until_it_is_mended(
    kubectl: Kubectl, host: str
) -> None:
    kubectl.apply(read_ledger(host, framework="Django", web={"replicas": 1}))
    kubectl.await_condition("ledger", "Ready", within=90)
    mistake = Mistake(
        breaks={"django": {"wsgiApplication": "ledger.nowhere:application"}},
        mends={"django": {"wsgiApplication": None}},
        reason="WsgiApplicationNotFound",
        says=("ledger.nowhere", "spec.django.wsgiApplication"),
    )
    async with bystanders(host, sockets=0) as people:
        await make_and_mend(kubectl, "ledger", mistake, people)


async def make_and_mend(kubectl: Kubectl, app: str, mistake: Mistake, people: Bystanders | None) -> None:
    """Patch the mistake in, read what is said of it, patch it out; people visit all the while."""
    serving = await uids_of_web_pods(kubectl, app)
    await asyncio.to_thread(kubectl.patch, "rta", app, {"spec": mistake.breaks})
    await told(
        kubectl, app, mistake.condition, status="False", reason=mistake.reason, says=mistake.says, within=90
    )
    assert serving <= await uids_of_web_pods(kubectl, app), "the old pods must keep serving"
    if people is not None:
        people.assert_undisturbed()
    described = await asyncio.to_thread(kubectl.run, "describe", "rta", app)
    events = described.stdout.partition("Events:")[2]
    assert mistake.reason in events, events

    await asyncio.to_thread(kubectl.patch, "rta", app, {"spec": mistake.mends})
    await told(kubectl, app, "Ready", within=90)
    if people is not None:
        await people.assert_moved_politely()


async def uids_of_web_pods(kubectl: Kubectl, app: str) -> set[str]:
    """Which pods serve."""
    pods = await asyncio.to_thread(kubectl.web_pods, app)
    return {pod["metadata"]["uid"] for pod in pods}


async def test_somebody_elses_object_is_left_alone(kubectl: Kubectl, counter: dict[str, Any]) -> None:
    theirs = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "counter-web", "labels": {"owner": "another-team"}},
        "spec": {"ports": [{"port": 1234}], "selector": {"app": "theirs"}},
    }
    kubectl.apply(theirs)
    before = kubectl.get("service", "counter-web")
    kubectl.apply(counter)
    found = kubectl.await_condition("counter", "Reconciled", status="False", reason="NameConflict", within=60)
    assert "Service" in found["message"]
    assert "counter-web" in found["message"]
    after = kubectl.get("service", "counter-web")
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    kubectl.run("delete", "service", "counter-web")
    kubectl.await_condition("counter", "Ready", within=120)
