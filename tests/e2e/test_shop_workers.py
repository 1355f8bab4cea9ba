"""Celery workers that die with tasks in their hands, or hand over to their successors: no task is lost."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from hack.clients.waiting import eventually_async
from hack.examples.deploy import deploy
from hack.examples.disruption import Disruption, await_settled, disrupt, find_processes
from hack.examples.drivers.database import query, query_number
from hack.examples.drivers.django_shop import DRIVER

if TYPE_CHECKING:
    from hack.clients.kubectl import Kubectl
    from hack.examples.driver import Object, Target

pytestmark = pytest.mark.thorough

UNFINISHED = "SELECT count(*) FROM orders_taskrun WHERE worker = 'celery@' || :'pod' AND ended_at IS NULL"
WORKERS = """
    SELECT DISTINCT worker FROM orders_taskrun
    WHERE order_id = ANY (string_to_array(:'orders', ',')::bigint[])
"""
SCHEDULERS = "SELECT DISTINCT sender FROM orders_tick WHERE sent_at > to_timestamp(:'since')"


def celery_pods(target: Target) -> dict[str, Object]:
    selector = f"app.kubernetes.io/instance={target.app},realtimeapp.dev/worker=celery"
    return {pod["metadata"]["name"]: pod for pod in target.kubectl.items("pods", selector)}


async def test_worker_that_is_killed_or_relieved_loses_no_task(kubectl: Kubectl, host: str) -> None:
    deployed = await deploy(name="django-shop", driver=DRIVER, kubectl=kubectl, host=host, say=print)
    target = deployed.target
    await await_settled(target, after="deployment")
    old = celery_pods(target)
    assert len(old) == 2

    async with DRIVER.load(target=target) as load:
        victim, pod = next(iter(old.items()))

        async def in_the_middle() -> bool:
            """This worker is in the middle of a task at this very moment."""
            return await query_number(kubectl, UNFINISHED, pod=victim) > 0

        await eventually_async(in_the_middle, within=60, what=f"{victim} in the middle of a task")
        processes = find_processes(pod)
        assert processes, "the worker's processes are not on this machine"
        for process in processes:
            os.kill(process, signal.SIGKILL)
        killed = await load.finish()

    print(f"{len(processes)} processes of {victim} killed: {killed}")
    assert killed.sent >= 200
    assert killed.lost == 0, "tasks of a killed worker are delivered again"
    # what it was doing runs a second time, which no broker can avoid; it had no more than it was doing
    assert killed.doubled <= 2, "a worker reserves no more tasks than it runs"
    assert killed.http_errors == 0, "visitors do not notice a worker's death"
    await await_settled(target, after="worker's death")

    async with DRIVER.load(target=target) as load:
        await disrupt(Disruption.ROLLOUT, target=target)
        relieved = await load.finish()
    workers = await query(kubectl, WORKERS, orders=",".join(map(str, load.accepted)))
    schedulers = await query(kubectl, SCHEDULERS, since=load.since.timestamp())

    print(f"rollout: {relieved}; {len(workers)} workers and {len(schedulers)} schedulers took part")
    new = celery_pods(target)
    assert not set(old) & set(new)
    # the load saw both: also the one that was killed, which its pod had started again
    assert {row[0].removeprefix("celery@") for row in workers} == set(old) | set(new)
    assert len(schedulers) == 2, "the load lasted from one scheduler into the next"
    assert (relieved.lost, relieved.doubled, relieved.http_errors) == (0, 0, 0)
