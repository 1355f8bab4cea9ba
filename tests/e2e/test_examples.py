"""Every example does its job for clients of its own protocol, through a rollout and the sudden death of a pod."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hack.clients.waiting import eventually
from hack.examples.catalog import NAMES
from hack.examples.row import find_faults
from hack.examples.run import run_example
from tests.e2e.conftest import left_behind

if TYPE_CHECKING:
    from collections.abc import Callable

    from hack.clients.kubectl import Kubectl
    from hack.examples.row import Row


@pytest.fixture
def room(cluster: Kubectl) -> None:
    """All of the node: what an application asks for may not fit beside one that is still on its way out."""
    eventually(lambda: not left_behind(cluster), within=120, what="no namespace of an earlier test")


SHORT = ("djust-counter", "channels-chat")
"""Those of every run; the others are in the ring that is named: a cold run of everything must end in time."""


@pytest.mark.usefixtures("room")
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in SHORT else pytest.mark.thorough) for name in NAMES]
)
async def test_an_example_loses_nothing(
    kubectl: Kubectl, host: str, name: str, keep_row: Callable[[Row], None]
) -> None:
    row = await run_example(name, kubectl=kubectl, host=host, say=print)
    keep_row(row)
    assert not find_faults(row)
    assert all(tally.sent for tally in row.tallies.values()), "a load that was none proves nothing"
