"""How a pod's end is read from the watch: when it was asked to go, what its containers ended with, when it was gone."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING, Any

from hack.clients.departures import DepartureWatch, split
from hack.clients.kubectl import Kubectl
from hack.clients.waiting import eventually_async

if TYPE_CHECKING:
    from pathlib import Path


def event(kind: str, *, leaving: int | None = None, exit_code: int | None = None) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": "shop-web-1", "uid": "1"}
    if leaving is not None:
        metadata |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": leaving}
    state = {"running": {}} if exit_code is None else {"terminated": {"exitCode": exit_code}}
    status = {"containerStatuses": [{"name": "web", "state": state}]}
    return {"type": kind, "object": {"metadata": metadata, "status": status}}


EVENTS = (
    event("ADDED"),
    event("MODIFIED", leaving=25),
    event("MODIFIED", leaving=25, exit_code=0),
    event("MODIFIED", leaving=0, exit_code=0),
    event("DELETED", leaving=0, exit_code=0),
)


def test_objects_are_split_wherever_the_text_is_cut() -> None:
    text = "\n".join(json.dumps(each, indent=2) for each in EVENTS)
    for size in (1, 7, 4096):
        found, rest = [], ""
        for start in range(0, len(text), size):
            events, rest = split(rest + text[start : start + size])
            found += events
        assert found == list(EVENTS)
        assert not rest.strip()


async def test_a_departure_keeps_the_first_request_and_the_last_state(tmp_path: Path) -> None:
    program = tmp_path / "kubectl"
    (tmp_path / "events").write_text("".join(json.dumps(each, indent=2) + "\n" for each in EVENTS))
    program.write_text(f"#!/bin/sh\ncat {tmp_path / 'events'}\nexec sleep 60\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    kubectl = Kubectl(program=program, kubeconfig=tmp_path / "none")

    async with DepartureWatch(kubectl=kubectl, selector="app=shop") as watch:

        async def is_gone() -> bool:
            return any(found.gone_at is not None for found in watch.departures.values())

        await eventually_async(is_gone, within=10, what="the pod gone")
    (found,) = watch.departures.values()
    assert (found.pod, found.grace_seconds, found.exit_codes) == ("shop-web-1", 25, {"web": 0})
    assert 0 <= found.seconds < 10


async def test_a_pod_that_stays_is_no_departure(tmp_path: Path) -> None:
    watch = DepartureWatch(kubectl=Kubectl(program=tmp_path, kubeconfig=tmp_path), selector="app=shop")
    watch.note(event("ADDED"))
    watch.note(event("MODIFIED", exit_code=1))
    assert not watch.departures
