"""What is remembered of a pod: how far it got, what it waits for, and what its containers left when they ended.

Pure. What a diagnosis is made from makes two states differ; a restart, a heartbeat or a change of an address does not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from realtimeapp_operator import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TEXT_MAX = 512
"""Characters kept of a message; conditions show less."""
LINE_MAX = 4096
"""Characters kept of a container's last line: all the kubelet keeps, so that a JSON line stays whole."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A container that is not running and why, in the kubelet's words."""

    container: str
    image: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Terminated:
    """The latest end of a container; `message` is the last line it left."""

    container: str
    reason: str
    exit_code: int
    message: str
    probed: bool
    """It has a probe whose failure makes the kubelet stop it."""
    repeated: bool
    """It ended before."""


@dataclass(frozen=True, slots=True)
class PodState:
    """A pod of an application. `revision` tells pods of one template from those of another."""

    component: str
    worker: str
    revision: str
    phase: str
    scheduled: bool
    ready: bool
    waiting: Waiting | None
    terminated: Terminated | None
    unschedulable: str
    running: bool
    """The main container runs (it may not be ready)."""
    result: str
    """The last line the main container, which is named after the component, left when it ended well."""
    ended_at: str
    """When the main container ended for good, RFC 3339; empty before, so that a restart changes nothing."""
    ip: str = field(compare=False, default="")
    """Address of the pod; empty before it has one."""
    created_at: str = field(compare=False, default="")
    """RFC 3339."""
    ready_at: str = field(compare=False, default="")
    """When it became ready last, RFC 3339; empty while it is not."""
    cost: int | None = field(compare=False, default=None)
    """Its deletion cost; None without one."""
    cost_is_foreign: bool = field(compare=False, default=False)
    """Whether somebody else wrote the deletion cost."""


def read_pod(obj: Mapping[str, Any]) -> PodState:
    """Read a pod as the API server sends it."""
    labels, status = obj["metadata"].get("labels") or {}, obj.get("status") or {}
    conditions = conditions_of(obj)
    scheduled, ready = conditions.get("PodScheduled", {}), conditions.get("Ready", {})
    component, phase = labels.get(names.LABEL_COMPONENT, ""), status.get("phase", "")
    inits, mains = status.get("initContainerStatuses") or (), status.get("containerStatuses") or ()
    end = _end(mains, name=component) if phase in {"Succeeded", "Failed"} else {}
    cost = _read_cost(obj["metadata"])
    return PodState(
        component=component,
        worker=labels.get(names.LABEL_WORKER, ""),
        revision=labels.get("pod-template-hash")
        or labels.get("controller-revision-hash")
        or labels.get("batch.kubernetes.io/job-name")
        or "",
        phase=phase,
        scheduled=bool((obj.get("spec") or {}).get("nodeName")),
        ready=ready.get("status") == "True",
        waiting=_waiting((*inits, *mains)),
        terminated=_terminated((*inits, *mains), probed=_probed(obj.get("spec") or {})),
        unschedulable=shortened(scheduled.get("message"))
        if scheduled.get("reason") == "Unschedulable"
        else "",
        running=bool(mains) and all("running" in (item.get("state") or {}) for item in mains),
        result=_last_line(end.get("message") or "") if phase == "Succeeded" else "",
        ended_at=str(end.get("finishedAt") or ""),
        ip=str(status.get("podIP") or ""),
        created_at=str(obj["metadata"].get("creationTimestamp") or ""),
        ready_at=str(ready.get("lastTransitionTime") or "") if ready.get("status") == "True" else "",
        cost=cost,
        cost_is_foreign=cost is not None and not _wrote_cost(obj["metadata"]),
    )


def _read_cost(metadata: Mapping[str, Any]) -> int | None:
    """Return the deletion cost; None also for a text that is none, which a server without the feature lets through."""
    text = str((metadata.get("annotations") or {}).get(names.ANNOTATION_DELETION_COST, ""))
    return int(text) if text.removeprefix("-").isdecimal() else None


def _wrote_cost(metadata: Mapping[str, Any]) -> bool:
    """Whether the deletion cost is as the operator applied it; somebody else's write takes it out of our entry."""
    return any(
        f"f:{names.ANNOTATION_DELETION_COST}"
        in ((entry.get("fieldsV1") or {}).get("f:metadata") or {}).get("f:annotations", {})
        for entry in metadata.get("managedFields") or ()
        if entry.get("manager") == names.MANAGER_SCALE_IN
    )


def _end(statuses: Iterable[Mapping[str, Any]], *, name: str) -> Mapping[str, Any]:
    """Return how the container of that name ended; empty while it runs. There may be others, injected by a mesh."""
    own = next((item for item in statuses if item["name"] == name), {})
    return (own.get("state") or {}).get("terminated") or {}


def _waiting(statuses: Iterable[Mapping[str, Any]]) -> Waiting | None:
    """Return the first container that waits for something of its own, not for the one before it."""
    for item in statuses:
        state = (item.get("state") or {}).get("waiting")
        if state is not None and state.get("reason") != "PodInitializing":
            return Waiting(
                item["name"],
                item.get("image") or "",
                state.get("reason") or "",
                shortened(state.get("message")),
            )
    return None


def _probed(spec: Mapping[str, Any]) -> frozenset[str]:
    """Names of the containers the kubelet stops when they do not answer."""
    containers = (*(spec.get("initContainers") or ()), *(spec.get("containers") or ()))
    return frozenset(item["name"] for item in containers if {"livenessProbe", "startupProbe"} & item.keys())


def _terminated(statuses: Iterable[Mapping[str, Any]], *, probed: frozenset[str]) -> Terminated | None:
    """Return the latest failed end of the first container that has one."""
    for item in statuses:
        for state in (item.get("state") or {}, item.get("lastState") or {}):
            end = state.get("terminated")
            if end is not None and (end.get("exitCode") or end.get("reason") == "OOMKilled"):
                return Terminated(
                    item["name"],
                    end.get("reason") or "",
                    end.get("exitCode", 0),
                    _last_line(end.get("message") or ""),
                    probed=item["name"] in probed,
                    repeated=item.get("restartCount", 0) > 1,
                )
    return None


def conditions_of(obj: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the conditions of any object by their type."""
    return {item["type"]: item for item in (obj.get("status") or {}).get("conditions") or ()}


def shortened(value: object) -> str:
    """Return as much of a message as is kept."""
    return str(value or "")[:TEXT_MAX]


def _last_line(message: str) -> str:
    lines = message.strip().splitlines()
    return lines[-1][:LINE_MAX] if lines else ""
