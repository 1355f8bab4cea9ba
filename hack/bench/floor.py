"""The physical bound of the benchmark: a client that knows every byte in advance and keeps 32 requests in flight.

It writes what the operator wrote for one sample application, with the names exchanged: the custom resource, each child
by server-side apply, the status.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
import yaml

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hack.clients.kubectl import Kubectl

IN_FLIGHT = 32
AWAIT_SECONDS = 300.0
GROUP_PATH = "/apis/realtimeapp.dev/v1alpha1"
PLURALS = {
    "ServiceAccount": "serviceaccounts",
    "Secret": "secrets",
    "ConfigMap": "configmaps",
    "Service": "services",
    "Deployment": "deployments",
    "StatefulSet": "statefulsets",
    "PodDisruptionBudget": "poddisruptionbudgets",
    "Ingress": "ingresses",
    "NetworkPolicy": "networkpolicies",
    "CronJob": "cronjobs",
}
SERVER_FIELDS = ("managedFields", "uid", "resourceVersion", "creationTimestamp", "generation", "selfLink")

Object = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Everything the operator wrote for the application `sample`, ready to be sent again under another name."""

    children: tuple[Object, ...]
    status: Object


def application(name: str) -> Object:
    """The benchmark's RealtimeApp: the defaults, an ingress, nothing to migrate as there is no node to do it."""
    return {
        "apiVersion": "realtimeapp.dev/v1alpha1",
        "kind": "RealtimeApp",
        "metadata": {"name": name},
        "spec": {
            "image": "registry.example.com/counter:1.4.2",
            "framework": "Djust",
            "django": {"settingsModule": "counter.settings"},
            "migrations": {"policy": "Disabled"},
            "ingress": {"className": "bench", "provider": "Generic", "hosts": [f"{name}.example.com"]},
        },
    }


def take_sample(kubectl: Kubectl, name: str) -> Sample:
    """Read back what exists for one reconciled application; server-made fields are dropped."""
    app = kubectl.get("rta", name)
    found = kubectl.items(",".join(PLURALS.values()))
    mine = [
        i
        for i in found
        if app["metadata"]["uid"] in {o["uid"] for o in i["metadata"].get("ownerReferences", ())}
    ]
    return Sample(children=tuple(strip(item) for item in mine), status=app["status"])


def strip(item: Object) -> Object:
    """An object as a client would send it; the sent part is found through managedFields."""
    applied = next(
        f["fieldsV1"] for f in item["metadata"]["managedFields"] if f["manager"] == "realtimeapp-operator"
    )
    sent: Object = pick(item, applied)
    sent.update(apiVersion=item["apiVersion"], kind=item["kind"])
    sent["metadata"]["name"] = item["metadata"]["name"]
    sent["metadata"].pop("namespace", None)
    return sent


def pick(value: Any, fields: Object) -> Any:  # noqa: ANN401 - any JSON
    """The part of `value` that `fields` (a FieldsV1 tree) names."""
    if not {key for key in fields if key != "."}:
        return value
    if isinstance(value, dict):
        wanted = {key[2:]: tree for key, tree in fields.items() if key.startswith("f:")}
        return {key: pick(value[key], wanted[key]) for key in wanted if key in value}
    if isinstance(value, list):
        return [pick_item(item, fields) for item in value]
    return value


def pick_item(item: Any, fields: Object) -> Any:  # noqa: ANN401 - any JSON
    """The part of a list's item that the entry with its key names, the whole item where there is none."""
    for key, tree in fields.items():
        if key.startswith("k:") and isinstance(item, dict):
            names = json.loads(key[2:])
            if all(item.get(name) == expected for name, expected in names.items()):
                return {**names, **pick(item, tree)}
    return item


async def run(kubeconfig: Path, *, namespace: str, apps: int, sample: Sample) -> float:
    """Write everything for `apps` applications; seconds from the first request to the last answer."""
    children = [(item["kind"], item["apiVersion"], orjson.dumps(item)) for item in sample.children]
    status = orjson.dumps({"status": sample.status})
    async with session(kubeconfig) as (client, server):
        started = time.monotonic()
        waiting = iter(range(apps))

        async def work() -> None:
            for number in waiting:
                name = f"app{number}"
                body = await send(
                    client, "POST", f"{server}{collection(namespace)}", orjson.dumps(application(name))
                )
                uid = orjson.loads(body)["metadata"]["uid"].encode()
                await asyncio.gather(
                    *(
                        apply(client, server, namespace, child, name=name, uid=uid, sample=sample)
                        for child in children
                    )
                )
                url = f"{server}{collection(namespace)}/{name}/status"
                await send(
                    client, "PATCH", url, status.replace(b"sample", name.encode()), kind="merge-patch+json"
                )

        await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
        return time.monotonic() - started


async def apply(  # noqa: PLR0913 - the parts of one request
    client: aiohttp.ClientSession,
    server: str,
    namespace: str,
    child: tuple[str, str, bytes],
    *,
    name: str,
    uid: bytes,
    sample: Sample,
) -> None:
    """Server-side apply of one child under another application's name."""
    kind, version, template = child
    body = template.replace(owner(sample), uid).replace(b"sample", name.encode())
    own_name = orjson.loads(body)["metadata"]["name"]
    prefix = "/api/v1" if version == "v1" else f"/apis/{version}"
    url = f"{server}{prefix}/namespaces/{namespace}/{PLURALS[kind]}/{own_name}?fieldManager=floor&force=true"
    await send(client, "PATCH", url, body, kind="apply-patch+yaml")


def owner(sample: Sample) -> bytes:
    """The uid the sample's children carry."""
    uid: str = sample.children[0]["metadata"]["ownerReferences"][0]["uid"]
    return uid.encode()


async def create_and_await(kubeconfig: Path, *, namespace: str, apps: int) -> None:
    """Create `apps` applications, 32 in flight, and watch until every one is reconciled."""
    async with session(kubeconfig) as (client, server):
        url = f"{server}{collection(namespace)}"
        finished = asyncio.create_task(all_reconciled(client, url, apps))
        waiting = iter(range(apps))

        async def work() -> None:
            for number in waiting:
                await send(client, "POST", url, orjson.dumps(application(f"app{number}")))

        await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
        await asyncio.wait_for(finished, AWAIT_SECONDS)


async def all_reconciled(client: aiohttp.ClientSession, url: str, apps: int) -> None:
    """Return when `apps` different applications have been seen with Reconciled=True."""
    done: set[str] = set()
    timeout = aiohttp.ClientTimeout(total=None)
    while (
        len(done) < apps
    ):  # The server ends a watch when it likes, for example as the CRD's conditions change.
        async with client.get(f"{url}?watch=true&resourceVersion=0", timeout=timeout) as answer:
            async for line in answer.content:
                seen = orjson.loads(line)["object"]
                conditions = seen.get("status", {}).get("conditions", ())
                if any(c["type"] == "Reconciled" and c["status"] == "True" for c in conditions):
                    done.add(seen["metadata"]["name"])
                if len(done) == apps:
                    return


async def send(
    client: aiohttp.ClientSession, method: str, url: str, body: bytes, *, kind: str = "json"
) -> bytes:
    """One write; anything but success ends the benchmark with what the server said."""
    async with client.request(
        method, url, data=body, headers={"Content-Type": f"application/{kind}"}
    ) as answer:
        text = await answer.read()
        if answer.status not in {200, 201}:
            raise RuntimeError(f"{method} {url}: {answer.status} {text.decode()[:500]}")
        return text


def collection(namespace: str) -> str:
    """Path of the RealtimeApps of a namespace."""
    return f"{GROUP_PATH}/namespaces/{namespace}/realtimeapps"


@asynccontextmanager
async def session(kubeconfig: Path) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    """A client with the kubeconfig's certificate and at most 32 connections beside a watch, and the server's URL."""
    config: Object = yaml.safe_load(kubeconfig.read_text())  # noqa: ASYNC240 - before any request is made
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    context = ssl.create_default_context(cadata=material(cluster, "certificate-authority"))
    with tempfile.NamedTemporaryFile("w") as pair:
        pair.write(material(user, "client-certificate") + "\n" + material(user, "client-key"))
        pair.flush()
        context.load_cert_chain(pair.name)
    connector = aiohttp.TCPConnector(ssl=context, limit=IN_FLIGHT + 1)
    async with aiohttp.ClientSession(connector=connector, read_bufsize=2**20) as client:
        yield client, cluster["server"]


def material(section: Object, name: str) -> str:
    """PEM text of a kubeconfig entry, inline or from its file."""
    if f"{name}-data" in section:
        return base64.b64decode(section[f"{name}-data"]).decode()
    return Path(section[name]).read_text()
