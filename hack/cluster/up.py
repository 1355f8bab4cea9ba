"""Brings a cluster up and waits until it is of use."""

import hashlib
import http.client
import shutil
import socket
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from hack.cluster import binaries, cgroups, components, dns, files, images, machine, network, record, teardown
from hack.cluster.api import Api
from hack.cluster.cluster import Cluster
from hack.cluster.components import Component
from hack.cluster.layout import (
    API_SERVICE_ADDRESS,
    CLUSTER_DOMAIN,
    NODE,
    NODE_ADDRESS,
    NODE_NAME,
    Profile,
    State,
)
from hack.cluster.record import Record
from hack.cluster.report import say

PROXY_HEALTH = ("127.0.0.1", 10256, "/healthz")
OK = 200
RELEASE_SECONDS = 10.0
"""How long the ports of a cluster just removed may stay taken: as long as its processes may take to end."""
NODE_COMPONENTS = (
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "coredns",
    "local-path-provisioner",
    *components.PING_PORTS,
)
"""In the order of their start, once the API server and the controllers run."""


def bring_up(profile: Profile, state: State, *, edges: int = 1) -> None:
    """Make the profile's cluster run and be ready; does nothing when it already does."""
    machine.require_suitable(profile, state)
    if str(state.root) not in teardown.remains(profile):
        teardown.require_own_folder(state)
    with record.locked(profile):
        if profile is NODE:
            machine.install_packages()
        planned = plan(profile, state, edges=edges)
        known = record.read(profile)
        if known is not None and is_up(known, state, fingerprint(planned)):
            say(f"The {profile.name} cluster is already up.")
            return
        # Built before anything is touched: it may take minutes, and the old cluster is of use meanwhile.
        binaries.build(profile.tools)
        kept = make_room(profile, state)
        sysctls = network.read_sysctls() if profile is NODE else {}
        cluster = Cluster(profile, state, Record(state=str(state.root), sysctls=sysctls))
        try:
            files.prepare(profile, state, cni_plugins=machine.find_plugins())
            cluster.note(cluster.record)
            cluster.run(lambda: start(cluster, planned))
        except BaseException:
            # What was kept before is kept again; otherwise the files stay for a look at the logs.
            teardown.tear_down(profile, state, keep_state=kept, keep_files=True)
            raise
        cluster.note(replace(cluster.record, ready=True, fingerprint=fingerprint(planned)))
    cluster.clock.step(f"ready: export KUBECONFIG={state.kubeconfig}")


def plan(profile: Profile, state: State, *, edges: int = 1) -> dict[str, Component]:
    """Return the components with the paths their programs have on this machine."""
    programs = {name: binaries.location(name) for name in profile.tools}
    if profile is NODE:
        programs["containerd"] = Path(shutil.which("containerd") or "containerd")
    return components.plan(profile, state, programs, edges=edges)


def is_up(known: Record, state: State, mark: str) -> bool:
    """Say whether the noted cluster is the wanted one, complete and alive."""
    wanted = known.ready and known.state == str(state.root) and known.fingerprint == mark
    return wanted and all(component.alive for component in known.components)


def fingerprint(planned: Mapping[str, Component]) -> str:
    """Return a short hash of every command line and environment: a cluster of other ones is not reused."""
    return hashlib.sha256(repr(sorted(planned.items())).encode()).hexdigest()[:12]


def make_room(profile: Profile, state: State) -> bool:
    """Remove what an earlier cluster left, whoever started it; return whether a kept state continues.

    Raises ClusterError where somebody else holds a port.
    """
    kept = (state.root / teardown.KEPT).exists()
    found = teardown.remains(profile)
    others = sorted(found - {str(state.root)})
    if others:
        say(f"Removing the {profile.name} cluster of {', '.join(others)}: there can be one per machine.")
    elif found:
        say(f"Removing what is left of an earlier {profile.name} cluster.")
    if teardown.has_traces(profile):
        teardown.tear_down(profile, state, keep_state=kept)
        # A killed process gives up its memory, and with it the mark by which it is found, before its sockets.
        machine.require_free_ports(profile, within=RELEASE_SECONDS)
        return kept
    if not kept:
        teardown.remove_state(state)
    machine.require_free_ports(profile)
    return kept


def start(cluster: Cluster, planned: Mapping[str, Component]) -> None:
    """Start everything, in the order in which one needs the other, and wait until all of it serves."""
    api = Api(cluster.profile, cluster.state)
    if cluster.profile is NODE:
        _start_runtime(cluster, planned["containerd"])
    cluster.start(planned["etcd"])
    cluster.start(planned["kube-apiserver"])
    if cluster.profile is NODE:
        _import_pause_image(cluster)
    cluster.wait("the API server is ready", api.is_ready)
    cluster.start(planned["kube-controller-manager"])
    if cluster.profile is NODE:
        for manifest in files.read_manifests(cluster.state):
            api.apply(manifest)
        for name in NODE_COMPONENTS:
            if name in planned:
                cluster.start(planned[name])
    account = "/api/v1/namespaces/default/serviceaccounts/default"
    cluster.wait("the controllers work", lambda: api.get(account) is not None)
    if cluster.profile is NODE:
        edges = [
            ("127.0.0.1", port, "/ping") for name, port in components.PING_PORTS.items() if name in planned
        ]
        _wait_for_node(cluster, api, edges)
    cluster.require_alive()


def _start_runtime(cluster: Cluster, containerd: Component) -> None:
    network.create_bridge()
    network.write_sysctls(network.CHANGED)
    cgroups.create()
    cluster.start(containerd)


def _import_pause_image(cluster: Cluster) -> None:
    """Import the one image every pod needs, while the API server starts."""
    cluster.wait("containerd answers", lambda: _accepts(cluster.state.containerd_socket))
    archive = cluster.state.runtime / "pause.tar"
    images.write_pause_image(archive)
    images.load([archive], state=cluster.state.root)


def _wait_for_node(cluster: Cluster, api: Api, edges: list[tuple[str, int, str]]) -> None:
    cluster.wait("Services are routed", lambda: _answers(*PROXY_HEALTH) == OK)
    service = f"kubernetes.default.svc.{CLUSTER_DOMAIN}"
    cluster.wait("DNS answers", lambda: dns.ask(NODE_ADDRESS, service) == API_SERVICE_ADDRESS)
    cluster.wait("Traefik serves", lambda: all(_answers(*edge) == OK for edge in edges))
    path = f"/api/v1/nodes/{NODE_NAME}"
    cluster.wait("the node is Ready", lambda: is_node_ready(api.get(path), since=cluster.began))


def is_node_ready(node: Mapping[str, Any] | None, *, since: datetime) -> bool:
    """Say whether the node has reported Ready since that moment and nothing keeps pods off it.

    A kept state has the report of the run before, which says nothing about this kubelet.
    """
    if node is None or node.get("spec", {}).get("taints"):
        return False
    return any(
        one["type"] == "Ready"
        and one["status"] == "True"
        and datetime.fromisoformat(one["lastHeartbeatTime"]) >= since
        for one in node.get("status", {}).get("conditions", ())
    )


def count_edges() -> int:
    """Return how many replicas of the ingress controller serve on this machine."""
    return sum(_answers("127.0.0.1", port, "/ping") == OK for port in components.PING_PORTS.values())


def _answers(host: str, port: int, path: str) -> int | None:
    """Return the HTTP status; None while nobody answers."""
    connection = http.client.HTTPConnection(host, port, timeout=1)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _accepts(path: Path) -> bool:
    """Say whether somebody listens on the socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
