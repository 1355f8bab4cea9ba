"""Web pods of a `World` that run, have an address and hold connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from realtimeapp_operator.api.conditions import format_time
from realtimeapp_operator.probe.connections import Reading
from tests.support.world import KEY

if TYPE_CHECKING:
    from realtimeapp_operator.kube.kinds import Ref
    from realtimeapp_operator.reconcile.ports import Key
    from tests.support.world import World


def address(number: int) -> str:
    """Address of the pod of that number."""
    return f"10.0.{number // 250}.{number % 250 + 1}"


def run_pod(
    world: World,
    number: int,
    *,
    revision: str = "r1",
    connections: int | None = 0,
    ready: bool = True,
    key: Key = KEY,
) -> Ref:
    """Pod `counter-web-<number>` runs and says how many connections it holds; None: it does not answer."""
    now = format_time(world.clock.now())
    ready_condition = {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": now}
    status: dict[str, Any] = {
        "phase": "Running",
        "podIP": address(number),
        "conditions": [ready_condition],
        "containerStatuses": [{"name": "web", "state": {"running": {}}}],
    }
    ref = world.pod(f"{key.name}-web-{number}", revision=revision, status=status, key=key)
    if "creationTimestamp" not in world.cluster.objects[ref]["metadata"]:
        world.cluster.edit(ref, lambda live: live["metadata"].update(creationTimestamp=now))
    hold(world, number, connections)
    return ref


def hold(world: World, number: int, connections: int | None, *, draining: bool = False) -> None:
    """The pod of that number holds that many connections from now on; None: it does not answer."""
    if connections is None:
        world.probe.holds.pop(address(number), None)
    else:
        world.probe.holds[address(number)] = Reading(connections, draining)


def stop_pod(world: World, number: int) -> Ref:
    """Somebody deletes the pod of that number; it has its grace period to close its connections."""
    ref = world.cluster.ref("Pod", f"counter-web-{number}")
    stamp = format_time(world.clock.now())
    world.cluster.edit(ref, lambda live: live["metadata"].update(deletionTimestamp=stamp))
    return ref
