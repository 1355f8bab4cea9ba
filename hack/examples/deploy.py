"""Brings one example up in a namespace: Secrets, what it needs beside it, the manifest, Ready, a route."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from hack.clients.edge import await_route
from hack.clients.waiting import eventually_async
from hack.examples.catalog import new_image, read_manifest, read_support
from hack.examples.driver import ExampleError, Support, Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from hack.clients.kubectl import Kubectl
    from hack.examples.driver import Driver, Object

    Say = Callable[[str], None]

READY_SECONDS = 120.0
LOOK_SECONDS = 0.5
"""Between two looks at the condition: what the figure in the table may be off by."""
SUPPORT_SECONDS = 90
WORKLOADS = ("Deployment", "StatefulSet")


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """An example that runs, and the seconds from `kubectl apply` to Ready."""

    target: Target
    ready_seconds: float


async def deploy(*, name: str, driver: Driver, kubectl: Kubectl, host: str, say: Say) -> Deployed:
    """Apply the example and wait until it is Ready and the edge has its route."""
    manifest = read_manifest(name, host=host)
    image = manifest["spec"]["image"]
    target = Target(
        app=manifest["metadata"]["name"],
        host=host,
        namespace=kubectl.namespace,
        image=image,
        new_image=new_image(image),
        kubectl=kubectl,
    )
    await start_support(driver.support, kubectl=kubectl, say=say)
    prepared = driver.prepare(target=target)
    if prepared:
        await asyncio.to_thread(kubectl.apply, *prepared)
    say(f"applying examples/{name}.yaml")
    started = time.monotonic()
    await asyncio.to_thread(kubectl.apply, manifest)
    await await_ready(target)
    ready = time.monotonic() - started
    say(f"Ready after {ready:.1f} s")
    await await_route(host)
    return Deployed(target=target, ready_seconds=ready)


async def start_support(wanted: frozenset[Support], *, kubectl: Kubectl, say: Say) -> None:
    """Start the programs an example needs beside it, one after the other in the order of their declaration."""
    if not wanted:
        return
    await asyncio.to_thread(kubectl.apply, *database_secrets(pooled=Support.PGBOUNCER in wanted))
    for support in Support:
        if support not in wanted:
            continue
        say(f"starting {support.value}")
        objects = read_support(support)
        await asyncio.to_thread(kubectl.apply, *objects)
        for found in objects:
            if found["kind"] in WORKLOADS:
                workload = f"{found['kind'].lower()}/{found['metadata']['name']}"
                wait = ("rollout", "status", workload, f"--timeout={SUPPORT_SECONDS}s")
                await asyncio.to_thread(kubectl.run, *wait)


def database_secrets(*, pooled: bool) -> tuple[Object, Object]:
    """The Secrets `postgres` and `database` with a password made up for this run."""
    password = secrets.token_urlsafe(16) + "/@:%"  # what a careless URL would break on
    user = f"app:{quote(password, safe='')}"
    direct = f"postgresql://{user}@postgres:5432/app"
    url = f"postgresql://{user}@pgbouncer:6432/app" if pooled else direct
    return secret("postgres", {"password": password}), secret("database", {"url": url, "direct-url": direct})


def secret(name: str, values: dict[str, str]) -> Object:
    """A Secret's manifest."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": values}


async def await_ready(target: Target) -> None:
    """Wait until Ready is True for the manifest as it was applied; ExampleError with the condition where it is not."""

    async def ready() -> bool:
        app = await asyncio.to_thread(target.kubectl.get, "rta", target.app)
        return any(
            c["type"] == "Ready"
            and c["status"] == "True"
            and c["observedGeneration"] == app["metadata"]["generation"]
            for c in app.get("status", {}).get("conditions", ())
        )

    try:
        await eventually_async(ready, within=READY_SECONDS, what="Ready", interval=LOOK_SECONDS)
    except AssertionError:
        found = await asyncio.to_thread(target.kubectl.condition, target.app, "Ready")
        says = (
            f"{found['reason']}: {found['message']}"
            if found
            else "there is no condition: is the operator running?"
        )
        raise ExampleError(f"not Ready within {READY_SECONDS:.0f} s; {says}") from None
