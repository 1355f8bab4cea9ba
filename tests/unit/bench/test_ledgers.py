from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING

import pytest

from hack.bench.rollout.ledgers import LedgerWatch, find_fastest
from realtimeapp_runtime import ledger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def join(pods: Path, name: str) -> ledger.Ledger:
    """A process of a pod, with a process id that means another process out here."""
    folder = pods / name / "volumes" / "kubernetes.io~empty-dir" / "run"
    book = ledger.Ledger(folder)
    book.open()
    book.cells[ledger.PROCESS] = 1
    return book


def test_the_closes_of_all_pods_are_added_up_whatever_their_cause(tmp_path: Path) -> None:
    one, other = join(tmp_path, "one"), join(tmp_path, "other")
    watch = LedgerWatch(tmp_path)
    one.cells[ledger.DRAINED["websocket"]] = 5
    other.cells[ledger.SHED["websocket"]] = 2
    other.cells[ledger.ACCEPTED["websocket"]] = 900
    watch.look()
    late = join(tmp_path, "late")
    late.cells[ledger.EXPIRED["websocket"]] = 1
    watch.look()
    assert [count for _, count in watch.samples] == [7, 8]


def test_what_a_pod_closed_stays_counted_when_it_is_gone_and_looking_removes_nothing(tmp_path: Path) -> None:
    book = join(tmp_path, "one")
    book.cells[ledger.DRAINED["websocket"]] = 5
    watch = LedgerWatch(tmp_path)
    watch.look()
    (file,) = tmp_path.rglob("process-*")
    file.unlink()
    watch.look()
    assert [count for _, count in watch.samples] == [5, 5]


def test_a_pod_that_goes_while_it_is_looked_for_does_not_end_the_watch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    join(tmp_path, "one").cells[ledger.DRAINED["websocket"]] = 5
    found = list(tmp_path.rglob("process-*"))

    def glob(_pods: Path, _pattern: str) -> Iterator[Path]:
        yield from found
        raise FileNotFoundError("the next pod's folder was removed")

    monkeypatch.setattr(pathlib.Path, "glob", glob)
    watch = LedgerWatch(tmp_path)
    watch.look()
    assert [count for _, count in watch.samples] == [5]


@pytest.mark.parametrize(
    ("samples", "fastest"),
    [
        ([], 0.0),
        ([(0.0, 0), (0.5, 400)], 0.0),
        ([(0.0, 0), (1.0, 100), (2.0, 300), (3.0, 310)], 200.0),
        ([(0.0, 0), (0.9, 90), (1.2, 240), (2.4, 250)], 200.0),
    ],
)
def test_a_span_shorter_than_a_second_is_no_second(samples: list[tuple[float, int]], fastest: float) -> None:
    assert find_fastest(samples) == pytest.approx(fastest)
