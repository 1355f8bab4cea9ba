"""Takes a cluster away: processes, mounts, namespaces, bridge, firewall rules, cgroups, and its folder.

Everything is found by what it is, not by a list somebody may have lost: an interrupted `up`, a killed cluster and
one of a deleted checkout are cleaned the same way. Components are killed, not asked: kube-apiserver alone would
take a minute while watches are open, and nothing here is worth a flush.
"""

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Iterable
from pathlib import Path

from hack.cluster import cgroups, firewall, mounts, network, process, record
from hack.cluster.errors import ClusterError
from hack.cluster.layout import NODE, Profile, State
from hack.cluster.record import Record

KILL_SECONDS = 10.0
FLUSH_SECONDS = 3.0
FLUSHED = ("etcd", "containerd")
"""Asked to end when the state is kept: they write it."""

MARKER = ".realtimeapp-cluster"
KEPT = ".kept"
VOLATILE = ("run", "pod-logs", "config")
CONTAINER_LOGS = Path("/var/log/containers")
DEVICE_PLUGINS = Path("/var/lib/kubelet/device-plugins")
"""Two folders for which the kubelet has no option."""


def remains(profile: Profile) -> set[str]:
    """Return the state folders of what is left on this machine of a cluster of the profile, running or not."""
    found = set(process.find_marked(profile.name).values())
    known = record.read(profile)
    if known is not None:
        found.add(known.state)
    return found


def has_traces(profile: Profile) -> bool:
    """Say whether anything of a cluster of the profile is on this machine.

    Without this question the rules and sockets of somebody's real kubelet would be taken for ours.
    """
    return bool(remains(profile)) or (profile is NODE and (network.has_bridge() or cgroups.exists()))


def tear_down(profile: Profile, state: State, *, keep_state: bool = False, keep_files: bool = False) -> None:
    """Remove the profile's cluster from the machine, whichever folders it uses; `state` is removed with it.

    `keep_state` leaves what a later `up` continues with; `keep_files` leaves everything for a look at the logs.
    """
    traces = has_traces(profile)
    known = record.read(profile)
    ours = remains(profile)
    folders = {*ours, str(state.root)}
    if keep_state and known is not None:
        _flush(known)
    _kill(profile)
    for folder in map(Path, folders):
        _unmount(folder)
        _remove_sockets(State(folder))
    if traces and profile is NODE:
        _clean_node(known, folders)
    for left in map(Path, folders):
        if keep_state and left == state.root:
            _strip(state)
        elif not keep_files:
            remove_state(State(left), known=str(left) in ours)
    record.remove(profile)


def require_own_folder(state: State) -> None:
    """Refuse a folder with somebody's files in it: it would be deleted with the cluster."""
    if state.root.exists() and not (state.root / MARKER).exists() and any(state.root.iterdir()):
        raise ClusterError(
            f"{state.root} is not empty and no cluster's folder; choose another one with --state."
        )


def remove_state(state: State, *, known: bool = False) -> None:
    """Delete the folder, if it is one of ours and nothing is mounted in it.

    `known` is for a folder that a cluster ran in: its marker may have gone with its checkout.
    """
    if not known:
        require_own_folder(state)
    if not state.root.exists():
        return
    if os.geteuid() == 0:
        _unmount(state.root)
    shutil.rmtree(state.root)


def _flush(known: Record) -> None:
    """Kill what writes to etcd and containerd, then let those two finish."""
    process.end(
        component.pid for component in known.components if component.alive and component.name not in FLUSHED
    )
    writers = [component for component in known.components if component.name in FLUSHED]
    process.end((component.pid for component in writers if component.alive), by=signal.SIGTERM)
    deadline = time.monotonic() + FLUSH_SECONDS
    while any(component.alive for component in writers) and time.monotonic() < deadline:
        time.sleep(0.05)


def _kill(profile: Profile) -> None:
    """Kill every process of the cluster, pods included, until none is left."""

    def find() -> set[int]:
        table = process.process_table()
        found = process.with_descendants(process.find_marked(profile.name), table)
        if profile is NODE:
            found |= cgroups.find_processes() & set(table)
        return found - {os.getpid()}

    if survivors := process.end_all(find, seconds=KILL_SECONDS):
        raise ClusterError(
            f"These processes of the {profile.name} cluster do not end: {sorted(survivors)}; "
            "they wait in the kernel. Look at them with ps, and run this again."
        )


def _unmount(folder: Path) -> None:
    if left := mounts.unmount_below(folder):
        raise ClusterError(f"Still mounted, so nothing below is deleted: {', '.join(left)}.")


def _remove_sockets(state: State) -> None:
    """Delete the shims' sockets: containerd keeps them outside its state, each named in its task's folder."""
    tasks = state.runtime / "containerd" / "io.containerd.runtime.v2.task"
    for address in tasks.glob("*/*/address"):
        Path(address.read_text().strip().removeprefix("unix://")).unlink(missing_ok=True)


def _clean_node(known: Record | None, folders: Iterable[str]) -> None:
    network.delete_bridge()
    firewall.remove_rules()
    cgroups.remove()
    if known is not None:
        network.write_sysctls(known.sysctls)
    if CONTAINER_LOGS.is_dir():
        for link in CONTAINER_LOGS.iterdir():
            if link.is_symlink() and any(str(link.readlink()).startswith(f"{folder}/") for folder in folders):
                link.unlink()
    (DEVICE_PLUGINS / "kubelet.sock").unlink(missing_ok=True)
    for folder in (DEVICE_PLUGINS, DEVICE_PLUGINS.parent):
        with contextlib.suppress(OSError):  # somebody else's files are in it, or it never was
            folder.rmdir()


def _strip(state: State) -> None:
    """Delete what belongs to the run, and mark the rest as worth continuing with."""
    if not (state.root / MARKER).exists():
        return
    for name in VOLATILE:
        shutil.rmtree(state.root / name, ignore_errors=True)
    (state.root / KEPT).touch()
