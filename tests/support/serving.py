"""An application that serves already, for tests of what happens to it then."""

from __future__ import annotations

from typing import Any

from tests.support.world import World


async def bring_up_world(**spec: Any) -> World:  # noqa: ANN401 - fields of the spec
    """A world with one application that is Ready; what was asked and told until then is forgotten."""
    world = World()
    world.declare(**spec)
    await world.bring_up()
    forget_past(world)
    return world


def forget_past(world: World) -> None:
    """From here on count the requests and collect the Events."""
    world.cluster.log.clear()
    world.told.stories.clear()
