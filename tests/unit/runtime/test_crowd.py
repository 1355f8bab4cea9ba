from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from realtimeapp_runtime import ledger
from realtimeapp_runtime.crowd import Crowd

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(eq=False)
class Guest:
    expires: float = 100.0
    asked: list[Mapping[str, int]] = field(default_factory=list)

    async def close_politely(self, deadline: float, cause: Mapping[str, int]) -> None:  # noqa: ARG002 - no moment to wait for
        self.asked.append(cause)


async def ask_all(crowd: Crowd) -> list[Guest]:
    asked = []
    while (guest := crowd.find_next()) is not None:
        assert isinstance(guest, Guest)
        crowd.ask(guest, deadline=0.0, cause=ledger.SHED)
        asked.append(guest)
    await asyncio.sleep(0)
    return asked


async def test_everybody_is_asked_once_in_no_order() -> None:
    guests = [Guest() for _ in range(50)]
    crowd = Crowd()
    crowd.open.update(guests)
    asked = await ask_all(crowd)
    assert set(asked) == set(guests)
    assert asked != guests
    assert all(guest.asked == [ledger.SHED] for guest in guests)


async def test_who_leaves_is_not_asked_and_who_comes_is() -> None:
    crowd = Crowd()
    first, second, third = Guest(), Guest(), Guest()
    crowd.open.update((first, second))
    drawn = crowd.find_next()
    assert drawn is crowd.find_next(), "until it is asked or has left"
    assert drawn is not None
    crowd.open.discard(drawn)
    crowd.open.add(third)
    assert drawn not in await ask_all(crowd)
    assert third.asked == [ledger.SHED]


async def test_a_drain_asks_those_again_whose_answer_took_its_time() -> None:
    crowd = Crowd()
    crowd.open.add(Guest())
    assert len(await ask_all(crowd)) == 1
    assert await ask_all(crowd) == []
    crowd.begin_again()
    assert len(await ask_all(crowd)) == 1


async def test_those_who_are_too_old_are_found_the_oldest_last() -> None:
    crowd = Crowd()
    young, old, older = Guest(200.0), Guest(90.0), Guest(80.0)
    crowd.open.update((young, old, older))
    assert crowd.find_expired(100.0) == [old, older]
    crowd.ask(older, deadline=0.0, cause=ledger.EXPIRED)
    assert crowd.find_expired(100.0) == [old]


async def test_nobody_who_left_is_kept_in_mind() -> None:
    crowd = Crowd()
    guests = [Guest() for _ in range(3)]
    crowd.open.update(guests)
    crowd.find_next()
    crowd.open.clear()
    crowd.rest()
    assert crowd.waiting == 0
