"""Statuses of web pods that are not well, in the words of a kubelet or a scheduler."""

from __future__ import annotations

from typing import Any, Final

from tests.support.serving import bring_up_world
from tests.support.world import World, deployment_status

IMAGE: Final = "registry.example.com/counter:1"


def waiting(reason: str, message: str = "", name: str = "web") -> dict[str, Any]:
    """A container does not start."""
    state = {"waiting": {"reason": reason, "message": message}}
    return {"phase": "Pending", "containerStatuses": [{"name": name, "image": IMAGE, "state": state}]}


def ended(
    code: int, message: str = "", reason: str = "Error", *, restarts: int = 1, name: str = "web"
) -> dict[str, Any]:
    """A container that ended is started again after a pause."""
    end = {"terminated": {"exitCode": code, "reason": reason, "message": message}}
    status = waiting("CrashLoopBackOff", "back-off 10s restarting failed container", name)
    status["phase"] = "Running"
    status["containerStatuses"][0]["restartCount"] = restarts
    status["containerStatuses"][0]["lastState"] = end
    return status


def unschedulable(message: str) -> dict[str, Any]:
    """No node takes the pod."""
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return {"phase": "Pending", "conditions": [condition]}


async def begin_rollout() -> World:
    """A world in which the first pod of a new revision is there, beside two old ones that serve."""
    world = await bring_up_world()
    world.declare(session={"ttlSeconds": 60})
    await world.settle()
    web = world.cluster.ref("Deployment", "counter-web")
    generation = world.cluster.objects[web]["metadata"]["generation"]
    rolling = {**deployment_status(generation, 2), "replicas": 3, "updatedReplicas": 1}
    world.cluster.set_status(web, rolling)
    await world.settle()
    return world
