"""The arithmetic and the tables of the bench of rollouts: a figure that is wrong there is believed for ever."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from hack.bench.rollout.__main__ import parse
from hack.bench.rollout.measure import Outcome, unevenness
from hack.bench.rollout.report import describe_rollouts, describe_scale_in
from hack.bench.rollout.scale import ScaleIn
from hack.bench.rollout.sides import Size, choose_sides
from hack.examples.driver import Tally
from realtimeapp_operator.api.parse import parse as parse_app

SIZE = Size(pods=10, sockets=10_000, rate=200)
OUTCOME = Outcome(
    side="SurgeAll",
    sockets=10_000,
    seconds=71.2,
    closing_seconds=50.1,
    peak=207,
    source_peak=202.6,
    pace=201.4,
    codes={1012: 10_300, 1006: 2},
    closes_by_client=(1,) * 9_000 + (2,) * 651,
    refusals={"503": 4},
    downtimes=tuple(0.5 + number / 1000 for number in range(1000)),
    killed=0,
    departed=10,
    people=Tally(unit="clicks", sent=900, lost=0, doubled=0, requests=400, http_errors=1),
    spread=1.004,
    stalled=0.03,
    stranded=0,
)


def scale_in(before: tuple[int, ...], victims: tuple[int, ...]) -> ScaleIn:
    """A scale-in of which only the loads matter."""
    return ScaleIn(seed=1, before=before, victims=victims, codes={}, peak=0, seconds=0.0)


def test_the_ratio_is_one_only_when_exactly_the_lightest_went() -> None:
    assert scale_in((50, 10, 30, 20), (20, 10)).worst_ratio == 1.0
    assert scale_in((50, 10, 30, 20), (10, 30)).worst_ratio == 1.5
    assert scale_in((50, 10, 30, 20), (50, 30)).worst_ratio == 3.0
    assert scale_in((50, 10), ()).worst_ratio == float("inf")


def test_quantiles_and_reconnects_are_those_of_all_clients() -> None:
    assert OUTCOME.reconnects_per_client == pytest.approx(1.0302)
    assert OUTCOME.downtime(0.5) == pytest.approx(1.0)
    assert OUTCOME.downtime(1.0) == pytest.approx(1.499)
    assert replace(OUTCOME, downtimes=()).downtime(0.99) == 0.0


def test_a_pod_without_sockets_counts_into_the_mean() -> None:
    assert unevenness(Counter({"a": 10, "b": 10}), pods=2) == 1.0
    assert unevenness(Counter({"a": 10, "b": 10}), pods=4) == 2.0


def test_the_table_shows_the_bad_figures_beside_their_targets() -> None:
    stock = replace(OUTCOME, side="without", peak=930, source_peak=0.0)
    table = describe_rollouts(SIZE, [OUTCOME, stock])
    lines = {line[:40].strip(): line.split() for line in table.splitlines()}
    assert lines["closes that reach clients in any second"][-4:] == ["207", "930", "<=", "220"]
    assert lines["closed by the pods in any second"][-4:] == ["203", "-", "<=", "220"]
    assert "1012: 10300, 1006: 2" in table
    assert "9000 651" in table
    assert describe_scale_in([scale_in((50, 10, 30), (30,))]).count("3.000") == 1


def test_every_side_s_application_is_one_the_operator_accepts() -> None:
    for side in choose_sides(SIZE)[:2]:
        (app,) = side.objects(host="bench.localhost")
        app["metadata"] |= {"namespace": "bench", "uid": "u", "generation": 1}
        assert parse_app(app).spec.web.replicas == SIZE.pods


@pytest.mark.parametrize("arguments", [["--pods", "0"], ["--rate", "-1"], ["--sockets", "many"]])
def test_a_size_that_makes_no_sense_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        parse(arguments)
    assert refused.value.code == 2
    assert "must be a whole number from 1" in capsys.readouterr().err
