"""Steps of the tests of the way in: pods become new, time passes, and a person reads what is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.support.world import KEY

if TYPE_CHECKING:
    from tests.support.world import World

URL: Final = "ws://counter.example.com/ws/live/"
"""Where the smallest application is tried."""


async def roll_out(world: World, **changes: Any) -> None:  # noqa: ANN401 - fields of the spec
    """From a changed declaration to all pods being new; what the way in says comes afterwards."""
    if changes:
        world.declare(**changes)
    await world.settle()
    world.finish_migration()
    await world.settle()
    world.roll_out()
    await world.settle()


async def wait(world: World, seconds: float) -> None:
    """Let time pass as the queue does: whenever an outcome asks for it, the application is looked at again."""
    end = world.clock.monotonic() + seconds
    while True:
        world.due[KEY] = None
        await world.settle()
        left = end - world.clock.monotonic()
        if left <= 0:
            return
        await world.clock.advance(min(world.outcomes[KEY].after or left, left))


def said(world: World, kind: str = "WebSocketReady") -> tuple[str, str]:
    """Status and reason of a condition."""
    condition = world.condition(kind)
    return condition["status"], condition["reason"]
