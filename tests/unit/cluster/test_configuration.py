import json
import tomllib
from pathlib import Path

import pytest
import yaml

from hack.cluster import configuration, files
from hack.cluster.layout import CGROUP, CONTROL_PLANE, NODE_ADDRESS, PAUSE_IMAGE, State

STATE = State(Path("/srv/a checkout/.cache/cluster/node"))


def test_the_audit_policy_drops_no_request() -> None:
    policy = yaml.safe_load(configuration.render_audit_policy())
    assert policy["rules"] == [{"level": "Metadata"}]
    assert policy["omitStages"] == ["RequestReceived"]


def test_the_kubelet_writes_below_the_state_folder_and_into_our_cgroup_only() -> None:
    config = yaml.safe_load(configuration.render_kubelet(STATE))
    for name in ("podLogsDir", "volumePluginDir", "tlsCertFile", "resolvConf"):
        assert config[name].startswith(f"{STATE.root}/"), name
    assert config["cgroupRoot"] == f"/{CGROUP}"
    assert config["makeIPTablesUtilChains"] is False
    assert config["authentication"]["anonymous"] == {"enabled": False}


def test_containerd_keeps_sockets_and_namespaces_below_the_state_folder() -> None:
    config = tomllib.loads(configuration.render_containerd(STATE, cni_plugins="/usr/lib/cni"))
    cri = config["plugins"]["io.containerd.grpc.v1.cri"]
    assert cri["sandbox_image"] == PAUSE_IMAGE
    assert cri["netns_mounts_under_state_dir"] is True
    assert config["grpc"]["address"] == f"{STATE.root}/run/containerd.sock"
    for folder in (config["root"], config["state"], cri["cni"]["conf_dir"]):
        assert folder.startswith(f"{STATE.root}/")


def test_the_pod_network_is_the_bridge_with_the_nodes_address_as_gateway() -> None:
    bridge, ports = json.loads(configuration.render_cni(STATE))["plugins"]
    assert bridge["bridge"] == "rta0"
    assert bridge["isGateway"] is True
    assert ports["type"] == "portmap"


@pytest.mark.parametrize(
    ("resolv_conf", "expected"),
    [
        ("nameserver 192.0.2.53\n", True),
        ("search example.org\n  nameserver 192.0.2.53", True),
        ("", False),
        ("nameserver\n", False),
        ("# nameserver 192.0.2.53\n", False),
    ],
)
def test_dns_forwards_only_where_the_machine_has_a_resolver(resolv_conf: str, expected: bool) -> None:  # noqa: FBT001 - a table's column
    assert configuration.has_resolver(resolv_conf) is expected
    corefile = configuration.render_corefile(STATE, forward=expected)
    assert ("forward . " in corefile) is expected
    assert f"bind {NODE_ADDRESS}" in corefile


def test_a_kubeconfig_holds_its_credentials_and_points_at_its_own_profile() -> None:
    text = configuration.render_kubeconfig(CONTROL_PLANE, authority=b"ca", certificate=b"crt", key=b"key")
    config = yaml.safe_load(text)
    assert config["clusters"][0]["cluster"]["server"] == CONTROL_PLANE.server
    assert config["clusters"][0]["cluster"]["certificate-authority-data"] == "Y2E="
    assert config["users"][0]["user"] == {"client-certificate-data": "Y3J0", "client-key-data": "a2V5"}
    assert config["current-context"] == config["contexts"][0]["name"]


def test_the_nodes_objects_include_a_default_storage_class_and_the_ingress_class() -> None:
    objects = {(one["kind"], one["metadata"]["name"]): one for one in files.read_manifests(STATE)}
    storage = objects["StorageClass", "local-path"]["metadata"]["annotations"]
    assert storage["storageclass.kubernetes.io/is-default-class"] == "true"
    assert storage["defaultVolumeType"] == "local"
    assert objects["IngressClass", "traefik"]["spec"]["controller"] == "traefik.io/ingress-controller"
    scripts = objects["ConfigMap", "local-path-config"]["data"]
    assert '"$VOL_DIR"' in scripts["setup"]
    assert json.loads(scripts["config.json"])["nodePathMap"][0]["paths"] == [f"{STATE.root}/volumes"]
