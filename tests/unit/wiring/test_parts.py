from __future__ import annotations

import asyncio

import pytest

from realtimeapp_operator.wiring.parts import PartEnded, Parts


async def for_ever() -> None:
    await asyncio.Event().wait()


async def at_once() -> None:
    await asyncio.sleep(0)


async def failing() -> None:
    await asyncio.sleep(0)
    raise ValueError("broken")


async def test_waiting_ends_with_the_first_thing_waited_for() -> None:
    async with asyncio.timeout(5), Parts() as parts:
        part = parts.start(for_ever(), "part")
        await parts.first(at_once(), for_ever())
        assert not part.done()
    assert part.cancelled()


async def test_the_silent_end_of_a_part_is_told_by_its_name() -> None:
    async with asyncio.timeout(5), Parts() as parts:
        parts.start(at_once(), "the watch")
        with pytest.raises(PartEnded, match="the watch"):
            await parts.first(for_ever())


async def test_the_error_of_a_part_is_raised_where_somebody_waits() -> None:
    async with asyncio.timeout(5), Parts() as parts:
        parts.start(failing(), "part")
        with pytest.raises(ValueError, match="broken"):
            await parts.first(for_ever())


async def test_a_part_that_may_end_does_so_quietly_but_not_with_an_error() -> None:
    async with asyncio.timeout(5), Parts() as parts:
        parts.let_end(parts.start(at_once(), "quiet"))
        await asyncio.sleep(0.01)
        await parts.first(asyncio.sleep(0.05))
        parts.let_end(parts.start(failing(), "loud"))
        with pytest.raises(ValueError, match="broken"):
            await parts.first(for_ever())


async def test_an_error_in_what_is_waited_for_is_raised() -> None:
    async with asyncio.timeout(5), Parts() as parts:
        parts.start(for_ever(), "part")
        with pytest.raises(ValueError, match="broken"):
            await parts.first(failing())


async def test_the_ordered_end_of_one_part_is_waited_for_without_a_new_task() -> None:
    stop = asyncio.Event()
    async with asyncio.timeout(5), Parts() as parts:
        part = parts.start(stop.wait(), "part")
        parts.start(for_ever(), "other")
        await asyncio.sleep(0)
        before = asyncio.all_tasks()
        asyncio.get_running_loop().call_later(0.05, lambda: seen.append(asyncio.all_tasks() - before))
        asyncio.get_running_loop().call_later(0.1, stop.set)
        seen: list[set[asyncio.Task[object]]] = []
        await parts.end(part)
    assert seen == [set()]


async def test_the_failure_of_another_part_ends_the_wait_for_an_ordered_end() -> None:
    async with asyncio.timeout(5), Parts() as parts:
        part = parts.start(for_ever(), "part")
        parts.start(failing(), "other")
        with pytest.raises(ValueError, match="broken"):
            await parts.end(part)
