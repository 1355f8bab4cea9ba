"""The handlers kopf calls. Each is one line: what happens next is the queue's and the reconciler's business."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import kopf

from realtimeapp_operator import names

if TYPE_CHECKING:
    from collections.abc import Callable

    import aiohttp


def build_registry(
    *,
    see: Callable[[str, dict[str, Any]], None],
    server: str,
    open_session: Callable[[], aiohttp.ClientSession],
) -> kopf.OperatorRegistry:
    """Return a registry whose only work is to pass each RealtimeApp's event to `see(type, object)`.

    `type` is ADDED, MODIFIED or DELETED; an object that kopf listed counts as ADDED. `open_session` gives a session
    that authenticates by itself at `server`; kopf closes it.
    """
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def log_in(**_: object) -> kopf.AiohttpSession:
        return kopf.AiohttpSession(server=server, aiohttp_session=open_session())

    @kopf.on.event(names.GROUP, names.VERSION, names.PLURAL, registry=registry)
    async def see_app(event: kopf.RawEvent, **_: object) -> None:
        see(event["type"] or "ADDED", event["object"])  # type: ignore[arg-type]  # a plain dict underneath

    return registry
