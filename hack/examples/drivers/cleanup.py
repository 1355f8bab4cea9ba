"""Runs a clean-up now instead of at night, the way a person does: a Job from the CronJob, with the CronJob's own pod."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from hack.clients.waiting import eventually_async
from hack.examples.driver import ExampleError

if TYPE_CHECKING:
    from hack.clients.kubectl import Kubectl

SECONDS = 90.0


async def run_cronjob(kubectl: Kubectl, cronjob: str) -> None:
    """Run it to its end; ExampleError with the pod's last words where it fails."""
    job = f"{cronjob}-{time.time_ns() % 10**9}"
    await asyncio.to_thread(kubectl.run, "create", "job", job, f"--from=cronjob/{cronjob}")

    async def ended() -> str | None:
        found = await asyncio.to_thread(kubectl.get, "job", job)
        for condition in found.get("status", {}).get("conditions", ()):
            if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
                return str(condition["type"])
        return None

    if await eventually_async(ended, within=SECONDS, what=f"the job {job} ended") != "Complete":
        log = await asyncio.to_thread(kubectl.run, "logs", f"job/{job}", "--tail=5", check=False)
        raise ExampleError(f"the clean-up {cronjob} failed: {log.stdout.strip() or log.stderr.strip()}")
