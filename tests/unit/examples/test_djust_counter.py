"""What the counter's client reads from djust, and how it accounts for clicks nobody answered."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from hack.clients.person import Person
from hack.examples.driver import ExampleError
from hack.examples.drivers.djust_counter import Clicker, CounterLoad
from hack.examples.drivers.djust_page import read_count


def signed(count: int) -> str:
    """The state djust signs for a page to bring back."""
    return json.dumps({"sid": "s", "state": json.dumps({"count": count, "notes": []})}) + ":1xUoa4:zFKS-58rh"


@pytest.mark.parametrize(
    ("frame", "count"),
    [
        ({"type": "html_update", "html": '<p aria-live="polite" dj-id="2" id="count">12</p>'}, 12),
        ({"type": "html_update", "html": '<p id="count" class="big">-3</p>'}, -3),
        ({"type": "patch", "patches": [{"type": "SetText", "path": [0, 0, 0], "text": "7"}]}, 7),
        ({"type": "patch", "patches": [{"type": "SetText", "text": "counter-web-1"}]}, None),
        ({"type": "patch", "patches": [{"type": "InsertChild", "node": {"text": "7"}}]}, None),
        ({"type": "mount", "state_snapshot_signed": signed(5)}, 5),
        ({"type": "noop"}, None),
    ],
)
def test_the_count_is_read_from_whatever_brings_it(frame: dict[str, Any], count: int | None) -> None:
    assert read_count(frame) == count


def clicker(*, count: int, uncertain: bool) -> Clicker:
    """Somebody whose page shows a count, with or without a click under way."""
    return Clicker(person=Person(host="counter.localhost"), count=count, uncertain=uncertain)


@pytest.mark.parametrize(
    ("uncertain", "found", "sent", "lost", "doubled", "losses"),
    [
        (False, 3, 0, 0, 0, 0),  # all as it was
        (True, 3, 0, 0, 0, 0),  # the click never arrived; who clicked sees that it did not count
        (True, 4, 1, 0, 0, 0),  # it had counted, only the answer was lost
        (False, 2, 0, 1, 0, 1),
        (True, 0, 0, 3, 0, 1),  # a new session
        (False, 4, 0, 0, 1, 0),
        (True, 5, 1, 0, 1, 0),
    ],
)
def test_a_reconnect_is_compared_with_what_the_page_had_shown(
    *, uncertain: bool, found: int, sent: int, lost: int, doubled: int, losses: int
) -> None:
    someone = clicker(count=3, uncertain=uncertain)
    someone.page.mounted({"type": "mount", "state_snapshot_signed": signed(found)})
    assert (someone.sent, someone.lost, someone.doubled, someone.losses) == (sent, lost, doubled, losses)
    assert (someone.count, someone.uncertain) == (found, False)


def test_a_page_without_its_state_is_refused() -> None:
    with pytest.raises(ExampleError, match="without its state"):
        clicker(count=3, uncertain=False).page.mounted({"type": "mount", "html": "<p>something else</p>"})


async def test_nobody_clicks_without_a_connection() -> None:
    someone = clicker(count=3, uncertain=False)
    await someone.click()
    assert (someone.sent, someone.uncertain) == (0, False)


class Impatient(Clicker):
    """Somebody who gives up at the first click."""

    clicked: asyncio.Event

    async def click(self) -> None:
        self.clicked.set()
        raise ExampleError("no answer")


async def test_who_gives_up_is_told_once() -> None:
    async with Person(host="counter.localhost") as person:
        impatient = Impatient(person=person)
        impatient.clicked = asyncio.Event()
        load = CounterLoad(clickers=[impatient], posters=[], stranger=person)
        load.begin()
        await asyncio.wait_for(impatient.clicked.wait(), 5)
        with pytest.raises(ExampleError, match="no answer"):
            await load.finish()
        await load.end()
