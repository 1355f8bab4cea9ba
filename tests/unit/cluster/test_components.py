from pathlib import Path

import pytest

from hack.cluster import components, up
from hack.cluster.components import Component
from hack.cluster.layout import CONTROL_PLANE, NODE, PROFILES, Profile, State

STATE = State(Path("/srv/state"))


def plan(profile: Profile, *, edges: int = 1) -> dict[str, Component]:
    programs = {name: Path("/cache", name) for name in (*profile.tools, "containerd")}
    return components.plan(profile, STATE, programs, edges=edges)


def test_the_two_profiles_can_run_at_once() -> None:
    ports = [port for one in PROFILES.values() for port in (one.api_port, one.etcd_port, one.etcd_peer_port)]
    assert len(set(ports)) == len(ports)


def test_the_control_plane_needs_three_programs_and_no_node() -> None:
    assert set(CONTROL_PLANE.tools) == {"etcd", "kube-apiserver", "kube-controller-manager"}
    assert set(plan(CONTROL_PLANE)) == set(CONTROL_PLANE.tools)


def test_the_node_runs_every_component() -> None:
    assert set(plan(NODE)) == {*NODE.tools, "containerd"} - {"pause"}
    assert set(plan(NODE, edges=2)) - set(plan(NODE)) == {"traefik-2"}


def test_the_audit_log_is_one_file_and_written_before_the_answer() -> None:
    for profile in PROFILES.values():
        command = plan(profile)["kube-apiserver"].command
        assert f"--audit-log-path={STATE.audit_log}" in command
        assert "--audit-log-mode=blocking" in command
        assert "--audit-log-maxsize=1048576" in command


def test_nothing_listens_outside_loopback_and_the_bridge() -> None:
    for profile in PROFILES.values():
        for component in plan(profile).values():
            assert not [word for word in component.command if "0.0.0.0" in word or "[::]" in word]  # noqa: S104 - looked for


@pytest.mark.parametrize("name", ["traefik", "traefik-2"])
def test_traefik_serves_loopback_and_pods_and_publishes_an_address(name: str) -> None:
    traefik = plan(NODE, edges=2)[name]
    for flag in (
        "--entrypoints.web.address=127.0.0.1:80",
        "--entrypoints.web.reuseport=true",
        "--entrypoints.web-bridge.address=10.244.0.1:80",
        "--entrypoints.websecure.address=127.0.0.1:443",
        "--providers.kubernetesingress.ingressendpoint.ip=10.244.0.1",
        "--providers.providersThrottleDuration=100ms",
    ):
        assert flag in traefik.command
    assert traefik.environment == {"KUBECONFIG": "/srv/state/kubeconfigs/traefik"}


def test_a_changed_flag_is_a_different_cluster() -> None:
    planned = plan(CONTROL_PLANE)
    changed = {**planned, "etcd": Component(name="etcd", command=(*planned["etcd"].command, "--debug"))}
    assert up.fingerprint(planned) == up.fingerprint(plan(CONTROL_PLANE))
    assert up.fingerprint(planned) != up.fingerprint(changed)
