"""The two things that are done to an example while its clients work: a new image, and a web pod's sudden death."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from hack.clients.application import is_settled
from hack.clients.waiting import eventually_async
from hack.examples.driver import ExampleError

if TYPE_CHECKING:
    from hack.examples.driver import Object, Target

SETTLE_SECONDS = 180.0
LOOK_SECONDS = 1.0
"""Between two looks: kubectl takes as much of a processor as the clients do."""


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
        await asyncio.to_thread(kill_web_pod, target)
    await await_settled(target, after=disruption.value)


def kill_web_pod(target: Target) -> None:
    """Kill what runs in one web pod, and remove the pod without a grace period.

    The removal alone is not sudden enough: the kubelet still sends SIGTERM and waits a second, in which a server tells
    its clients. SIGKILL comes first where the pod runs on this machine; on another machine the removal has to do.
    """
    pod = min(target.kubectl.web_pods(target.app), key=lambda pod: str(pod["metadata"]["name"]))
    for process in find_processes(pod):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    target.kubectl.run("delete", "pod", pod["metadata"]["name"], "--force", "--grace-period=0")


def find_processes(pod: Object) -> list[int]:
    """Processes on this machine that run in the pod's containers, told by their cgroup; none for a pod elsewhere."""
    containers = [
        status["containerID"].rpartition("/")[2] for status in pod["status"].get("containerStatuses", ())
    ]
    found = []
    for membership in Path("/proc").glob("[0-9]*/cgroup"):
        with contextlib.suppress(OSError):  # a process that has ended meanwhile, or that is not for us to see
            text = membership.read_text()
            if any(container and container in text for container in containers):
                found.append(int(membership.parent.name))
    return found


async def await_settled(target: Target, *, after: str) -> None:
    """Wait until every pod is of the manifest's image and ready, with nothing on its way."""

    async def settled() -> bool:
        return await asyncio.to_thread(is_settled, target.kubectl, target.app)

    try:
        await eventually_async(settled, within=SETTLE_SECONDS, what="settled", interval=LOOK_SECONDS)
    except AssertionError:
        conditions = [
            f"{c['type']}={c['status']} ({c['reason']})"
            for c in target.kubectl.get("rta", target.app)["status"]["conditions"]
        ]
        raise ExampleError(
            f"not at rest within {SETTLE_SECONDS:.0f} s after the {after}: {', '.join(conditions)}"
        ) from None
