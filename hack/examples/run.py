"""One example from `kubectl apply` to its row in the table."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hack.examples.catalog import load_driver
from hack.examples.deploy import deploy
from hack.examples.disruption import Disruption, await_settled, disrupt
from hack.examples.memory import measure_web_pods
from hack.examples.row import Row, say_closes

if TYPE_CHECKING:
    from hack.clients.kubectl import Kubectl
    from hack.examples.deploy import Say
    from hack.examples.driver import Driver, Tally, Target


async def run_example(name: str, *, kubectl: Kubectl, host: str, say: Say) -> Row:
    """Deploy an example in the namespace of `kubectl`, let it work, disturb it twice; the namespace stays.

    Raises ExampleError, or AssertionError from waiting and kubectl, where the example cannot be brought to its row.
    What is wrong inside a row is not raised: `find_faults` tells.
    """
    driver = load_driver(name)
    deployed = await deploy(name=name, driver=driver, kubectl=kubectl, host=host, say=say)
    target = deployed.target
    job = await driver.work(target=target)
    say(f"job done: {job}")
    memory = await asyncio.to_thread(measure_web_pods, kubectl, target.app)
    await await_settled(target, after="deployment")
    tallies = {
        disruption: await put_under(disruption, driver=driver, target=target, say=say)
        for disruption in Disruption
    }
    return Row(
        name=name,
        ready_seconds=deployed.ready_seconds,
        job=job,
        tallies=tallies,
        planned_codes=driver.planned_codes,
        memory=memory,
    )


async def put_under(disruption: Disruption, *, driver: Driver, target: Target, say: Say) -> Tally:
    """Disturb the example while the driver's clients work; what they saw."""
    async with driver.load(target=target) as load:
        say(f"{disruption.value} under load")
        await disrupt(disruption, target=target)
        tally = await load.finish()
    say(
        f"{disruption.value}: closes {say_closes(tally.closes)}; "
        f"{tally.sent} {tally.unit} sent, {tally.lost} lost, {tally.doubled} twice"
    )
    return tally
