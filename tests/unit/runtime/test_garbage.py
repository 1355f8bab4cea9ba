from __future__ import annotations

import atexit
import gc
import math
import subprocess
import sys
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from realtimeapp_runtime import garbage
from realtimeapp_runtime.garbage import SettingAside

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGES = str(Path(garbage.__file__).parents[1])


@dataclass
class Connections:
    """What a process knows of its connections."""

    open: int = 5000
    closed: int = 70
    moving: bool = False


class Cycle:
    """Only the collector can free it."""

    def __init__(self) -> None:
        self.itself = self


@dataclass
class World:
    """A process whose collector is watched; every pass is as long as is said."""

    patch: pytest.MonkeyPatch
    connections: Connections = field(default_factory=Connections)

    def collect(self, *, long: bool = False) -> None:
        self.patch.setattr(garbage, "LONG_SECONDS", 0.0 if long else math.inf)
        gc.collect()
        # a pass that comes by itself is none of the test's
        self.patch.setattr(garbage, "LONG_SECONDS", math.inf)

    def leave_garbage(self) -> weakref.ref[Cycle]:
        """Return what outlived a long pass and is garbage now."""
        cycle = Cycle()
        self.collect(long=True)
        return weakref.ref(cycle)

    def is_freed(self, gone: weakref.ref[Cycle], *, long: bool = False) -> bool:
        """Whether two more passes free it: one that takes back, one that goes through it."""
        self.collect(long=long)
        self.collect(long=long)
        return gone() is None


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    world = World(monkeypatch)
    monkeypatch.setattr(garbage, "LONG_SECONDS", math.inf)
    gc.unfreeze()
    before = list(gc.callbacks)
    connections = world.connections
    SettingAside(
        count_open=lambda: connections.open,
        count_closed=lambda: connections.closed,
        is_moving=lambda: connections.moving,
    ).begin()
    yield world
    gc.callbacks[:] = before
    gc.unfreeze()
    atexit.unregister(gc.unfreeze)


def test_what_outlived_a_long_pass_is_not_gone_through_again(world: World) -> None:
    long_lived = [[number] for number in range(10_000)]
    world.collect()
    assert gc.get_freeze_count() < len(long_lived)
    world.collect(long=True)
    assert gc.get_freeze_count() >= len(long_lived)


def test_passes_over_what_is_young_change_nothing(world: World) -> None:
    before = gc.get_freeze_count()
    world.patch.setattr(garbage, "LONG_SECONDS", 0.0)
    gc.collect(0)
    gc.collect(1)
    assert gc.get_freeze_count() == before


def test_without_many_connections_it_is_not_they_that_make_a_pass_long(world: World) -> None:
    world.connections.open = 499
    gone = world.leave_garbage()
    assert world.is_freed(gone)


def test_only_more_connections_make_more_be_set_aside(world: World) -> None:
    world.collect(long=True)
    world.connections.open = 5499
    gone = world.leave_garbage()
    assert world.is_freed(gone, long=True)
    world.connections.open = 5501
    gone = world.leave_garbage()
    assert not world.is_freed(gone)


@pytest.mark.parametrize("long", [False, True])
def test_garbage_among_it_is_freed_once_half_of_the_connections_have_gone(
    world: World, *, long: bool
) -> None:
    gone = world.leave_garbage()
    world.connections.closed += 2499
    assert not world.is_freed(gone, long=long)
    world.connections.closed += 1
    assert world.is_freed(gone, long=long)


def test_a_few_closes_of_a_process_with_few_are_not_worth_a_pause(world: World) -> None:
    world.connections.open = 600
    gone = world.leave_garbage()
    world.connections.closed += 999
    assert not world.is_freed(gone)


def test_garbage_that_is_no_connection_s_is_freed_after_ten_minutes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    gone = world.leave_garbage()
    clock[0] += 300
    world.connections.open = 9000
    world.collect(long=True)  # what is set aside later does not put the ten minutes off
    clock[0] += 299
    assert not world.is_freed(gone)
    clock[0] += 1
    assert world.is_freed(gone)


def test_nobody_stands_still_for_garbage_while_clients_are_moved_away(world: World) -> None:
    gone = world.leave_garbage()
    world.connections.closed += 5000
    world.connections.moving = True
    assert not world.is_freed(gone)
    world.connections.moving = False
    assert world.is_freed(gone)


def test_an_application_that_sets_things_aside_itself_is_left_alone(world: World) -> None:
    gc.callbacks.clear()
    gc.freeze()
    SettingAside(count_open=lambda: 0, count_closed=lambda: 0, is_moving=lambda: False).begin()
    assert not gc.callbacks
    assert world.connections


ENDING = """
import gc
from realtimeapp_runtime import garbage

garbage.LONG_SECONDS = 0.0
garbage.SettingAside(count_open=lambda: 5000, count_closed=lambda: 0, is_moving=lambda: False).begin()


class Journal:
    def __init__(self):
        self.itself = self
        self.file = open("journal", "w")
        self.file.write("the last line")


journal = Journal()
gc.collect()
assert gc.get_freeze_count() > 1000
del journal
"""


def test_what_is_set_aside_still_comes_to_its_proper_end(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", ENDING], cwd=tmp_path, env={"PYTHONPATH": PACKAGES}, check=True)
    assert (tmp_path / "journal").read_text() == "the last line"
