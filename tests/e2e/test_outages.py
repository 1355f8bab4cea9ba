"""PostgreSQL or Redis is away: it is said which, who visits notices nothing, and nobody has to do anything afterwards."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from hack.clients.waiting import eventually, eventually_async
from hack.examples.catalog import read_support
from hack.examples.deploy import database_secrets
from hack.examples.disruption import find_processes
from hack.examples.driver import Support
from tests.e2e.bystanders import LOOK_SECONDS, bystanders
from tests.e2e.ledger import APP, DATABASE, NEXT_IMAGE, Ledger, read_ledger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from hack.clients.kubectl import Kubectl

COMFORT = "The old pods keep serving."
DEFAULT = "storageclass.kubernetes.io/is-default-class"


async def test_a_database_that_is_away_holds_back_a_start_and_a_new_image_until_it_is_there(
    kubectl: Kubectl, host: str
) -> None:
    manifest = read_ledger(host, database=DATABASE, migrations={"backoffLimit": 0})
    ledger = Ledger(kubectl=kubectl, host=host, manifest=manifest)
    postgres = read_support(Support.POSTGRES)
    for item in postgres:
        if item["kind"] == "StatefulSet":
            item["spec"]["replicas"] = 0
    kubectl.apply(*database_secrets(pooled=False), *postgres, manifest)

    for condition in ("MigrationsComplete", "Ready"):
        found = await ledger.told(condition, status="False", reason="DatabaseUnavailable")
    assert "tried again by itself" in found["message"]
    assert COMFORT not in found["message"], "there are no old pods"
    await scale_database(kubectl, 1)
    await ledger.told("Ready", within=180)
    await ledger.settle()

    async with bystanders(host) as people:
        before = await ledger.web_pods()
        await scale_database(kubectl, 0)
        await ledger.apply(image=NEXT_IMAGE)
        await ledger.told("Ready", status="False", reason="DatabaseUnavailable", says=(COMFORT,))
        assert await ledger.web_pods() == before
        people.assert_undisturbed()
        await scale_database(kubectl, 1)
        await ledger.told("Ready", within=180)
        await ledger.settle()
        await people.assert_moved_politely()


async def test_a_redis_that_cannot_start_is_named_and_needs_nobody_to_come_back(
    kubectl: Kubectl, host: str
) -> None:
    storage_class = kubectl.namespace
    manifest = read_ledger(host)
    manifest["spec"]["redis"]["standalone"]["storage"]["className"] = storage_class
    ledger = Ledger(kubectl=kubectl, host=host, manifest=manifest)
    await ledger.apply()
    for condition in ("RedisReady", "Ready"):
        await ledger.told(
            condition,
            status="False",
            reason="VolumePending",
            says=("PersistentVolumeClaims", "StorageClass must exist"),
        )
    with storage(kubectl, storage_class):
        await ledger.told("Ready", within=120)


@pytest.mark.thorough
async def test_a_redis_that_dies_over_and_over_is_named_while_people_go_on(
    kubectl: Kubectl, host: str
) -> None:
    ledger = Ledger(kubectl=kubectl, host=host, manifest=read_ledger(host))
    await ledger.apply()
    await ledger.told("Ready", within=120)
    await ledger.settle()

    async def named() -> bool:
        ready = await asyncio.to_thread(kubectl.condition, APP, "Ready")
        return ready["status"] == "False" and "container redis was stopped" in ready["message"]

    async with bystanders(host) as people:
        async with deadly(kubectl, f"{APP}-redis-0"):
            await eventually_async(named, within=60, what="Redis named", interval=LOOK_SECONDS)
            people.assert_undisturbed()
        await ledger.told("Ready", within=120)
        people.assert_undisturbed()


async def scale_database(kubectl: Kubectl, replicas: int) -> None:
    """Take PostgreSQL away, or bring it back; its volume stays."""
    await asyncio.to_thread(kubectl.run, "scale", "statefulset/postgres", f"--replicas={replicas}")
    await asyncio.to_thread(kubectl.run, "rollout", "status", "statefulset/postgres", "--timeout=90s")

    async def there() -> bool:
        pods = await asyncio.to_thread(kubectl.items, "pods", "app.kubernetes.io/name=postgres")
        return len(pods) == replicas

    await eventually_async(there, within=60, what=f"{replicas} PostgreSQL", interval=LOOK_SECONDS)


@contextmanager
def storage(kubectl: Kubectl, name: str) -> Iterator[None]:
    """A StorageClass of this name that does what the cluster's default one does; gone with the application."""
    default = next(
        item
        for item in kubectl.items("storageclasses")
        if item["metadata"].get("annotations", {}).get(DEFAULT) == "true"
    )
    annotations = {key: value for key, value in default["metadata"]["annotations"].items() if key != DEFAULT}
    like = ("apiVersion", "kind", "provisioner", "parameters", "reclaimPolicy", "volumeBindingMode")
    kubectl.apply(
        {
            "metadata": {"name": name, "annotations": annotations},
            **{field: default[field] for field in like if field in default},
        }
    )
    try:
        yield
        kubectl.run("delete", "rta", APP, "--timeout=60s")
        # The provisioner reads the class when it removes a volume.
        eventually(
            lambda: not volumes(kubectl, name), within=90, what="the volume gone", interval=LOOK_SECONDS
        )
    finally:
        kubectl.run("delete", "storageclass", name)


def volumes(kubectl: Kubectl, storage_class: str) -> list[str]:
    """Volumes of a StorageClass."""
    found = kubectl.items("persistentvolumes")
    return [
        item["metadata"]["name"] for item in found if item["spec"].get("storageClassName") == storage_class
    ]


@asynccontextmanager
async def deadly(kubectl: Kubectl, pod: str) -> AsyncIterator[None]:
    """Kill what runs in a pod as soon as it runs, over and over."""

    async def kill() -> None:
        while True:
            found = await asyncio.to_thread(kubectl.get, "pod", pod)
            for process in find_processes(found):
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            await asyncio.sleep(LOOK_SECONDS)

    killer = asyncio.create_task(kill())
    try:
        yield
    finally:
        killer.cancel()
        with suppress(asyncio.CancelledError):
            await killer
