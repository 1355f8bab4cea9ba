"""Writes the state folder of a cluster before anything is started: keys, kubeconfigs, configuration."""

import string
from pathlib import Path
from typing import Any

import yaml

from hack.cluster import configuration, pki, teardown
from hack.cluster.errors import ClusterError
from hack.cluster.layout import BASE_IMAGE, NODE, Profile, State

MANIFESTS = Path(__file__).parent / "manifests"
RESOLV_CONF = Path("/etc/resolv.conf")
LOCAL_PATH_CONFIG = "local-path-config"


def prepare(profile: Profile, state: State, *, cni_plugins: str | None) -> None:
    """Write everything the components read, in a folder that is new or was kept."""
    state.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    (state.root / teardown.MARKER).touch()
    (state.root / teardown.KEPT).unlink(missing_ok=True)
    for folder in (state.logs, state.config, state.kubeconfigs, state.runtime):
        folder.mkdir(parents=True, exist_ok=True)
    pki.write(state.pki, profile)
    _write_kubeconfigs(profile, state)
    (state.config / "audit-policy.yaml").write_text(configuration.render_audit_policy())
    if profile is NODE and cni_plugins is not None:
        _write_node(state, cni_plugins)


def read_manifests(state: State) -> list[dict[str, Any]]:
    """Return the node profile's objects, in the order to apply them."""
    values = {"STATE": str(state.root), "BASE_IMAGE": BASE_IMAGE}
    objects: list[dict[str, Any]] = []
    for file in sorted(MANIFESTS.glob("*.yaml")):
        objects += yaml.safe_load_all(string.Template(file.read_text()).substitute(values))
    return objects


def _write_kubeconfigs(profile: Profile, state: State) -> None:
    authority = (state.pki / "ca.crt").read_bytes()
    for leaf in pki.leaves(profile):
        target = state.kubeconfig if leaf.file == "admin" else state.kubeconfigs / leaf.file
        target.touch(mode=0o600)
        target.write_text(
            configuration.render_kubeconfig(
                profile,
                authority=authority,
                certificate=(state.pki / f"{leaf.file}.crt").read_bytes(),
                key=(state.pki / f"{leaf.file}.key").read_bytes(),
            )
        )


def _write_node(state: State, cni_plugins: str) -> None:
    forward = RESOLV_CONF.exists() and configuration.has_resolver(RESOLV_CONF.read_text())
    texts = {
        "containerd.toml": configuration.render_containerd(state, cni_plugins=cni_plugins),
        "kubelet.yaml": configuration.render_kubelet(state),
        "Corefile": configuration.render_corefile(state, forward=forward),
        "cni/10-bridge.conflist": configuration.render_cni(state),
        "resolv.conf": configuration.render_resolv_conf(),
    }
    # The provisioner reads the files of its ConfigMap from a folder, too; one source for both.
    for name, text in _local_path_data(state).items():
        texts[f"local-path/{name}"] = text
    for name, text in texts.items():
        (state.config / name).parent.mkdir(parents=True, exist_ok=True)
        (state.config / name).write_text(text)


def _local_path_data(state: State) -> dict[str, str]:
    for manifest in read_manifests(state):
        if manifest["metadata"]["name"] == LOCAL_PATH_CONFIG:
            data: dict[str, str] = manifest["data"]
            return data
    raise ClusterError(f"{MANIFESTS} has no ConfigMap {LOCAL_PATH_CONFIG}.")
