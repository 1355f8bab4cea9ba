"""Building beside the rings: only where it helps, and never longer than they run."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from hack.clients.waiting import eventually
from hack.rings import surroundings
from hack.rings.ahead import Ahead
from hack.rings.surroundings import Surroundings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def test_what_is_built_ahead_ends_with_the_rings_whatever_it_started(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "ahead.log"
    command = ("sh", "-c", "sleep 600 & echo $!; nice; wait")
    with Ahead(wanted=True, command=command, log=log):
        eventually(lambda: len(log.read_text().split()) == 2, within=10, what="the builder works")
    child, niceness = log.read_text().split()
    assert niceness == "19"
    eventually(lambda: not runs(int(child)), within=10, what="the builder's child is gone")


def test_one_that_ended_by_itself_is_left_alone(tmp_path: Path) -> None:
    with Ahead(wanted=True, command=("false",), log=tmp_path / "log") as ahead:
        assert ahead is not None


def test_nothing_is_started_where_it_is_not_wanted(tmp_path: Path) -> None:
    with Ahead(wanted=False, log=tmp_path / "log"):
        assert not (tmp_path / "log").exists()


@pytest.mark.parametrize(
    ("rings", "user", "kubeconfig", "expected"),
    [
        (["lint", "unit", "e2e"], 0, "", ["buildah"]),
        (["e2e"], 0, "", []),
        (["lint", "unit"], 0, "", []),
        (["lint", "unit", "e2e"], 0, "somebody's own", []),
        (["lint", "unit", "e2e"], 1000, "", []),
    ],
)
def test_it_is_wanted_when_the_node_comes_later(
    monkeypatch: pytest.MonkeyPatch, rings: list[str], user: int, kubeconfig: str, expected: list[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    if kubeconfig:
        monkeypatch.setenv("KUBECONFIG", kubeconfig)
    installed: list[str] = []
    monkeypatch.setattr(surroundings, "install_missing", installed.extend)
    assert Surroundings().can_build_ahead(rings) is bool(expected)
    assert [tool for tool in installed if tool == "buildah"] == expected


def test_a_package_that_cannot_be_installed_is_the_rings_business(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_tools: Mapping[str, str]) -> None:
        raise subprocess.CalledProcessError(100, ["apt-get"])

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setattr(surroundings, "install_missing", fail)
    assert Surroundings().can_build_ahead(["unit", "e2e"]) is False


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
