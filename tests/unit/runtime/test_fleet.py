from __future__ import annotations

import pytest

from realtimeapp_runtime import fleet
from realtimeapp_runtime.fleet import Row, View

ROW = Row(pod="chat-web-1", revision="7", open=12, at=100.5, period=0.5, closes_from=103.5, shedding=True)


def test_a_row_is_read_as_it_was_written() -> None:
    assert fleet.decode(fleet.encode(ROW)) == ROW
    serving = Row(pod="p", revision="", open=0, at=1.0)
    assert fleet.decode(fleet.encode(serving)) == serving


def test_a_row_of_a_newer_version_is_read_and_one_that_is_none_is_not() -> None:
    assert fleet.decode(fleet.encode(ROW)[:-1] + ',"colour":"blue"}') == ROW
    for text in ("", "[]", "17", "{}", '{"pod":"p"}', fleet.encode(ROW).replace("12", '"many"')):
        assert fleet.decode(text) is None


@pytest.mark.parametrize(
    ("period", "silence", "gone"),
    [(5.0, 14.9, False), (5.0, 15.1, True), (0.5, 2.9, False), (0.5, 3.1, True)],
)
def test_a_process_is_gone_after_three_beats_and_three_seconds(
    period: float,
    silence: float,
    gone: bool,  # noqa: FBT001 - a column of the table
) -> None:
    assert Row(pod="p", revision="1", open=1, at=100.0, period=period).is_gone(100.0 + silence) is gone


def test_a_view_is_acted_on_for_three_seconds() -> None:
    view = View(own="p", rows={}, read_at=50.0, ahead=0.0)
    assert view.is_fresh(53.0)
    assert not view.is_fresh(53.1)
