"""The bridge and the kernel settings of the node, and taking both back."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from hack.cluster.layout import BRIDGE, NETWORK, NODE_ADDRESS, POD_CIDR

SYSCTLS = Path("/proc/sys")
RESULTS = Path("/var/lib/cni/results")
CHANGED = {"net/ipv4/ip_forward": "1", "net/bridge/bridge-nf-call-iptables": "1"}
"""What the node needs."""
CHANGED_BY_COMPONENTS = (
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "net/ipv4/conf/all/route_localnet",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
)
"""What the kubelet and CNI set on their own."""


def read_sysctls() -> dict[str, str]:
    """Return the present values of everything the cluster changes, as far as this kernel has them."""
    values = {}
    for name in (*CHANGED, *CHANGED_BY_COMPONENTS):
        try:
            values[name] = (SYSCTLS / name).read_text().strip()
        except OSError:
            continue
    return values


def write_sysctls(values: Mapping[str, str]) -> None:
    """Set the values that differ; a kernel that lacks one or forbids it keeps its own."""
    for name, value in values.items():
        try:
            if (SYSCTLS / name).read_text().strip() != value:
                (SYSCTLS / name).write_text(value)
        except OSError:
            continue


def create_bridge() -> None:
    """Create the bridge that carries the node's address."""
    prefix = POD_CIDR.split("/")[1]
    subprocess.run(["ip", "link", "add", BRIDGE, "type", "bridge"], check=True)
    subprocess.run(["ip", "address", "add", f"{NODE_ADDRESS}/{prefix}", "dev", BRIDGE], check=True)
    subprocess.run(["ip", "link", "set", BRIDGE, "up"], check=True)


def has_bridge() -> bool:
    """Say whether the bridge exists."""
    return Path("/sys/class/net", BRIDGE).exists()


def delete_bridge() -> None:
    """Delete the bridge and the host ends of the pods' cables, and forget their addresses."""
    if has_bridge():
        for port in Path("/sys/class/net", BRIDGE, "brif").iterdir():
            # The other end's namespace may take it away at the same moment.
            subprocess.run(["ip", "link", "delete", port.name], capture_output=True, check=False)
        subprocess.run(["ip", "link", "delete", BRIDGE], check=True)
    _forget_results()


def _forget_results() -> None:
    """Delete CNI's notes of our pods; the loopback plugin's are ours where the bridge's of the same pod is."""
    for result in RESULTS.glob(f"{NETWORK}-*"):
        pod = result.name.removeprefix(f"{NETWORK}-").rpartition("-")[0]
        result.unlink(missing_ok=True)
        (RESULTS / f"cni-loopback-{pod}-lo").unlink(missing_ok=True)
