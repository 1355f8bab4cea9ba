from __future__ import annotations

from dataclasses import replace

import pytest

from hack.examples.catalog import new_image
from hack.examples.disruption import Disruption
from hack.examples.driver import GOING_AWAY, ExampleError, Tally
from hack.examples.row import Row, find_faults, render_table

CALM = Tally(unit="messages", sent=120, lost=0, doubled=0, closes={1012: 8}, requests=40)
ROW = Row(
    name="channels-chat",
    ready_seconds=7.25,
    job="two rooms",
    tallies={Disruption.ROLLOUT: CALM, Disruption.KILL: replace(CALM, closes={1006: 4}, http_errors=2)},
    planned_codes=GOING_AWAY,
    memory=(81.2, 84.9),
)


def test_a_row_without_losses_has_no_faults() -> None:
    assert find_faults(ROW) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"lost": 1}, "1 of 120 messages lost"),
        ({"doubled": 2}, "2 of 120 messages arrived twice"),
        ({"state_losses": 3}, "3 clients lost their state"),
        ({"closes": {}}, "no socket was closed"),
    ],
)
@pytest.mark.parametrize("disruption", Disruption)
def test_a_loss_is_a_fault_whatever_happened(
    disruption: Disruption, change: dict[str, int], says: str
) -> None:
    tally = replace(ROW.tallies[disruption], **change)  # type: ignore[arg-type]  # one of the parameters each
    (fault,) = find_faults(replace(ROW, tallies={**ROW.tallies, disruption: tally}))
    assert fault.startswith(f"channels-chat, {disruption.value}: ")
    assert says in fault


@pytest.mark.parametrize(
    ("change", "says"),
    [({"closes": {1012: 8, 1006: 1}}, "1 x 1006"), ({"http_errors": 1}, "1 of 40 HTTP requests failed")],
)
def test_what_a_killed_pod_may_do_a_rollout_may_not(change: dict[str, int], says: str) -> None:
    tally = replace(CALM, **change)  # type: ignore[arg-type]  # one of the parameters each
    assert find_faults(replace(ROW, tallies={Disruption.KILL: tally})) == []
    (fault,) = find_faults(replace(ROW, tallies={Disruption.ROLLOUT: tally}))
    assert says in fault


def test_an_example_without_sockets_needs_no_closes() -> None:
    quiet = replace(CALM, closes={})
    assert find_faults(replace(ROW, planned_codes=frozenset(), tallies={Disruption.ROLLOUT: quiet})) == []


def test_the_table_has_a_line_per_disruption() -> None:
    header, rollout, kill = render_table([ROW]).splitlines()
    assert header.split()[0] == "example"
    assert rollout.startswith("channels-chat  7.2 s  two rooms")
    assert "8 x 1012" in rollout
    assert "81, 85" in rollout
    assert kill.split()[:5] == ["pod", "kill", "4", "x", "1006"]
    assert "2 of 40" in kill


def test_the_new_image_is_the_second_tag() -> None:
    assert new_image("localhost/shop:1") == "localhost/shop:2"


@pytest.mark.parametrize("image", ["localhost/shop", "localhost/shop:2", "localhost:5000/shop"])
def test_an_image_without_the_first_tag_is_refused(image: str) -> None:
    with pytest.raises(ExampleError, match="tag 1"):
        new_image(image)
