from pathlib import Path

import pytest

from hack.cluster import firewall, mounts, record, teardown
from hack.cluster.errors import ClusterError
from hack.cluster.layout import NODE, State
from hack.cluster.record import Record, Running

SAVED = """\
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:DOCKER - [0:0]
:KUBE-FORWARD - [0:0]
-A INPUT -p tcp --dport 22 -j ACCEPT
-A FORWARD -j DOCKER
-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:CNI-DN-0123 - [0:0]
:CNI-DN-4567 - [0:0]
:CNI-HOSTPORT-DNAT - [0:0]
:CNI-HOSTPORT-MASQ - [0:0]
:CNI-HOSTPORT-SETMARK - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
-A CNI-DN-0123 -p tcp -m tcp --dport 31999 -j DNAT --to-destination 10.244.0.14:8000
-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \\"realtimeapp\\" id: \\"4f\\"" -j CNI-DN-0123
FOREIGN
-A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
-A PREROUTING -i eth0 -j MARK --set-xmark 0x1/0xffffffff
COMMIT
"""
FOREIGN = (
    '-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \\"podman\\" id: \\"aa\\"" -j CNI-DN-4567'
)


def test_our_rules_and_chains_go_and_everybody_elses_stay() -> None:
    assert firewall.build_removal(SAVED.replace("FOREIGN\n", "")).splitlines() == [
        "*filter",
        '-D FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD',
        "-F KUBE-FORWARD",
        "-X KUBE-FORWARD",
        "COMMIT",
        "*nat",
        "-D PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT",
        "-F CNI-DN-0123",
        "-F CNI-HOSTPORT-DNAT",
        "-F CNI-HOSTPORT-MASQ",
        "-F CNI-HOSTPORT-SETMARK",
        "-X CNI-DN-0123",
        "-X CNI-HOSTPORT-DNAT",
        "-X CNI-HOSTPORT-MASQ",
        "-X CNI-HOSTPORT-SETMARK",
        "COMMIT",
    ]


def test_chains_that_another_network_shares_stay() -> None:
    removal = firewall.build_removal(SAVED.replace("FOREIGN", FOREIGN))
    nat = removal[removal.index("*nat") :].splitlines()
    assert nat == [
        "*nat",
        '-D CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \\"realtimeapp\\" id: \\"4f\\"" -j CNI-DN-0123',
        "-F CNI-DN-0123",
        "-X CNI-DN-0123",
        "COMMIT",
    ]


def test_a_firewall_without_our_rules_is_not_touched() -> None:
    assert firewall.build_removal("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j ACCEPT\nCOMMIT\n") == ""


def test_mounts_below_the_folder_are_found_deepest_first() -> None:
    table = (
        "tmpfs /srv/my\\040state/kubelet/pods/1/volumes/x tmpfs rw 0 0\n"
        "overlay /srv/my\\040state/run/rootfs overlay rw 0 0\n"
        "tmpfs /srv/my\\040state/kubelet/pods/1/volumes/x/y tmpfs rw 0 0\n"
        "nsfs /srv/my\\040state/run/netns/cni-1//deleted nsfs rw 0 0\n"
        "/dev/vda /srv/my\\040state-of-another ext4 rw 0 0\n"
        "/dev/vda / ext4 rw 0 0\n"
    )
    assert mounts.parse_mounts(table, Path("/srv/my state")) == [
        "/srv/my state/run/rootfs",
        "/srv/my state/run/netns/cni-1",
        "/srv/my state/kubelet/pods/1/volumes/x/y",
        "/srv/my state/kubelet/pods/1/volumes/x",
    ]


def test_a_folder_that_is_no_clusters_is_never_deleted(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ClusterError, match="--state"):
        teardown.remove_state(State(tmp_path))
    assert (tmp_path / "thesis.txt").exists()


def test_a_clusters_folder_is_deleted_whole(tmp_path: Path) -> None:
    root = tmp_path / "state"
    (root / "etcd").mkdir(parents=True)
    (root / teardown.MARKER).touch()
    teardown.remove_state(State(root))
    assert not root.exists()


def test_a_record_survives_writing_and_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "location", lambda profile: tmp_path / f"{profile.name}.json")
    written = Record(
        state="/srv/state",
        ready=True,
        fingerprint="abc",
        components=(Running(name="etcd", pid=7, started=99),),
        sysctls={"net/ipv4/ip_forward": "0"},
    )
    assert record.read(NODE) is None
    record.write(NODE, written)
    assert record.read(NODE) == written
    record.remove(NODE)
    assert record.read(NODE) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"state": "/x"}', '{"components": [], "colour": 1}'])
def test_a_damaged_record_is_as_good_as_none(text: str) -> None:
    assert record.parse(text) is None
