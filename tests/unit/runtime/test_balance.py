from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from realtimeapp_runtime import balance, fleet
from realtimeapp_runtime.allowance import RETURN_SECONDS, Allowance
from realtimeapp_runtime.fleet import Mark, Row, View
from realtimeapp_runtime.pace import Pace
from tests.unit.runtime.fleets import REDIS_AHEAD, TICK, find_peak

if TYPE_CHECKING:
    from collections.abc import Mapping

RATE = 200.0
NOW = 50.0
MARK = Mark(begins=NOW - 10, until=NOW + 500)


def view(
    opens: Mapping[str, int],
    *,
    own: str = "a",
    mark: Mark | None = MARK,
    **changes: Any,  # noqa: ANN401 - the fields of Row
) -> View:
    """Pods with one process each; `changes` are made to the row of the pod `z`, or of the first where there is none."""
    odd = "z" if "z" in opens else min(opens)
    rows = {}
    for pod, count in opens.items():
        row = Row(pod=pod, revision="1", open=count, at=NOW)
        rows[pod] = replace(row, **changes) if pod == odd else row
    return View(own=own, rows=rows, read_at=NOW, ahead=0.0, mark=mark)


def test_a_killed_process_is_not_taken_for_an_empty_one() -> None:
    """Its row of rest is kept for 15 s, but under a mark whoever lives writes twice a second."""
    board = view({"a": 100, "b": 100, "z": 0}, at=NOW - 4)
    assert balance.find_excess(board, NOW) == balance.NONE
    assert balance.is_over(board, NOW)


def test_who_joins_others_of_the_same_revision_sets_a_mark() -> None:
    mark = balance.begin(view({"a": 0, "b": 500}, mark=None), NOW)
    assert mark == Mark(begins=NOW + 6, until=NOW + 600)


@pytest.mark.parametrize(
    "board", [view({"a": 0}, mark=None), view({"a": 0, "z": 5}, mark=None, revision="0")]
)
def test_who_is_the_first_or_comes_with_a_rollout_sets_none(board: View) -> None:
    assert balance.begin(board, NOW) is None


def test_another_process_of_the_same_pod_is_nobody_to_join() -> None:
    assert balance.begin(view({"a": 0, "z": 5}, mark=None, pod="a"), NOW) is None


@pytest.mark.parametrize(
    ("opens", "gives"),
    [
        ({"a": 200, "b": 200, "c": 0, "d": 0}, {"a": 100.0, "b": 100.0}),
        ({"a": 300, "b": 104, "c": 0, "d": 0}, {"a": 199.0}),
        ({"a": 116, "b": 84}, {"a": 16.0}),
        ({"a": 114, "b": 86}, {}),
        ({"a": 3, "b": 0}, {}),
        ({"a": 0, "b": 0}, {}),
    ],
)
def test_pods_well_above_the_mean_have_to_give(opens: dict[str, int], gives: dict[str, float]) -> None:
    for pod in opens:
        excess = balance.find_excess(view(opens, own=pod), NOW)
        assert excess.own == gives.get(pod, 0.0)
        assert excess.everybody == sum(gives.values())


def test_once_somebody_gives_they_go_on_to_the_lower_limit() -> None:
    opens = {"a": 114, "b": 86}
    assert balance.find_excess(view(opens, shedding=True), NOW).own == 14.0
    assert balance.find_excess(view({"a": 110, "b": 90}, shedding=True), NOW) == balance.NONE


def test_the_processes_of_a_pod_give_in_proportion() -> None:
    rows = {
        "a/1": Row(pod="a", revision="1", open=150, at=NOW),
        "a/2": Row(pod="a", revision="1", open=50, at=NOW),
        "b/1": Row(pod="b", revision="1", open=0, at=NOW),
    }
    parts = [
        balance.find_excess(View(own=own, rows=rows, read_at=NOW, ahead=0.0, mark=MARK), NOW).own
        for own in rows
    ]
    assert parts == [75.0, 25.0, 0.0]


@pytest.mark.parametrize(
    ("mark", "changes"),
    [
        (None, {}),
        (Mark(begins=NOW + 1, until=NOW + 600), {}),
        (Mark(begins=NOW - 600, until=NOW - 1), {}),
        (MARK, {"closes_from": NOW + 3}),
    ],
)
def test_nobody_gives_without_a_mark_or_while_somebody_drains(
    mark: Mark | None, changes: dict[str, Any]
) -> None:
    assert balance.find_excess(view({"a": 500, "z": 0}, mark=mark, **changes), NOW) == balance.NONE


def test_a_mark_is_over_when_they_are_even_or_its_time_is_up() -> None:
    assert balance.is_over(view({"a": 100, "b": 100}), NOW)
    assert not balance.is_over(view({"a": 500, "b": 100}), NOW)
    assert balance.is_over(view({"a": 500, "b": 100}), MARK.until + 1)
    assert not balance.is_over(view({"a": 0, "b": 0}, mark=Mark(begins=NOW + 5, until=NOW + 600)), NOW)
    assert not balance.is_over(view({"a": 100, "z": 100}, closes_from=NOW), NOW), "a drain changes it all"


def test_a_client_that_comes_back_by_its_cookie_is_sent_on_once_for_each_close() -> None:
    allowance = Allowance(rate=RATE, draw=lambda: 0.0)
    full, even = view({"a": 200, "b": 100}), view({"a": 100, "b": 100})
    assert not allowance.sends_on(full, NOW), "nobody was closed"
    for _ in range(3):
        allowance.note_shed(NOW)
    assert allowance.sends_on(full, NOW)
    assert not allowance.sends_on(even, NOW), "this pod has room"
    assert not allowance.sends_on(None, NOW)
    assert [allowance.sends_on(full, NOW + 1) for _ in range(3)] == [True, True, False]
    allowance.note_shed(NOW)
    assert not allowance.sends_on(full, NOW + RETURN_SECONDS + 1)


def test_what_is_given_away_under_one_mark_has_an_end() -> None:
    """Where the closed come back to the same pod, whatever the reason, nobody is asked for ever."""
    allowance = Allowance(rate=RATE, draw=lambda: 0.5)
    closed = 0
    for beat in range(1000):
        board = view({"a": 200, "b": 0})
        while allowance.find_rate(board, own=200, now=NOW + beat * 0.1) > 0:
            allowance.note_shed(NOW)
            closed += 1
    assert closed == 240
    assert not allowance.shedding


@dataclass(kw_only=True)
class Serving:
    """One process of one pod that serves: beats, gives away, and takes what the edge sends."""

    name: str
    pod: str
    open: int
    allowance: Allowance
    next_beat: float
    view: View | None = None
    pace: Pace | None = None
    closes: list[float] = field(default_factory=list)


def scale_out(
    *, before: list[int], joining: int, per_pod: int, pinned: bool, seed: int
) -> tuple[dict[str, int], list[float], float]:
    """Let `joining` empty pods join; return what each pod holds at the end, every close, and when it was even for good.

    Closed clients come back after 0.5 to 1 s, round robin over all pods; with `pinned` first to where they were.
    """
    source = random.Random(seed)  # noqa: S311 - reproducible, not a secret
    opens = [count // per_pod for count in before for _ in range(per_pod)] + [0] * joining * per_pod
    processes = [
        Serving(
            name=f"{number}",
            pod=f"{number // per_pod}",
            open=count,
            allowance=Allowance(rate=RATE / 2 if pinned else RATE, draw=source.random),
            next_beat=source.uniform(0, 5),
        )
        for number, count in enumerate(opens)
    ]
    board: dict[str, Row] = {}
    mark = Mark(begins=REDIS_AHEAD + 5, until=REDIS_AHEAD + 600)
    coming: list[tuple[float, Serving | None]] = []
    now, turn, uneven = 0.0, 0, 0.0
    while now < 600 and (now < 6 or coming or any(process.allowance.shedding for process in processes)):
        now += TICK
        landed = [client for client in coming if client[0] <= now]
        coming = [client for client in coming if client[0] > now]
        for _, pin in landed:
            if pin is not None and pin.allowance.sends_on(pin.view, now):
                pin.closes.append(now)
                coming.append((now + source.uniform(0.5, 1.0), None))
                continue
            target = pin or processes[turn % len(processes)]
            turn += pin is None
            target.open += 1
        for process in processes:
            if now >= process.next_beat:
                _beat(process, board, mark, now)
            _shed(process, coming, source, now, pinned=pinned)
        pods = _add_up(processes)
        if max(pods.values()) > 1.15 * sum(pods.values()) / len(pods):
            uneven = now
    return _add_up(processes), sorted(at for process in processes for at in process.closes), uneven


def _beat(process: Serving, board: dict[str, Row], mark: Mark, now: float) -> None:
    board[process.name] = Row(
        pod=process.pod,
        revision="1",
        open=process.open,
        at=now + REDIS_AHEAD,
        period=fleet.BUSY_SECONDS,
        shedding=process.allowance.shedding,
    )
    process.view = View(own=process.name, rows=dict(board), read_at=now, ahead=REDIS_AHEAD, mark=mark)
    process.next_beat = now + fleet.BUSY_SECONDS


def _shed(
    process: Serving,
    coming: list[tuple[float, Serving | None]],
    source: random.Random,
    now: float,
    *,
    pinned: bool,
) -> None:
    while process.open:
        rate = process.allowance.find_rate(process.view, own=process.open, now=now)
        if rate <= 0:
            process.pace = None
            return
        process.pace = process.pace or Pace(source.random, begins=now)
        if process.pace.wait(now=now, rate=rate) > 0:
            return
        process.pace.take()
        process.allowance.note_shed(now)
        process.open -= 1
        process.closes.append(now)
        coming.append((now + source.uniform(0.5, 1.0), process if pinned else None))


def _add_up(processes: list[Serving]) -> dict[str, int]:
    pods: dict[str, int] = {}
    for process in processes:
        pods[process.pod] = pods.get(process.pod, 0) + process.open
    return pods


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("pinned", [False, True])
@pytest.mark.parametrize(
    ("before", "joining", "per_pod"),
    [([1000] * 4, 4, 1), ([1000] * 4, 4, 2), ([1400, 900, 300, 200], 2, 1), ([600], 1, 2)],
)
def test_pods_that_join_get_their_part(
    before: list[int],
    joining: int,
    per_pod: int,
    pinned: bool,  # noqa: FBT001 - a column of the table
    seed: int,
) -> None:
    pods, closes, uneven = scale_out(
        before=before, joining=joining, per_pod=per_pod, pinned=pinned, seed=seed
    )
    assert sum(pods.values()) == sum(before), "nobody got lost"
    assert max(pods.values()) <= 1.15 * sum(before) / len(pods)
    assert uneven <= 5 + (3 if pinned else 1.5) * sum(before) / RATE, "long before ten minutes are over"
    # shares are of what was read up to half a second apart, and people come back when they like
    assert find_peak(closes) <= RATE * 1.1
    assert len(closes) <= (2.2 if pinned else 1.2) * sum(before), "hardly anybody is moved twice"


@pytest.mark.parametrize(
    ("opens", "changes", "expected"),
    [
        ({"a": 100, "b": 89}, {}, True),
        ({"a": 100, "b": 90}, {}, False),
        ({"a": 100, "z": 0}, {"closes_from": NOW}, False),
        ({"a": 100}, {}, False),
        ({"a": 100, "z": 0}, {"pod": "a"}, False),
    ],
)
def test_there_is_room_elsewhere_where_another_pod_serves_with_some(
    opens: dict[str, int], changes: dict[str, Any], *, expected: bool
) -> None:
    assert balance.is_room_elsewhere(view(opens, **changes), most=100) is expected
