import os
import socket
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hack.cluster import cli, machine, record, up
from hack.cluster.errors import ClusterError, UnsuitableMachineError
from hack.cluster.layout import CONTROL_PLANE, NODE, State
from hack.cluster.record import Record


@pytest.fixture(autouse=True)
def _own_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "location", lambda profile: tmp_path / f"{profile.name}.json")


@pytest.mark.parametrize("command", ["up", "down", "status", "load", "add", "remove", "bin", "kubeconfig"])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])
    assert ended.value.code == 0
    assert command in capsys.readouterr().out


@pytest.mark.parametrize("command", ["up", "down"])
def test_without_root_one_sentence_says_so_and_names_the_way_out(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert cli.main([command]) == 1
    said = capsys.readouterr().err
    assert "needs root" in said
    assert "KUBECONFIG=" in said
    assert len(said.splitlines()) == 1


def test_another_system_than_linux_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cli.main(["up", "--profile", "control-plane"]) == 1
    assert "Linux only" in capsys.readouterr().err


def test_a_state_folder_too_deep_for_its_sockets_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(ClusterError, match="--state"):
        machine.require_suitable(NODE, State(Path("/" + "x" * 80)))


def test_a_port_in_use_is_named_before_anything_is_started() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ClusterError, match=rf"127\.0\.0\.1:{port}.*ss -ltnp"):
            machine.require_free_ports(replace(CONTROL_PLANE, etcd_port=port))


def test_status_of_nothing_is_a_failure_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["status"]) == 1
    assert "not up" in capsys.readouterr().out


def test_the_kubeconfig_of_nothing_says_how_to_get_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["kubeconfig", "--state", str(tmp_path)]) == 1
    assert "hack.cluster up" in capsys.readouterr().err


def test_a_cluster_counts_as_up_only_if_it_is_the_wanted_one() -> None:
    state = State(Path("/srv/state"))
    known = Record(state="/srv/state", ready=True, fingerprint="abc")
    assert up.is_up(known, state, "abc")
    assert not up.is_up(known, State(Path("/srv/other")), "abc")
    assert not up.is_up(known, state, "abd")
    assert not up.is_up(replace(known, ready=False), state, "abc")


def node(
    *, status: str = "True", heartbeat: str = "2026-01-02T03:04:05Z", taints: bool = False
) -> dict[str, object]:
    ready = {"type": "Ready", "status": status, "lastHeartbeatTime": heartbeat}
    spec = {"taints": [{"key": "node.kubernetes.io/not-ready"}]} if taints else {}
    return {"spec": spec, "status": {"conditions": [{"type": "MemoryPressure", "status": "False"}, ready]}}


def test_a_node_is_ready_once_it_says_so_in_this_run_and_takes_pods() -> None:
    since = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert up.is_node_ready(node(), since=since)
    assert not up.is_node_ready(node(status="False"), since=since)
    assert not up.is_node_ready(node(heartbeat="2026-01-02T03:04:04Z"), since=since)
    assert not up.is_node_ready(node(taints=True), since=since)
    assert not up.is_node_ready({"metadata": {}}, since=since)
    assert not up.is_node_ready(None, since=since)


FAKE_APT = """#!/bin/sh
echo "$2" >> "$CALLS"
case "$2" in
install) [ -e "$LISTS" ] || { echo "E: Unable to locate package"; exit 100; }; touch "$INSTALLED" ;;
update) touch "$LISTS" ;;
esac
"""


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An apt-get that needs its lists, on a machine that lacks one package."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "apt-get").write_text(FAKE_APT)
    (folder / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    for name in ("CALLS", "LISTS", "INSTALLED"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setattr(
        machine, "missing_packages", lambda: [] if (tmp_path / "INSTALLED").exists() else ["containerd"]
    )
    return tmp_path


def test_missing_packages_are_installed_and_named(apt: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (apt / "LISTS").touch()
    machine.install_packages()
    assert "apt-get: containerd" in capsys.readouterr().err
    assert (apt / "CALLS").read_text().split() == ["install"]
    machine.install_packages()
    assert (apt / "CALLS").read_text().split() == ["install"]


def test_package_lists_are_fetched_where_the_install_needs_them(apt: Path) -> None:
    machine.install_packages()
    assert (apt / "CALLS").read_text().split() == ["install", "update", "install"]


def test_without_apt_the_packages_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnsuitableMachineError, match=r"containerd, iproute2, .*KUBECONFIG="):
        machine.install_packages()


def test_status_of_another_checkouts_cluster_is_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record.write(NODE, Record(state="/srv/another", ready=True))
    assert cli.main(["status", "--state", str(tmp_path)]) == 1
    assert "/srv/another" in capsys.readouterr().out
