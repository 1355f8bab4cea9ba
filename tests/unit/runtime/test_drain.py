"""When a drain begins to close: as late as the proxies learn, and not later than its deadline allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from realtimeapp_runtime import drain_flag, probes
from realtimeapp_runtime.config import Drain
from realtimeapp_runtime.drain import find_end_of_lag

if TYPE_CHECKING:
    from pathlib import Path

BEGAN = 100.0


@pytest.mark.parametrize(
    ("told", "timeout", "expected"),
    [
        pytest.param(100.0, 60, 103.0, id="asked at once: the lag as it is"),
        pytest.param(103.5, 60, 106.5, id="asked late: the lag counts from there"),
        pytest.param(107.0, 60, 108.0, id="asked too late: not more than five seconds longer"),
        pytest.param(None, 60, 108.0, id="not asked yet"),
        pytest.param(None, 10, 104.0, id="a short time-out is not used up by waiting"),
    ],
)
def test_the_lag_ends_when_the_edge_can_have_heard(
    told: float | None, timeout: float, expected: float
) -> None:
    settings = Drain(lag_seconds=3, timeout_seconds=timeout, is_probed=True)
    assert find_end_of_lag(settings, started=BEGAN, told=told) == expected


@pytest.mark.parametrize("told", [None, 150.0])
def test_where_nobody_asks_nobody_is_waited_for(told: float | None) -> None:
    assert find_end_of_lag(Drain(lag_seconds=3, is_probed=False), started=BEGAN, told=told) == 103.0


def test_the_first_failing_probe_is_when_the_kubelet_was_told(tmp_path: Path) -> None:
    assert probes.find_answer("/.realtimeapp/readyz", (), tmp_path).status == 200
    drain_flag.begin(tmp_path, BEGAN)
    assert drain_flag.read_told(tmp_path) is None
    assert probes.find_answer("/.realtimeapp/healthz", (), tmp_path).status == 200
    assert drain_flag.read_told(tmp_path) is None, "liveness is another question"
    assert probes.find_answer("/.realtimeapp/readyz", (), tmp_path).status == 503
    told = drain_flag.read_told(tmp_path)
    assert told is not None
    assert probes.find_answer("/.realtimeapp/readyz", (), tmp_path).status == 503
    assert drain_flag.read_told(tmp_path) == told
