"""Why pods do not serve, read from what the kubelet, the scheduler and the controllers say about them.

Pure: records in, at most one problem out, the one to solve first. The words are stable while the cause is: nothing here
counts restarts or names a pod that changes, so that a condition is written once per cause.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import orjson

from realtimeapp_operator.api.reasons import Reason
from realtimeapp_operator.reconcile.pod_state import PodState
from realtimeapp_operator.reconcile.problems import Problem, problem, quoted, strip_subject
from realtimeapp_operator.reconcile.records import DeploymentState, is_unschedulable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from realtimeapp_operator.reconcile.pod_state import Terminated, Waiting
    from realtimeapp_operator.reconcile.records import Record

HUNG_SECONDS: Final = 5.0
"""A pod that prepares its containers for longer may wait for a Secret or ConfigMap that is missing."""
LOOK_MAX_SECONDS: Final = 300.0
"""The looks at a hanging pod become as rare as this; what makes it start is an event."""
UNSCHEDULABLE_SECONDS: Final = 3.0
"""A pod no node takes for longer has a problem; for a moment it is normal, as while its volume is being bound."""
SILENT_SECONDS: Final = 30.0
"""A running pod that is not ready for longer does not answer its probe."""

CREATING: Final = frozenset({"ContainerCreating", "PodInitializing"})
PULL_FAILURES: Final = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable"}
)
CANNOT_START: Final = frozenset(
    {"CreateContainerError", "RunContainerError", "StartError", "ContainerCannotRun", "CreatePodSandboxError"}
)
STOPPED: Final = frozenset({137, 143})
"""Exit status of a container that was killed or terminated from outside, by a node or, again and again, by the kubelet
as its probe failed."""

RUNTIME_REASONS: Final = frozenset(
    {
        Reason.SETTINGS_MODULE_NOT_FOUND,
        Reason.SETTINGS_INVALID,
        Reason.ASGI_APPLICATION_NOT_FOUND,
        Reason.WSGI_APPLICATION_NOT_FOUND,
        Reason.PACKAGE_MISSING,
        Reason.COMMAND_FAILED,
    }
)
"""Reasons the runtime inside the pods may give in its termination message; those of its checks are in `verdict`."""

_MISSING: Final = (
    (re.compile(r'secret "([^"]+)" not found'), Reason.SECRET_MISSING, "Secret {0} does not exist"),
    (re.compile(r'configmap "([^"]+)" not found'), Reason.CONFIG_MAP_MISSING, "ConfigMap {0} does not exist"),
    (
        re.compile(r"couldn't find key (\S+) in Secret \S+/(\S+)"),
        Reason.SECRET_MISSING,
        "Secret {1} has no key {0}",
    ),
    (
        re.compile(r"couldn't find key (\S+) in ConfigMap \S+/(\S+)"),
        Reason.CONFIG_MAP_MISSING,
        "ConfigMap {1} has no key {0}",
    ),
)
_PULL_CAUSES: Final = (
    (
        re.compile(r"not found|manifest unknown|does not exist", re.IGNORECASE),
        "the registry does not have it",
    ),
    (
        re.compile(r"unauthorized|denied|forbidden|authentication|no basic auth", re.IGNORECASE),
        "the registry refuses access",
    ),
    (re.compile(r"no such host|timeout|refused|unreachable", re.IGNORECASE), "the registry does not answer"),
)


def diagnose(*, pods: Iterable[Record], deployment: Record | None, now: float) -> Problem | None:
    """Return the problem of one component.

    `pods` are its pods in a stable order, `deployment` its workload; `now` is on the monotonic clock.
    """
    found = None
    for pod in pods:
        if not pod.deleting and isinstance(pod.detail, PodState) and not pod.detail.ready:
            found = found or diagnose_pod(pod.detail, age=now - pod.since)
    if found is None and deployment is not None and isinstance(deployment.detail, DeploymentState):
        found = _diagnose_deployment(deployment.detail, deployment.address.name)
    return found


def diagnose_pod(pod: PodState, *, age: float) -> Problem | None:
    """Return the problem of a pod that is not ready; `age` is in seconds since it last changed."""
    if pod.unschedulable:
        if age < UNSCHEDULABLE_SECONDS:
            return None
        return _diagnose_unschedulable(pod.unschedulable)
    if pod.waiting is not None and (found := _diagnose_waiting(pod.waiting)) is not None:
        return found
    # Also while it runs again: the cause stays until the pod is ready once.
    if pod.terminated is not None:
        return diagnose_end(pod.terminated)
    if pod.running and age >= SILENT_SECONDS:
        return problem(
            Reason.PROBE_FAILING, f"a pod runs for {SILENT_SECONDS:.0f} s without answering its probe"
        )
    return None


def diagnose_end(end: Terminated) -> Problem:
    """Return the problem behind the failed end of a container."""
    said = _runtime_message(end.message)
    if said is not None:
        return said
    container = f"container {end.container}"
    if end.reason == "OOMKilled":
        return problem(Reason.OUT_OF_MEMORY, f"{container} was killed at its memory limit")
    if end.reason in CANNOT_START:
        return problem(Reason.CONTAINER_CANNOT_START, f"{container} cannot start: {quoted(end.message)}")
    if end.exit_code in STOPPED:
        if end.probed and end.repeated:
            return problem(Reason.PROBE_FAILING, f"{container} was stopped as it did not answer its probe")
        what = f"{container} was stopped from outside, with exit code {end.exit_code}"
        return problem(Reason.CRASH_LOOPING, what)
    words = quoted(end.message)
    what = f"{container} ends with exit code {end.exit_code}"
    return problem(Reason.CRASH_LOOPING, f"{what}: {words}".rstrip(": .") if words else what)


def is_hung(pod: Record, *, now: float) -> bool:
    """Whether a pod prepares its containers for suspiciously long."""
    return is_creating(pod) and now - pod.since >= HUNG_SECONDS


def is_creating(pod: Record) -> bool:
    """Whether a scheduled pod has not got as far as starting or pulling anything it tells about."""
    detail = pod.detail
    return (
        isinstance(detail, PodState)
        and not pod.deleting
        and detail.phase == "Pending"
        and detail.scheduled
        and (detail.waiting is None or detail.waiting.reason in CREATING)
    )


def seconds_to_next_look(pods: Iterable[Record], *, now: float) -> float | None:
    """Return when time alone changes a diagnosis; None when only events do."""
    waits: list[float] = []
    for pod in pods:
        age = now - pod.since
        if is_creating(pod):
            waits.append(HUNG_SECONDS - age if age < HUNG_SECONDS else min(age, LOOK_MAX_SECONDS))
        elif _is_silent(pod) and age < SILENT_SECONDS:
            waits.append(SILENT_SECONDS - age)
        elif is_unschedulable(pod) and age < UNSCHEDULABLE_SECONDS:
            waits.append(UNSCHEDULABLE_SECONDS - age)
    return max(min(waits), 0.1) if waits else None


def _is_silent(pod: Record) -> bool:
    detail = pod.detail
    return isinstance(detail, PodState) and not pod.deleting and detail.running and not detail.ready


def _diagnose_unschedulable(message: str) -> Problem:
    reason = (
        Reason.VOLUME_PENDING
        if re.search(r"PersistentVolumeClaim|persistentvolumeclaim|volume node affinity", message)
        else Reason.UNSCHEDULABLE
    )
    return problem(reason, f"no node takes a pod: {quoted(message).rstrip('.')}")


def _diagnose_waiting(waiting: Waiting) -> Problem | None:
    if waiting.reason in PULL_FAILURES:
        return _diagnose_pull(waiting)
    if waiting.reason == "CreateContainerConfigError":
        for pattern, reason, what in _MISSING:
            if match := pattern.search(waiting.message):
                return problem(reason, what.format(*match.groups()))
        return problem(
            Reason.CONTAINER_CANNOT_START,
            f"container {waiting.container} cannot start: {quoted(waiting.message)}",
        )
    if waiting.reason in CANNOT_START:
        text = quoted(waiting.message) or waiting.reason
        return problem(Reason.CONTAINER_CANNOT_START, f"container {waiting.container} cannot start: {text}")
    return None


def _diagnose_pull(waiting: Waiting) -> Problem:
    what = f"cannot pull image {quoted(waiting.image)}"
    if waiting.reason == "InvalidImageName":
        what = f"{what}: this is not the name of an image"
    elif waiting.reason == "ErrImageNeverPull":
        what = f"{what}: it is not on the node, and imagePullPolicy is Never"
    else:
        cause = next((text for pattern, text in _PULL_CAUSES if pattern.search(waiting.message)), None)
        what = f"{what}: {cause}" if cause else what
    return problem(Reason.IMAGE_PULL_FAILED, what)


def _runtime_message(message: str) -> Problem | None:
    """Read the JSON line the runtime leaves when it cannot start."""
    try:
        said = orjson.loads(message)
        reason = Reason(said["reason"])
        text = str(said["message"])
    except (ValueError, KeyError, TypeError):
        return None
    if reason not in RUNTIME_REASONS:
        return None  # A pod may say what it likes; it cannot speak for the cluster.
    shown = quoted(text)
    if "spec." in shown and shown.endswith("."):
        return Problem(reason, shown)  # It is complete, and names the field to change.
    return problem(reason, shown.rstrip("."))


def _diagnose_deployment(deployment: DeploymentState, name: str) -> Problem | None:
    failure = deployment.replica_failure
    if failure:
        text = quoted(strip_subject(failure))
        what = f"the cluster refuses a pod of Deployment {name}: {text}"
        if "exceeded quota" in failure:
            return problem(Reason.QUOTA_EXCEEDED, what)
        if "violates PodSecurity" in failure:
            return problem(Reason.POD_SECURITY_VIOLATION, what)
        if match := re.search(r'serviceaccount "([^"]+)" not found', failure):
            return problem(Reason.SERVICE_ACCOUNT_MISSING, f"ServiceAccount {match[1]} does not exist")
        return problem(Reason.OBJECT_REJECTED, what)
    if deployment.progressing == "ProgressDeadlineExceeded":
        return problem(Reason.ROLLOUT_STALLED, f"Deployment {name} makes no progress")
    return None
