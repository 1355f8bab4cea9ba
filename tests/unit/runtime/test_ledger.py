from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from hack.clients.waiting import eventually
from realtimeapp_runtime import drain_flag, ledger, metrics, run_state

if TYPE_CHECKING:
    from pathlib import Path

CHILD = """
import sys
from pathlib import Path
from realtimeapp_runtime import ledger
book = ledger.Ledger(Path(sys.argv[1]))
book.open()
book.cells[ledger.WEBSOCKETS] = 7
book.cells[ledger.ACCEPTED["websocket"]] = 9
book.cells[ledger.CLOSED["websocket"]] = 2
print("open", flush=True)
sys.stdin.read()
"""


def start_child(run_dir: Path) -> subprocess.Popen[bytes]:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(run_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"open\n"
    return child


def kill(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.communicate()


def test_processes_see_each_other_s_counts_until_they_die(tmp_path: Path) -> None:
    book = ledger.Ledger(tmp_path)
    book.open()
    book.cells[ledger.WEBSOCKETS] = 3
    assert book.count_long_lived() == 3
    child = start_child(tmp_path)
    try:
        assert book.count_long_lived() == 10, "a new process is seen at once"
        assert ledger.add_up(ledger.read_all(tmp_path))[ledger.WEBSOCKETS] == 10
    finally:
        kill(child)
    book.find_others()
    assert book.count_long_lived() == 3
    assert len(ledger.read_all(tmp_path)) == 1
    departed = ledger.read_departed(tmp_path)
    assert departed[ledger.ACCEPTED["websocket"]] == departed[ledger.CLOSED["websocket"]] == 9
    assert departed[ledger.WEBSOCKETS] == 0


def test_a_zombie_holds_nothing(tmp_path: Path) -> None:
    child = start_child(tmp_path)
    try:
        child.kill()
        eventually(lambda: ledger.read_start_time(child.pid) is None, within=5, what="the child is a zombie")
        assert ledger.read_all(tmp_path) == []
    finally:
        kill(child)


def test_a_recycled_process_id_is_not_mistaken_for_its_owner(tmp_path: Path) -> None:
    book = ledger.Ledger(tmp_path)
    book.open()
    book.cells[ledger.STREAMS] = 4
    book.cells[ledger.STARTED] -= 1
    assert ledger.read_all(tmp_path) == []


def test_counts_made_before_the_file_exists_are_kept(tmp_path: Path) -> None:
    book = ledger.Ledger(tmp_path / "run")
    book.cells[ledger.REQUESTS] = 1
    book.open()
    assert ledger.read_all(tmp_path / "run")[0][ledger.REQUESTS] == 1


def test_the_first_drain_rules(tmp_path: Path) -> None:
    assert not drain_flag.is_set(tmp_path)
    assert drain_flag.read(tmp_path) is None
    assert drain_flag.begin(tmp_path, 100.25) == 100.25
    assert drain_flag.begin(tmp_path, 200.0) == 100.25
    assert drain_flag.is_set(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["draining"]


def test_a_starting_server_forgets_the_last_one(tmp_path: Path) -> None:
    drain_flag.begin(tmp_path, 1.0)
    ledger.Ledger(tmp_path).open()
    run_state.clear(tmp_path)
    assert list(tmp_path.iterdir()) == []
    run_state.clear(tmp_path / "new")
    assert (tmp_path / "new").is_dir()


def test_metrics_sum_the_living_and_remember_the_dead() -> None:
    alive = [[0] * ledger.CELLS for _ in range(2)]
    alive[0][ledger.WEBSOCKETS], alive[1][ledger.WEBSOCKETS], alive[1][ledger.STREAMS] = 5, 6, 1
    departed = [0] * ledger.CELLS
    departed[ledger.ACCEPTED["websocket"]] = 40
    alive[0][ledger.ACCEPTED["websocket"]] = 2
    text = metrics.render(alive=alive, departed=departed, draining=True)
    assert 'realtimeapp_connections{kind="websocket"} 11\n' in text
    assert 'realtimeapp_connections{kind="stream"} 1\n' in text
    assert 'realtimeapp_connections_accepted_total{kind="websocket"} 42\n' in text
    assert "realtimeapp_draining 1\n" in text
    assert "realtimeapp_processes 2\n" in text
    names = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(names) == len(set(names))
    assert all(f"# HELP {name} " in text for name in names)
