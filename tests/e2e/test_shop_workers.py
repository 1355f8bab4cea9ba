"""A Celery worker that dies with tasks in its hands: the shop's settings promise that none is lost."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

from hack.clients.waiting import eventually_async
from hack.examples.deploy import deploy
from hack.examples.disruption import await_settled, find_processes
from hack.examples.drivers.database import query, query_number
from hack.examples.drivers.django_shop import DRIVER

if TYPE_CHECKING:
    from hack.clients.kubectl import Kubectl
    from hack.examples.driver import Target

UNFINISHED = "SELECT count(*) FROM orders_taskrun WHERE worker LIKE '%' || :'pod' AND ended_at IS NULL"
HANDLED_BY = "SELECT DISTINCT worker FROM orders_taskrun WHERE began_at > now() - interval '10 seconds'"


def celery_pods(target: Target) -> dict[str, dict[str, object]]:
    selector = f"app.kubernetes.io/instance={target.app},realtimeapp.dev/worker=celery"
    return {pod["metadata"]["name"]: pod for pod in target.kubectl.items("pods", selector)}


async def test_killed_worker_loses_no_task(kubectl: Kubectl, host: str) -> None:
    deployed = await deploy(name="django-shop", driver=DRIVER, kubectl=kubectl, host=host, say=print)
    target = deployed.target
    await await_settled(target, after="deployment")
    pods = celery_pods(target)
    assert len(pods) == 2

    async with DRIVER.load(target=target) as load:
        victim, pod = next(iter(pods.items()))

        async def in_the_middle() -> bool:
            """Somebody is waiting for this worker to finish a task at this very moment."""
            return await query_number(kubectl, UNFINISHED, pod=victim) > 0

        await eventually_async(in_the_middle, within=60, what=f"{victim} in the middle of a task")
        processes = find_processes(pod)
        assert processes, "the worker's processes are not on this machine"
        for process in processes:
            os.kill(process, signal.SIGKILL)
        tally = await load.finish()

    print(f"{len(processes)} processes of {victim} killed: {tally}")
    assert tally.sent >= 200
    assert tally.lost == 0, "tasks of a killed worker are delivered again"
    # what it was doing runs a second time, which no broker can avoid; it had no more than it was doing
    assert tally.doubled <= 2, "a worker reserves no more tasks than it runs"
    assert tally.http_errors == 0, "visitors do not notice a worker's death"
    # and it comes back by itself: the container starts again in its pod
    await await_settled(target, after="worker's death")

    async def works_again() -> bool:
        return any(victim in row[0] for row in await query(kubectl, HANDLED_BY))

    async with DRIVER.load(target=target) as load:
        await eventually_async(works_again, within=60, what=f"{victim} works again")
        again = await asyncio.wait_for(load.finish(), timeout=300)
    assert (again.lost, again.doubled) == (0, 0)
