from __future__ import annotations

from typing import TYPE_CHECKING

from hack.cluster import cgroups
from hack.cluster.layout import CGROUP

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_pods_hold_their_own_on_a_busy_machine_and_may_enter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cgroups, "ROOT", tmp_path)
    # The kernel makes the files of a new group; here they are there before.
    for name, content in {
        "cpu/{}/cpu.shares": "1024",
        "cpuset/{}/cpuset.cpus": "",
        "cpuset/{}/cpuset.mems": "",
        "cpuset/cpuset.cpus": "0-1",
        "cpuset/cpuset.mems": "0",
        "pids/{}/pids.max": "max",
    }.items():
        file = tmp_path / name.format(CGROUP)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    cgroups.create()
    assert int((tmp_path / "cpu" / CGROUP / "cpu.shares").read_text()) > 1024
    assert (tmp_path / "cpuset" / CGROUP / "cpuset.cpus").read_text() == "0-1"
    assert (tmp_path / "cpuset" / CGROUP / "cpuset.mems").read_text() == "0"
