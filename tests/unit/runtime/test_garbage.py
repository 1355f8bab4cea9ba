from __future__ import annotations

import gc
import math
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from realtimeapp_runtime import garbage
from realtimeapp_runtime.garbage import SettingAside

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Connections:
    """What a process knows of its connections."""

    open: int = 5000
    closed: int = 70
    ending: bool = False


class Cycle:
    """Only the collector can free it."""

    def __init__(self) -> None:
        self.itself = self


@dataclass
class World:
    """A process whose collector is watched; every pass is as long as is said."""

    patch: pytest.MonkeyPatch
    connections: Connections = field(default_factory=Connections)

    def collect(self, *, long: bool) -> None:
        self.patch.setattr(garbage, "LONG_SECONDS", 0.0 if long else math.inf)
        gc.collect()

    def leave_garbage(self) -> weakref.ref[Cycle]:
        """Return what outlived a long pass and is garbage now."""
        cycle = Cycle()
        self.collect(long=True)
        return weakref.ref(cycle)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    world = World(monkeypatch)
    before = list(gc.callbacks)
    connections = world.connections
    SettingAside(
        count_open=lambda: connections.open,
        count_closed=lambda: connections.closed,
        is_ending=lambda: connections.ending,
    ).begin()
    yield world
    gc.callbacks[:] = before
    gc.unfreeze()


def test_what_outlived_a_long_pass_is_not_gone_through_again(world: World) -> None:
    loaded = gc.get_freeze_count()
    assert loaded > 0, "the application itself is set aside when the process begins to serve"
    long_lived = [[number] for number in range(10_000)]
    world.collect(long=False)
    assert gc.get_freeze_count() <= loaded
    world.collect(long=True)
    assert gc.get_freeze_count() >= loaded + len(long_lived)


def test_passes_over_what_is_young_change_nothing(world: World) -> None:
    before = gc.get_freeze_count()
    world.patch.setattr(garbage, "LONG_SECONDS", 0.0)
    gc.collect(0)
    gc.collect(1)
    assert gc.get_freeze_count() <= before


def test_garbage_among_it_is_freed_once_half_of_the_connections_have_gone(world: World) -> None:
    gone = world.leave_garbage()
    world.connections.closed += 2499
    world.collect(long=False)
    world.collect(long=False)
    assert gone() is not None
    world.connections.closed += 1
    world.collect(long=False)
    world.collect(long=False)
    assert gone() is None


def test_a_few_closes_of_a_process_with_few_are_not_worth_a_pause(world: World) -> None:
    world.connections.open = 10
    gone = world.leave_garbage()
    world.connections.closed += 999
    world.collect(long=False)
    world.collect(long=False)
    assert gone() is not None


def test_garbage_that_is_no_connection_s_waits_for_ten_minutes_at_most(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    gone = world.leave_garbage()
    clock[0] += 300
    world.collect(long=True)  # what is set aside later does not put the ten minutes off
    clock[0] += 299
    world.collect(long=False)
    world.collect(long=False)
    assert gone() is not None
    clock[0] += 1
    world.collect(long=False)
    world.collect(long=False)
    assert gone() is None


def test_a_pod_that_drains_does_not_stand_still_for_garbage(world: World) -> None:
    gone = world.leave_garbage()
    world.connections.closed += 5000
    world.connections.ending = True
    world.collect(long=False)
    world.collect(long=False)
    assert gone() is not None
