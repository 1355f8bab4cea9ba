"""Renders the configuration files of the components. Pure: strings in, strings out."""

import base64
import json
from typing import Any

import yaml

from hack.cluster.layout import (
    BRIDGE,
    CGROUP,
    CLUSTER_DOMAIN,
    FIRST_POD_ADDRESS,
    NETWORK,
    NODE_ADDRESS,
    PAUSE_IMAGE,
    POD_CIDR,
    Profile,
    State,
)


def render_kubeconfig(profile: Profile, *, authority: bytes, certificate: bytes, key: bytes) -> str:
    """Return a kubeconfig that holds its certificates, so that it can be copied elsewhere."""
    name = f"realtimeapp-{profile.name}"

    def encode(data: bytes) -> str:
        return base64.b64encode(data).decode()

    cluster = {"server": profile.server, "certificate-authority-data": encode(authority)}
    user = {"client-certificate-data": encode(certificate), "client-key-data": encode(key)}
    return _yaml(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        }
    )


def render_audit_policy() -> str:
    """Return a policy that records every request: who, what, when and the answer, but no bodies.

    RequestReceived is left out: each request would be in the log twice. A finished request has one line
    (ResponseComplete or Panic), a watch one more when it begins (ResponseStarted).
    """
    return _yaml(
        {
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "omitStages": ["RequestReceived"],
            "rules": [{"level": "Metadata"}],
        }
    )


def render_kubelet(state: State) -> str:
    """Return the kubelet's configuration; every path it would write outside `state` is moved inside."""
    return _yaml(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(state.pki / "ca.crt")},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": str(state.pki / "kubelet.crt"),
            "tlsPrivateKeyFile": str(state.pki / "kubelet.key"),
            "address": NODE_ADDRESS,
            "healthzBindAddress": "127.0.0.1",
            "containerRuntimeEndpoint": f"unix://{state.containerd_socket}",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{CGROUP}",
            # Both are how a container or a small virtual machine looks, and neither harms a throw-away node.
            "failCgroupV1": False,
            "failSwapOn": False,
            "clusterDNS": [NODE_ADDRESS],
            "clusterDomain": CLUSTER_DOMAIN,
            "resolvConf": str(state.config / "resolv.conf"),
            "podCIDR": POD_CIDR,
            "podLogsDir": str(state.root / "pod-logs"),
            "volumePluginDir": str(state.root / "volume-plugins"),
            # kube-proxy owns the firewall; the kubelet's own chains would outlive it.
            "makeIPTablesUtilChains": False,
            "evictionHard": {
                "nodefs.available": "1%",
                "imagefs.available": "1%",
                "memory.available": "100Mi",
            },
            # Images are imported, not pulled: one that is collected would never come back.
            "imageGCHighThresholdPercent": 100,
            "syncFrequency": "5s",
        }
    )


def render_containerd(state: State, *, cni_plugins: str) -> str:
    """Return containerd's configuration with its whole state, network namespaces included, inside `state`."""
    quote = json.dumps  # a TOML basic string is a JSON string for the characters a path may have
    return f"""\
version = 2
root = {quote(str(state.root / "containerd"))}
state = {quote(str(state.runtime / "containerd"))}
[grpc]
  address = {quote(str(state.containerd_socket))}
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = {quote(PAUSE_IMAGE)}
  # A machine without CAP_SYS_RESOURCE may not lower a process's oom_score_adj.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = {quote(cni_plugins)}
    conf_dir = {quote(str(state.config / "cni"))}
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      Root = {quote(str(state.runtime / "runc"))}
"""


def render_cni(state: State) -> str:
    """Return the pod network: a bridge whose address is the node's. Pods reach the machine, not the world."""
    addresses = {
        "type": "host-local",
        "ranges": [[{"subnet": POD_CIDR, "rangeStart": FIRST_POD_ADDRESS}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": str(state.runtime / "addresses"),
    }
    bridge = {
        "type": "bridge",
        "bridge": BRIDGE,
        "isGateway": True,
        "ipMasq": False,
        "hairpinMode": True,
        "ipam": addresses,
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return json.dumps({"cniVersion": "0.4.0", "name": NETWORK, "plugins": [bridge, ports]}, indent=1)


def render_corefile(state: State, *, forward: bool) -> str:
    """Return CoreDNS's configuration; `forward` sends other names to the machine's own resolvers."""
    upstream = "\n    forward . /etc/resolv.conf" if forward else ""
    return f"""\
.:53 {{
    bind {NODE_ADDRESS}
    errors
    kubernetes {CLUSTER_DOMAIN} in-addr.arpa ip6.arpa {{
        kubeconfig {state.kubeconfigs / "coredns"}
        pods insecure
        ttl 5
    }}{upstream}
    cache 5
}}
"""


def render_resolv_conf() -> str:
    """Return what pods see that do not use the cluster's search list: its server, not the machine's."""
    return f"nameserver {NODE_ADDRESS}\n"


def has_resolver(resolv_conf: str) -> bool:
    """Say whether a resolv.conf names a server; CoreDNS refuses to start on one that does not."""
    return any(
        line.split()[:1] == ["nameserver"] and len(line.split()) > 1 for line in resolv_conf.splitlines()
    )


def _yaml(document: dict[str, Any]) -> str:
    return yaml.safe_dump(document, sort_keys=False)
