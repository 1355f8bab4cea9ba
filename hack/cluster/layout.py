"""Names, addresses, ports and folders of both profiles, in one place so that they cannot clash."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]

BRIDGE = "rta0"
NODE_NAME = "node1"
NODE_ADDRESS = "10.244.0.1"
POD_CIDR = "10.244.0.0/24"
FIRST_POD_ADDRESS = "10.244.0.10"
SERVICE_CIDR = "10.96.0.0/16"
API_SERVICE_ADDRESS = "10.96.0.1"
CLUSTER_DOMAIN = "cluster.local"
NETWORK = "realtimeapp"
"""Name of the CNI network; its cache files outside the state folder begin with it."""
CGROUP = "realtimeapp-cluster"
"""Parent cgroup of every pod, so that clean-up finds ours and nobody else's."""

PAUSE_IMAGE = "localhost/realtimeapp-pause:1"
BASE_IMAGE = "localhost/realtimeapp-base:dev"
"""Runs the provisioner's mkdir and rm; comes with `make images`."""

LONGEST_STATE_PATH = 70
"""A Unix socket's path has at most 107 bytes, and the kubelet adds up to 36 below its root."""
ELSEWHERE = Path("/var/lib/realtimeapp-cluster")
"""Where the state of a checkout with a longer path goes, in a folder named by a hash of that path."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One of the two shapes of the cluster. Ports of the two differ: both may run at once."""

    name: str
    address: str
    api_port: int
    etcd_port: int
    etcd_peer_port: int
    tools: tuple[str, ...]
    needs_root: bool

    @property
    def server(self) -> str:
        """URL of the API server."""
        return f"https://{self.address}:{self.api_port}"


NODE = Profile(
    name="node",
    address=NODE_ADDRESS,
    api_port=6443,
    etcd_port=12379,
    etcd_peer_port=12380,
    tools=(
        "kube-apiserver",
        "etcd",
        "kube-controller-manager",
        "kube-scheduler",
        "kubelet",
        "kube-proxy",
        "coredns",
        "local-path-provisioner",
        "pause",
        "traefik",
    ),
    needs_root=True,
)
CONTROL_PLANE = Profile(
    name="control-plane",
    address="127.0.0.1",
    api_port=26443,
    etcd_port=22379,
    etcd_peer_port=22380,
    tools=("kube-apiserver", "etcd", "kube-controller-manager"),
    needs_root=False,
)
PROFILES = {profile.name: profile for profile in (NODE, CONTROL_PLANE)}


@dataclass(frozen=True)
class State:
    """The folder of one cluster: everything it writes that is not firewall, bridge or cgroup."""

    root: Path

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.root / "kubeconfig"

    @property
    def pki(self) -> Path:
        """Certificates and keys."""
        return self.root / "pki"

    @property
    def kubeconfigs(self) -> Path:
        """Kubeconfigs of the components."""
        return self.root / "kubeconfigs"

    @property
    def config(self) -> Path:
        """Rendered configuration of the components."""
        return self.root / "config"

    @property
    def logs(self) -> Path:
        """One log per component."""
        return self.root / "logs"

    @property
    def audit_log(self) -> Path:
        """The API server's audit log: one JSON object per line."""
        return self.root / "audit.log"

    @property
    def runtime(self) -> Path:
        """What containerd keeps only while it runs: sockets, mounts, network namespaces."""
        return self.root / "run"

    @property
    def containerd_socket(self) -> Path:
        """Where `ctr` and the kubelet find containerd."""
        return self.runtime / "containerd.sock"


def default_state(profile: Profile, *, checkout: Path = CHECKOUT) -> State:
    """Return the state folder of this checkout: inside it, or for a node whose checkout lies too deep, in /var/lib."""
    inside = checkout / ".cache" / "cluster" / profile.name
    if profile is NODE and len(str(inside)) > LONGEST_STATE_PATH:
        return State(ELSEWHERE / hashlib.sha256(str(checkout).encode()).hexdigest()[:8] / profile.name)
    return State(inside)
