"""The command line of every component, by profile. Pure: what is started, not how."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hack.cluster.layout import (
    BASE_IMAGE,
    NODE,
    NODE_ADDRESS,
    NODE_NAME,
    POD_CIDR,
    SERVICE_CIDR,
    Profile,
    State,
)

NEVER_ROTATE_MEGABYTES = 1_048_576
"""The audit log is counted by tests, so it must stay one file; 0 would mean the default of 100 MB."""

PING_PORTS = {"traefik": 18080, "traefik-2": 18081}
"""The replicas of the ingress controller, by name, and where each says that it serves."""


@dataclass(frozen=True, kw_only=True)
class Component:
    """A process of the cluster. `command[0]` is a path."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


def etcd(profile: Profile, state: State, program: Path) -> Component:
    """Return etcd, without fsync: a throw-away store need not survive a power cut."""
    clients = f"http://127.0.0.1:{profile.etcd_port}"
    peers = f"http://127.0.0.1:{profile.etcd_peer_port}"
    return Component(
        name="etcd",
        command=(
            str(program),
            f"--data-dir={state.root / 'etcd'}",
            f"--listen-client-urls={clients}",
            f"--advertise-client-urls={clients}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ),
    )


def apiserver(profile: Profile, state: State, program: Path) -> Component:
    """Return the API server with an audit line for every request, written before the request is answered."""
    pki = state.pki
    flags = [
        f"--etcd-servers=http://127.0.0.1:{profile.etcd_port}",
        f"--bind-address={profile.address}",
        f"--advertise-address={profile.address}",
        f"--secure-port={profile.api_port}",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--client-ca-file={pki / 'ca.crt'}",
        f"--service-account-key-file={pki / 'service-accounts.pub'}",
        f"--service-account-signing-key-file={pki / 'service-accounts.key'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        f"--service-cluster-ip-range={SERVICE_CIDR}",
        "--allow-privileged=true",
        f"--requestheader-client-ca-file={pki / 'front-proxy-ca.crt'}",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={pki / 'front-proxy.crt'}",
        f"--proxy-client-key-file={pki / 'front-proxy.key'}",
        "--enable-aggregator-routing=true",
        f"--audit-policy-file={state.config / 'audit-policy.yaml'}",
        f"--audit-log-path={state.audit_log}",
        "--audit-log-mode=blocking",
        f"--audit-log-maxsize={NEVER_ROTATE_MEGABYTES}",
    ]
    if profile is NODE:
        flags += [
            "--kubelet-preferred-address-types=InternalIP",
            f"--kubelet-client-certificate={pki / 'kubelet-client.crt'}",
            f"--kubelet-client-key={pki / 'kubelet-client.key'}",
            f"--kubelet-certificate-authority={pki / 'ca.crt'}",
        ]
    else:
        # Loopback is no valid endpoint of the `kubernetes` Service, and no pod is there to use it.
        flags.append("--endpoint-reconciler-type=none")
    return Component(name="kube-apiserver", command=(str(program), *flags))


def controller_manager(state: State, program: Path) -> Component:
    """Return the controllers, quick enough for hundreds of objects at once and without a port of their own."""
    return Component(
        name="kube-controller-manager",
        command=(
            str(program),
            f"--kubeconfig={state.kubeconfigs / 'kube-controller-manager'}",
            f"--service-account-private-key-file={state.pki / 'service-accounts.key'}",
            f"--root-ca-file={state.pki / 'ca.crt'}",
            "--use-service-account-credentials",
            "--leader-elect=false",
            "--secure-port=0",
            f"--flex-volume-plugin-dir={state.root / 'volume-plugins'}",
            "--kube-api-qps=200",
            "--kube-api-burst=400",
        ),
    )


def scheduler(state: State, program: Path) -> Component:
    """Return the scheduler, without a port of its own."""
    return Component(
        name="kube-scheduler",
        command=(
            str(program),
            f"--kubeconfig={state.kubeconfigs / 'kube-scheduler'}",
            "--leader-elect=false",
            "--secure-port=0",
        ),
    )


def containerd(state: State, program: Path) -> Component:
    """Return the container runtime."""
    return Component(
        name="containerd", command=(str(program), "--config", str(state.config / "containerd.toml"))
    )


def kubelet(state: State, program: Path) -> Component:
    """Return the node's agent."""
    return Component(
        name="kubelet",
        command=(
            str(program),
            f"--kubeconfig={state.kubeconfigs / 'kubelet'}",
            f"--config={state.config / 'kubelet.yaml'}",
            f"--root-dir={state.root / 'kubelet'}",
            f"--cert-dir={state.root / 'kubelet-certificates'}",
            f"--hostname-override={NODE_NAME}",
            f"--node-ip={NODE_ADDRESS}",
        ),
    )


def kube_proxy(state: State, program: Path) -> Component:
    """Return the Service proxy; it changes no conntrack setting and opens no port on loopback."""
    return Component(
        name="kube-proxy",
        command=(
            str(program),
            f"--kubeconfig={state.kubeconfigs / 'kube-proxy'}",
            "--proxy-mode=iptables",
            f"--hostname-override={NODE_NAME}",
            f"--cluster-cidr={POD_CIDR}",
            "--healthz-bind-address=127.0.0.1:10256",
            "--iptables-localhost-nodeports=false",
            "--conntrack-max-per-core=0",
            "--conntrack-tcp-timeout-established=0s",
            "--conntrack-tcp-timeout-close-wait=0s",
        ),
    )


def coredns(state: State, program: Path) -> Component:
    """Return the cluster's DNS server."""
    return Component(name="coredns", command=(str(program), "-conf", str(state.config / "Corefile")))


def local_path_provisioner(state: State, program: Path) -> Component:
    """Return the provisioner of the default StorageClass."""
    folder = state.config / "local-path"
    return Component(
        name="local-path-provisioner",
        command=(
            str(program),
            "start",
            f"--config={folder / 'config.json'}",
            f"--kubeconfig={state.kubeconfigs / 'local-path-provisioner'}",
            f"--helper-image={BASE_IMAGE}",
            f"--helper-pod-file={folder / 'helperPod.yaml'}",
        ),
        environment={"CONFIG_MOUNT_PATH": f"{folder}/"},
    )


def traefik(name: str, state: State, program: Path) -> Component:
    """Return a replica of the ingress controller, on loopback for people and on the bridge for pods.

    Two of them share the ports, and the kernel shares out the connections: an edge of replicas that learn of a pod each in
    its own time, as in production, and of twice the sockets one process may have files for. One is what tests rely on that
    ask for a page the moment an application is Ready.

    A set KUBECONFIG wins over its endpoint and token options, so its own is all it is given.
    """
    entries = []
    for suffix, address in (("", "127.0.0.1"), ("-bridge", NODE_ADDRESS)):
        entries += [
            f"--entrypoints.web{suffix}.address={address}:80",
            f"--entrypoints.web{suffix}.reuseport=true",
            f"--entrypoints.websecure{suffix}.address={address}:443",
            f"--entrypoints.websecure{suffix}.reuseport=true",
            f"--entrypoints.websecure{suffix}.http.tls=true",
        ]
    return Component(
        name=name,
        command=(
            str(program),
            *entries,
            f"--entrypoints.traefik.address=127.0.0.1:{PING_PORTS[name]}",
            "--ping=true",
            "--providers.kubernetesingress=true",
            # The one that pods reach as well: the operator connects to what an Ingress publishes.
            f"--providers.kubernetesingress.ingressendpoint.ip={NODE_ADDRESS}",
            # A test waits for the edge after every change; the default of 2 s would be most of its time.
            "--providers.providersThrottleDuration=100ms",
            "--global.checknewversion=false",
            "--global.sendanonymoususage=false",
            "--log.level=INFO",
            "--log.nocolor=true",
        ),
        environment={"KUBECONFIG": str(state.kubeconfigs / "traefik")},
    )


def plan(
    profile: Profile, state: State, programs: Mapping[str, Path], *, edges: int = 1
) -> dict[str, Component]:
    """Return the profile's components by name; `programs` gives the path of each tool, and of containerd.

    `edges` is how many replicas of the ingress controller there are, as many as PING_PORTS names at most.
    """
    planned = [
        etcd(profile, state, programs["etcd"]),
        apiserver(profile, state, programs["kube-apiserver"]),
        controller_manager(state, programs["kube-controller-manager"]),
    ]
    if profile is NODE:
        planned += [
            containerd(state, programs["containerd"]),
            scheduler(state, programs["kube-scheduler"]),
            kubelet(state, programs["kubelet"]),
            kube_proxy(state, programs["kube-proxy"]),
            coredns(state, programs["coredns"]),
            local_path_provisioner(state, programs["local-path-provisioner"]),
            *(traefik(name, state, programs["traefik"]) for name in list(PING_PORTS)[:edges]),
        ]
    return {component.name: component for component in planned}
