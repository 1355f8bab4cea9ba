import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hack.cluster import process, record
from hack.cluster.cluster import Cluster
from hack.cluster.components import Component
from hack.cluster.errors import ClusterError
from hack.cluster.layout import CONTROL_PLANE, State
from hack.cluster.process import Process
from hack.cluster.record import Record

STAT = "4711 (tmux: a (b) c) S 17 4711 4711 0 -1 4194560 1 0 0 0 5 6 0 0 20 0 1 0 98765 1 2 3\n"


def entry(pid: int, parent: int) -> Process:
    return Process(pid=pid, name="x", state="S", parent=parent, started=1)


def test_a_process_whose_name_has_blanks_and_parentheses_is_read() -> None:
    expected = Process(pid=4711, name="tmux: a (b) c", state="S", parent=17, started=98765)
    assert process.parse_stat(STAT) == expected


def test_an_environment_is_read_with_equal_signs_in_its_values() -> None:
    assert process.parse_environment(b"A=1\0B=x=y\0\0broken\0") == {"A": "1", "B": "x=y"}


def test_descendants_are_found_at_any_depth_and_strangers_are_not() -> None:
    table = {pid: entry(pid, parent) for pid, parent in {1: 0, 10: 1, 11: 10, 12: 11, 20: 1}.items()}
    assert process.with_descendants([10], table) == {10, 11, 12}


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[State]:
    monkeypatch.setattr(record, "location", lambda profile: tmp_path / f"{profile.name}.json")
    state = State(tmp_path / "state")
    state.logs.mkdir(parents=True)
    yield state
    process.end(
        pid for pid, root in process.find_marked(CONTROL_PLANE.name).items() if root == str(state.root)
    )


def test_a_component_outlives_its_starter_and_is_found_by_its_mark_alone(state: State) -> None:
    cluster = Cluster(CONTROL_PLANE, state, Record(state=str(state.root)))
    # The child of the component stands for containerd's shims: it inherits the mark.
    cluster.start(Component(name="etcd", command=("/bin/sh", "-c", "sleep 300 & wait")))
    noted = record.read(CONTROL_PLANE)
    assert noted is not None
    assert [component.name for component in noted.components] == ["etcd"]
    assert noted.components[0].alive

    def find() -> set[int]:
        return {
            pid for pid, root in process.find_marked(CONTROL_PLANE.name).items() if root == str(state.root)
        }

    deadline = time.monotonic() + 10
    while len(find()) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(find()) == 2
    assert process.end_all(find, seconds=10) == set()
    assert not noted.components[0].alive


def test_a_reused_pid_is_not_mistaken_for_the_component() -> None:
    started = process.parse_stat(Path(f"/proc/{os.getpid()}/stat").read_text()).started
    assert process.is_alive(os.getpid(), started)
    assert not process.is_alive(os.getpid(), started + 1)


def test_a_component_that_dies_speaks_its_last_lines(state: State) -> None:
    cluster = Cluster(CONTROL_PLANE, state, Record(state=str(state.root)))
    script = "for i in $(seq 30); do echo line $i; done; echo no space left; exit 3"
    cluster.start(Component(name="etcd", command=("/bin/sh", "-c", script)))
    with pytest.raises(ClusterError, match="etcd has ended") as raised:
        cluster.wait("never", lambda: False)
    message = str(raised.value)
    assert message.endswith("no space left")
    assert "line 12" in message
    assert "line 11\n" not in message


def test_what_cannot_be_killed_is_told() -> None:
    assert process.end_all(lambda: {2**22 + 1}, seconds=0.05) == {2**22 + 1}


def test_ending_a_process_that_is_gone_is_no_error() -> None:
    process.end([2**22 + 1], by=signal.SIGTERM)
