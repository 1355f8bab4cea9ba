"""What the machine has to offer, and what it is refused for. Nothing is started before this has passed."""

import errno
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from hack.cluster.components import PING_PORTS
from hack.cluster.errors import ClusterError, UnsuitableMachineError
from hack.cluster.layout import LONGEST_STATE_PATH, NODE, NODE_ADDRESS, Profile, State
from hack.cluster.report import say

PACKAGES = {
    "containerd": "containerd",
    "ctr": "containerd",
    "containerd-shim-runc-v2": "containerd",
    "runc": "runc",
    "iptables": "iptables",
    "iptables-save": "iptables",
    "iptables-restore": "iptables",
    "ip": "iproute2",
    "umount": "mount",
}
"""Program -> the Debian package that has it."""

POLL_SECONDS = 0.1

IP_FREEBIND = 15
"""From linux/in.h; the socket module of Python 3.11 does not name it."""

PLUGIN_PACKAGE = "containernetworking-plugins"
PLUGIN_FOLDERS = ("/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni")
PLUGINS = ("bridge", "host-local", "loopback", "portmap")


def require_suitable(profile: Profile, state: State) -> None:
    """Refuse a machine on which the profile cannot run."""
    if sys.platform != "linux":
        raise UnsuitableMachineError("The cluster runs on Linux only: it is made of Linux processes.")
    if profile.needs_root and os.geteuid() != 0:
        raise UnsuitableMachineError(
            f"The {profile.name} cluster needs root: it creates network namespaces, mounts and firewall rules."
        )
    if profile is NODE and len(str(state.root)) > LONGEST_STATE_PATH:
        raise ClusterError(
            f"The state folder {state.root} has {len(str(state.root))} characters and the sockets in it allow"
            f" {LONGEST_STATE_PATH}; choose a shorter one with --state."
        )


def install_packages() -> None:
    """Install the distribution packages of the node profile that are missing."""
    missing = missing_packages()
    if not missing:
        return
    names = ", ".join(missing)
    if shutil.which("apt-get") is None:
        raise UnsuitableMachineError(
            f"These packages are missing, and there is no apt-get to install them: {names}."
        )
    say(f"Installing what the node needs from the distribution with apt-get: {names}.")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["install", "--yes", "--no-install-recommends", *missing]
    try:
        _apt_get(install, environment)
    except ClusterError:
        # The package lists are missing, or older than what the mirror still has.
        _apt_get(["update"], environment)
        _apt_get(install, environment)
    if still := missing_packages():
        raise UnsuitableMachineError(f"apt-get installed the packages, but these are still missing: {still}.")


def missing_packages() -> list[str]:
    """Return the packages whose programs are not there, sorted."""
    missing = {package for program, package in PACKAGES.items() if shutil.which(program) is None}
    if find_plugins() is None:
        missing.add(PLUGIN_PACKAGE)
    return sorted(missing)


def find_plugins() -> str | None:
    """Return the folder with the CNI plugins; None where no folder has all of them."""
    for folder in PLUGIN_FOLDERS:
        if all((Path(folder) / plugin).exists() for plugin in PLUGINS):
            return folder
    return None


def require_free_ports(profile: Profile, *, within: float = 0.0) -> None:
    """Refuse when somebody else listens where the cluster will: a clear sentence instead of a dying component.

    For `within` seconds a taken port is waited for.
    """
    deadline = time.monotonic() + within
    while taken := find_taken_ports(profile):
        if time.monotonic() >= deadline:
            raise ClusterError(
                f"Somebody else listens on {', '.join(taken)}, which the {profile.name} cluster needs;"
                " `ss -ltnp` tells who. Stop that program and run this again."
            )
        time.sleep(POLL_SECONDS)


def find_taken_ports(profile: Profile) -> list[str]:
    """Return where the cluster will listen and somebody does already, as ADDRESS:PORT."""
    addresses = [
        ("127.0.0.1", profile.etcd_port),
        ("127.0.0.1", profile.etcd_peer_port),
    ]
    if profile is NODE:
        addresses += [("127.0.0.1", 80), ("127.0.0.1", 443), (NODE_ADDRESS, 80), (NODE_ADDRESS, 443)]
        addresses += [
            (NODE_ADDRESS, 53),
            (NODE_ADDRESS, 10250),
            ("127.0.0.1", 10248),
            ("127.0.0.1", 10256),
            *(("127.0.0.1", port) for port in PING_PORTS.values()),
        ]
    addresses.append((profile.address, profile.api_port))
    return [f"{address}:{port}" for address, port in addresses if not _is_free(address, port)]


def _is_free(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # The bridge does not exist yet, but somebody who listens on every address is in the way already.
        probe.setsockopt(socket.SOL_IP, IP_FREEBIND, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            # Below 1024 without root is a matter for the component, not of somebody else.
            return error.errno != errno.EADDRINUSE
    return True


def _apt_get(arguments: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(
        ["apt-get", "-q", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        last = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise ClusterError(f"apt-get {arguments[0]} failed:\n{last}")
