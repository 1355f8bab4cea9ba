"""The ports of a cluster that is taken over: what was killed may hold them for a moment after it is gone."""

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hack.clients.ports import find_port
from hack.cluster import record, up
from hack.cluster.errors import ClusterError
from hack.cluster.layout import CONTROL_PLANE, Profile, State
from hack.cluster.record import Record


@pytest.fixture(autouse=True)
def record_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own record is not touched."""
    monkeypatch.setattr(record, "location", lambda _profile: tmp_path / "record.json")


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    """Somebody listens where the API server will."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture
def profile(taken: socket.socket) -> Profile:
    """Named like no cluster of this machine, and with ports of its own."""
    return replace(
        CONTROL_PLANE,
        name="taken-over",
        api_port=taken.getsockname()[1],
        etcd_port=find_port(),
        etcd_peer_port=find_port(),
    )


@pytest.fixture
def former(profile: Profile, tmp_path: Path) -> State:
    """The state of another checkout, whose cluster is on record."""
    former = State(tmp_path / "former")
    former.root.mkdir()
    record.write(profile, Record(state=str(former.root), ready=True))
    return former


def test_ports_of_a_removed_cluster_are_waited_for(
    profile: Profile, former: State, taken: socket.socket, tmp_path: Path
) -> None:
    closing = threading.Timer(0.5, taken.close)
    closing.start()
    up.make_room(profile, State(tmp_path / "ours"))
    assert taken.fileno() == -1, "the port was free before its holder let go"
    assert not former.root.exists()


@pytest.mark.usefixtures("former")
def test_a_port_that_stays_taken_after_a_removal_is_named(
    profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(up, "RELEASE_SECONDS", 0.3)
    with pytest.raises(ClusterError, match=rf"listens on 127\.0\.0\.1:{profile.api_port}, .*ss -ltnp"):
        up.make_room(profile, State(tmp_path / "ours"))


def test_where_nothing_was_removed_a_taken_port_is_refused_at_once(profile: Profile, tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(ClusterError, match=rf"listens on 127\.0\.0\.1:{profile.api_port}, .*ss -ltnp"):
        up.make_room(profile, State(tmp_path / "ours"))
    assert time.monotonic() - began < up.RELEASE_SECONDS / 2
