"""What a running cluster can be given besides: metrics-server for CPU figures, KEDA as the other autoscaler.

They run as pods, as they do on a user's cluster, from images whose only file is the program. Neither is built or
started unless somebody asks: they are for trying autoscaling out and for the tests that are named for it. KEDA serves
external.metrics.k8s.io, of which a cluster has one: with it the chart's `externalMetrics.enabled` has to be false.
"""

import base64
import string
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hack.cluster import binaries, images, pki, record
from hack.cluster.api import Api, path_of
from hack.cluster.cluster import Cluster
from hack.cluster.errors import ClusterError
from hack.cluster.layout import CLUSTER_DOMAIN, NODE, State
from hack.cluster.record import Record
from hack.cluster.report import say

MANIFESTS = Path(__file__).parent / "addons"
KEDA_MODULE = "github.com/kedacore/keda/v2"


@dataclass(frozen=True, kw_only=True)
class Addon:
    """`services` are namespace/name of what its certificate is for; `crds` says where its kinds are declared."""

    name: str
    tools: tuple[str, ...]
    services: tuple[str, ...]
    crds: tuple[str, str] | None = None
    """The module and the folder in it with one CRD per file."""


ADDONS = {
    addon.name: addon
    for addon in (
        Addon(name="metrics-server", tools=("metrics-server",), services=("kube-system/metrics-server",)),
        Addon(
            name="keda",
            tools=("keda-operator", "keda-adapter"),
            services=("keda/keda-operator", "keda/keda-metrics-apiserver"),
            crds=(KEDA_MODULE, "config/crd/bases"),
        ),
    )
}


def add(name: str, state: State) -> None:
    """Build the add-on where it is not built, start it in the running node cluster, and wait until it serves."""
    addon = ADDONS[name]
    with record.locked(NODE):
        cluster = Cluster(NODE, state, _require_up(state))
        programs = binaries.build(addon.tools)
        images.load([_archive(tool, path) for tool, path in programs.items()], state=state.root)
        _issue_certificate(addon, state)
        api = Api(NODE, state)
        manifests = read_manifests(addon, state)
        # A kind is served a moment after its declaration; only the add-on itself writes any.
        for manifest in (*read_crds(addon), *manifests):
            api.apply(manifest)
        cluster.wait(f"{name} serves", lambda: _serves(api, manifests))


def remove(name: str, state: State) -> None:
    """Take the add-on out of the cluster; its kinds go first, while it still runs and lets go of their objects."""
    addon = ADDONS[name]
    with record.locked(NODE):
        cluster = Cluster(NODE, state, _require_up(state))
        api = Api(NODE, state)
        _issue_certificate(addon, state)
        _delete(cluster, api, read_crds(addon), f"{name} has let go of its objects")
        _delete(cluster, api, read_manifests(addon, state)[::-1], f"{name} is gone")


def _delete(cluster: Cluster, api: Api, manifests: list[dict[str, Any]], gone: str) -> None:
    if manifests:
        for manifest in manifests:
            api.delete(manifest)
        paths = [path_of(manifest) for manifest in manifests]
        cluster.wait(gone, lambda: all(api.get(path) is None for path in paths))


def image_of(tool: str) -> str:
    """Return the name of the image of a program; it changes with the program."""
    return f"localhost/realtimeapp-{tool}:{binaries.location(tool).parent.name.rpartition('-')[2]}"


def read_manifests(addon: Addon, state: State) -> list[dict[str, Any]]:
    """Return the add-on's objects, in the order to apply them."""

    def encoded(file: str) -> str:
        return base64.b64encode((state.pki / file).read_bytes()).decode()

    values = {tool.upper().replace("-", "_"): image_of(tool) for tool in addon.tools}
    values |= {
        "CA": encoded("ca.crt"),
        "CERTIFICATE": encoded(f"{addon.name}.crt"),
        "KEY": encoded(f"{addon.name}.key"),
    }
    text = string.Template((MANIFESTS / f"{addon.name}.yaml").read_text()).substitute(values)
    return list(yaml.safe_load_all(text))


def read_crds(addon: Addon) -> list[dict[str, Any]]:
    """Return the kinds the add-on declares, from the sources it is built from."""
    if addon.crds is None:
        return []
    module, folder = addon.crds
    files = sorted((binaries.module_folder(addon.tools[0], module) / folder).glob("*.yaml"))
    if not files:
        raise ClusterError(f"{module} has no {folder}.")
    return [yaml.safe_load(file.read_text()) for file in files]


def _require_up(state: State) -> Record:
    known = record.read(NODE)
    if known is None or not known.ready or known.state != str(state.root):
        raise ClusterError(f"No node cluster is up with its state in {state.root}; run `hack.cluster up`.")
    return known


def _archive(tool: str, program: Path) -> Path:
    """Return the image's archive, kept beside the program: packing takes longer than importing."""
    target = program.with_name(f"{tool}.tar")
    if not target.exists():
        say(f"Packing the image of {tool}")
        unfinished = target.with_name(f".{tool}.tar")
        unfinished.write_bytes(
            images.build_archive(program.read_bytes(), name=image_of(tool), command=f"/{tool}")
        )
        unfinished.replace(target)
    return target


def _issue_certificate(addon: Addon, state: State) -> None:
    names: list[str] = []
    for service in addon.services:
        namespace, _, name = service.partition("/")
        names += [f"{name}.{namespace}.svc", f"{name}.{namespace}.svc.{CLUSTER_DOMAIN}"]
    pki.issue(state.pki, pki.Leaf(file=addon.name, common_name=addon.name, names=tuple(names)))


def _serves(api: Api, manifests: list[dict[str, Any]]) -> bool:
    """Say whether every Deployment has its pods and every API answers."""
    for manifest in manifests:
        if manifest["kind"] not in {"Deployment", "APIService"}:
            continue
        live = api.get(path_of(manifest)) or {}
        conditions = live.get("status", {}).get("conditions", ())
        if not any(one["type"] == "Available" and one["status"] == "True" for one in conditions):
            return False
    return True
