"""The two things that are done to an example while its clients work: a new image, and a web pod's sudden death."""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import TYPE_CHECKING

from hack.clients.application import is_settled
from hack.clients.waiting import eventually_async
from hack.examples.driver import ExampleError

if TYPE_CHECKING:
    from hack.examples.driver import Target

SETTLE_SECONDS = 180.0


class Disruption(Enum):
    """What is done; the value is its name in the table."""

    ROLLOUT = "rollout"
    KILL = "pod kill"


async def disrupt(disruption: Disruption, *, target: Target) -> None:
    """Do it, and return when everything has come to rest again."""
    if disruption is Disruption.ROLLOUT:
        patch = {"spec": {"image": target.new_image}}
        await asyncio.to_thread(target.kubectl.patch, "rta", target.app, patch)
    else:
        await kill_web_pod(target)
    await await_settled(target, after=disruption.value)


async def kill_web_pod(target: Target) -> None:
    """Remove one web pod without its drain: kubelet kills what runs in it at once."""
    pods = await asyncio.to_thread(target.kubectl.web_pods, target.app)
    name = min(pod["metadata"]["name"] for pod in pods)
    await asyncio.to_thread(target.kubectl.run, "delete", "pod", name, "--force", "--grace-period=0")


async def await_settled(target: Target, *, after: str) -> None:
    """Wait until every pod is of the manifest's image and ready, with nothing on its way."""

    async def settled() -> bool:
        return await asyncio.to_thread(is_settled, target.kubectl, target.app)

    try:
        await eventually_async(settled, within=SETTLE_SECONDS, what="settled")
    except AssertionError:
        conditions = [
            f"{c['type']}={c['status']} ({c['reason']})"
            for c in target.kubectl.get("rta", target.app)["status"]["conditions"]
        ]
        raise ExampleError(
            f"not at rest within {SETTLE_SECONDS:.0f} s after the {after}: {', '.join(conditions)}"
        ) from None
