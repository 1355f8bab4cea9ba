"""Runs kopf inside our process: it watches until told to stop, and its end is noticed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import kopf

from realtimeapp_operator import names
from realtimeapp_operator.wiring.configure import build_settings

if TYPE_CHECKING:
    import asyncio


async def watch_apps(
    registry: kopf.OperatorRegistry,
    *,
    namespaces: tuple[str, ...],
    stop: asyncio.Event,
    started: asyncio.Event,
) -> None:
    """Watch RealtimeApps of `namespaces` (empty: all) until `stop` is set; raise what makes kopf give up.

    kopf takes over SIGTERM and SIGINT before it sets `started`, and cancels 5 s after `stop` every task that was
    created since it began: what must outlive it has to exist before.
    """
    await kopf.operator(
        registry=registry,
        settings=build_settings(),
        # Only peers read it, and there are none. Left out, kopf asks for the name of the user id, and a container's
        # need not have one.
        identity=names.MANAGED_BY,  # type: ignore[arg-type]  # a NewType of str that kopf does not export
        standalone=True,
        clusterwide=not namespaces,
        namespaces=namespaces,
        stop_flag=stop,
        ready_flag=started,
    )
