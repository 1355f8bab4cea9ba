"""How pods end, as the API server tells it: asked to go when, with which exit code, gone when.

A watch and not a look now and then: a pod's last state is there for a fraction of a second before the pod is gone.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import json
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from hack.clients.kubectl import Kubectl

CHUNK_BYTES = 65536


@dataclass(kw_only=True)
class Departure:
    """One pod on its way out. Moments are monotonic seconds of this machine, when the watch told of them."""

    pod: str
    asked_at: float
    grace_seconds: int
    gone_at: float | None = None
    exit_codes: dict[str, int] = field(default_factory=dict)
    """By container, as the last state of the pod has them."""

    @property
    def seconds(self) -> float:
        """From being asked to go until gone."""
        assert self.gone_at is not None, f"{self.pod} is still there"
        return self.gone_at - self.asked_at


@dataclass(kw_only=True)
class DepartureWatch:
    """Watches the pods of a selector for as long as its context lasts."""

    kubectl: Kubectl
    selector: str
    departures: dict[str, Departure] = field(default_factory=dict)
    _process: asyncio.subprocess.Process | None = None
    _task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            str(self.kubectl.program),
            *("--namespace", self.kubectl.namespace),
            *("get", "pods", "-l", self.selector, "-o", "json", "--watch", "--output-watch-events"),
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "KUBECONFIG": str(self.kubectl.kubeconfig)},
        )
        self._task = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        assert self._task is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        await self._task
        await self._process.wait()

    def note(self, event: dict[str, Any]) -> None:
        """Take one event of the watch."""
        pod = event["object"]
        meta = pod["metadata"]
        if "deletionTimestamp" not in meta:
            return
        now = time.monotonic()
        found = self.departures.setdefault(
            meta["uid"],
            Departure(
                pod=meta["name"], asked_at=now, grace_seconds=meta.get("deletionGracePeriodSeconds", 0)
            ),
        )
        for status in pod.get("status", {}).get("containerStatuses", ()):
            terminated = status["state"].get("terminated")
            if terminated is not None:
                found.exit_codes[status["name"]] = terminated["exitCode"]
        if event["type"] == "DELETED":
            found.gone_at = now

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        decoder = codecs.getincrementaldecoder("utf-8")()
        text = ""
        while chunk := await self._process.stdout.read(CHUNK_BYTES):
            events, text = split(text + decoder.decode(chunk))
            for event in events:
                self.note(event)


def split(text: str) -> tuple[list[dict[str, Any]], str]:
    """The JSON objects `text` begins with, one after the other, and the unfinished rest."""
    decoder = json.JSONDecoder()
    events = []
    text = text.lstrip()
    while text:
        try:
            event, end = decoder.raw_decode(text)
        except json.JSONDecodeError:
            break
        events.append(event)
        text = text[end:].lstrip()
    return events, text
