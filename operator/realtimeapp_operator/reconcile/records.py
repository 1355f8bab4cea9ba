"""What is remembered of a child: the few fields decisions are made from, never its body.

Reading an object gives an equal record as long as nothing changed that the operator looks at, so a change of anything
else (somebody's annotation, a heartbeat in a status) is recognised by comparing two small values.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from realtimeapp_operator import names
from realtimeapp_operator.reconcile.autoscaler_state import AutoscalerState, read_autoscaler
from realtimeapp_operator.reconcile.ownership import NOTHING, OwnedFields, owned_fields
from realtimeapp_operator.reconcile.pod_state import PodState, conditions_of, read_pod, shortened
from realtimeapp_operator.reconcile.ports import Key
from realtimeapp_operator.reconcile.references import configs_of, secrets_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


class Address(NamedTuple):
    """Where a child is: its kind and name within a namespace."""

    kind: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class DeploymentState:
    """`replicas` as wanted by the live spec; the rest as the Deployment controller counted."""

    wanted: int
    replicas: int
    updated: int
    ready: int
    available: int
    progressing: str
    """Reason of the condition Progressing."""
    replica_failure: str
    """Why pods cannot be created; empty when they can."""
    runtime_image: str
    """Image of the init container that brings the runtime."""
    secrets: frozenset[str]
    paused: bool
    """Whether rollouts are stopped, whoever stopped them."""
    chosen_ready_seconds: int = 0
    """What we chose as `minReadySeconds` for the last rollout; 0 where we did not."""

    @property
    def serves(self) -> bool:
        """Whether there are only pods of the newest template, all of them wanted and ready."""
        return self.updated == self.replicas == self.wanted <= self.ready


@dataclass(frozen=True, slots=True)
class ReplicaSetState:
    """A revision of a Deployment, as long as it is kept for an undo: the ConfigMaps its pods would need."""

    configs: frozenset[str]


@dataclass(frozen=True, slots=True)
class StatefulSetState:
    """A StatefulSet: `image` is that of its first container."""

    wanted: int
    ready: int
    updated: bool
    image: str
    secrets: frozenset[str]

    @property
    def serves(self) -> bool:
        """Whether all wanted pods are of the newest template and ready."""
        return self.updated and self.ready >= self.wanted


@dataclass(frozen=True, slots=True)
class JobState:
    """A Job: `failure` is the reason of its condition Failed, `message` that condition's; times are RFC 3339 or empty."""

    component: str
    complete: bool
    completed_at: str
    failure: str
    failed_at: str
    message: str
    secrets: frozenset[str]

    @property
    def finished(self) -> bool:
        """Whether it will run no more pods."""
        return self.complete or bool(self.failure)


@dataclass(frozen=True, slots=True)
class CronJobState:
    """A CronJob's last times, RFC 3339 or empty."""

    last_schedule: str
    last_success: str
    secrets: frozenset[str]


@dataclass(frozen=True, slots=True)
class IngressState:
    """An Ingress: addresses its controller published."""

    class_name: str
    addresses: tuple[str, ...]


Detail = (
    DeploymentState
    | ReplicaSetState
    | StatefulSetState
    | JobState
    | CronJobState
    | IngressState
    | AutoscalerState
    | PodState
    | None
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One child. Equality leaves out what changes without meaning: version and the time of the last change."""

    address: Address
    api_version: str
    uid: str
    app: Key | None
    """The application it belongs to by owner, or by label when it has no owner we know."""
    owner_uid: str
    """Uid of its controller; empty without one."""
    former: bool
    """Whether its controller is a RealtimeApp: a deleted one, if the uid is not that of the living one."""
    applied_hash: str
    template_hash: str
    applied_template: str
    """Hash of the template we applied last; `template_hash` is another one when somebody put an older one back."""
    deleting: bool
    current: bool
    """Whether its controller has seen our newest write; the status in `detail` is of an older one otherwise."""
    fields: OwnedFields
    detail: Detail
    applied_generation: int = field(compare=False)
    """Generation our newest write made. Later ones are not ours: a Deployment's moves with every annotation."""
    observed_generation: int = field(compare=False)
    """Generation its controller has seen."""
    template_generation: int = field(compare=False)
    """Generation that brought the template, as far as we saw it come; a change of scale makes later ones."""
    version: str = field(compare=False)
    since: float = field(compare=False, default=0.0)
    """When it last changed, on the monotonic clock."""


def read(obj: Mapping[str, Any], *, since: float, known: Record | None = None) -> Record:
    """Read a record out of an object as the API server sends it; `known` is the record of it before."""
    metadata = obj["metadata"]
    kind = obj["kind"]
    annotations = (metadata.get("annotations") or {}) if kind not in _MADE_OF_OURS else {}
    owner = _controller(metadata)
    reader = _READERS.get(kind)
    applied_hash = annotations.get(names.ANNOTATION_HASH, "")
    template_hash = annotations.get(names.ANNOTATION_TEMPLATE_HASH, "")
    generation = template_generation = metadata.get("generation", 0)
    observed = (obj.get("status") or {}).get("observedGeneration", 0)
    if kind in _MADE_OF_OURS:
        observed = generation
    if known is not None and (known.uid, known.applied_hash) == (metadata.get("uid"), applied_hash):
        generation = known.applied_generation
    if known is not None and (known.uid, known.template_hash) == (metadata.get("uid"), template_hash):
        template_generation = known.template_generation
    return Record(
        address=Address(kind, metadata.get("namespace", ""), metadata["name"]),
        api_version=obj["apiVersion"],
        uid=metadata.get("uid", ""),
        app=_app(metadata, owner),
        owner_uid=owner.get("uid", ""),
        former=owner.get("kind") == names.KIND,
        applied_hash=applied_hash,
        template_hash=template_hash,
        applied_template=(metadata.get("labels") or {}).get(names.LABEL_TEMPLATE_HASH, ""),
        deleting="deletionTimestamp" in metadata,
        current=observed >= generation,
        applied_generation=generation,
        observed_generation=observed,
        template_generation=template_generation,
        fields=NOTHING if kind in _NEVER_APPLIED_AGAIN else owned_fields(metadata),
        detail=reader(obj) if reader is not None else None,
        version=metadata.get("resourceVersion", ""),
        since=since,
    )


def applied(record: Record, answer: Mapping[str, Any]) -> Record:
    """Return `record` with what the answer to our own write adds: which generation we made, if only once more."""
    metadata = answer["metadata"]
    generation = metadata.get("generation", 0)
    if record.uid != metadata.get("uid") or generation <= record.applied_generation:
        return record
    current = record.observed_generation >= generation
    return replace(record, applied_generation=generation, current=current)


def address_of(obj: Mapping[str, Any]) -> Address:
    """Return where `obj` (an object or a manifest) is."""
    metadata = obj["metadata"]
    return Address(obj["kind"], metadata.get("namespace", ""), metadata["name"])


def is_unschedulable(record: Record) -> bool:
    """Whether it is a pod that no node takes now."""
    return isinstance(record.detail, PodState) and not record.deleting and bool(record.detail.unschedulable)


def _controller(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    for owner in metadata.get("ownerReferences") or ():
        if owner.get("controller"):
            return owner  # type: ignore[no-any-return]  # JSON
    return {}


def _app(metadata: Mapping[str, Any], owner: Mapping[str, Any]) -> Key | None:
    if owner.get("kind") == names.KIND:
        return Key(metadata["namespace"], owner["name"])
    instance = (metadata.get("labels") or {}).get(names.LABEL_INSTANCE)
    return Key(metadata["namespace"], instance) if instance and "namespace" in metadata else None


def _image(containers: Iterable[Mapping[str, Any]] | None, name: str | None = None) -> str:
    for container in containers or ():
        if name is None or container.get("name") == name:
            return str(container.get("image", ""))
    return ""


def _count(text: str) -> int:
    """Read a whole number an annotation should have; 0 for anything else somebody wrote there."""
    return int(text) if text.isascii() and text.isdecimal() else 0


def _deployment(obj: Mapping[str, Any]) -> DeploymentState:
    spec, status, conditions = obj.get("spec") or {}, obj.get("status") or {}, conditions_of(obj)
    pod = spec["template"]["spec"]
    annotations = obj["metadata"].get("annotations") or {}
    failure = conditions.get("ReplicaFailure", {})
    return DeploymentState(
        wanted=spec.get("replicas", 1),
        replicas=status.get("replicas", 0),
        updated=status.get("updatedReplicas", 0),
        ready=status.get("readyReplicas", 0),
        available=status.get("availableReplicas", 0),
        progressing=shortened(conditions.get("Progressing", {}).get("reason")),
        replica_failure=shortened(failure.get("message")) if failure.get("status") == "True" else "",
        runtime_image=_image(pod.get("initContainers"), "runtime"),
        secrets=secrets_of(pod),
        paused=bool(spec.get("paused")),
        chosen_ready_seconds=_count(annotations.get(names.ANNOTATION_READY_SECONDS, "")),
    )


def _replica_set(obj: Mapping[str, Any]) -> ReplicaSetState:
    return ReplicaSetState(configs=configs_of(obj["spec"]["template"]["spec"]))


def _stateful_set(obj: Mapping[str, Any]) -> StatefulSetState:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    pod = spec["template"]["spec"]
    return StatefulSetState(
        wanted=spec.get("replicas", 1),
        ready=status.get("readyReplicas", 0),
        updated=status.get("currentRevision") == status.get("updateRevision"),
        image=_image(pod.get("containers")),
        secrets=secrets_of(pod),
    )


def _job(obj: Mapping[str, Any]) -> JobState:
    conditions = conditions_of(obj)
    failed = conditions.get("Failed", {})
    failing = failed if failed.get("status") == "True" else {}
    return JobState(
        component=(obj["metadata"].get("labels") or {}).get(names.LABEL_COMPONENT, ""),
        complete=conditions.get("Complete", {}).get("status") == "True",
        completed_at=(obj.get("status") or {}).get("completionTime") or "",
        failure=shortened(failing.get("reason")) or ("Failed" if failing else ""),
        failed_at=str(failing.get("lastTransitionTime") or ""),
        message=shortened(failing.get("message")),
        secrets=secrets_of(obj["spec"]["template"]["spec"]),
    )


def _cron_job(obj: Mapping[str, Any]) -> CronJobState:
    status = obj.get("status") or {}
    pod = obj["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return CronJobState(
        last_schedule=status.get("lastScheduleTime") or "",
        last_success=status.get("lastSuccessfulTime") or "",
        secrets=secrets_of(pod),
    )


def _ingress(obj: Mapping[str, Any]) -> IngressState:
    published = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    return IngressState(
        class_name=(obj.get("spec") or {}).get("ingressClassName") or "",
        addresses=tuple(item.get("hostname") or item.get("ip") or "" for item in published),
    )


_MADE_OF_OURS = frozenset({"ReplicaSet"})
"""Kinds whose annotations are copies of our own, and whose number of pods is known from elsewhere."""
_NEVER_APPLIED_AGAIN = frozenset({"Pod", "Job", "ReplicaSet"})

_READERS: Mapping[str, Callable[[Mapping[str, Any]], Detail]] = {
    "HorizontalPodAutoscaler": read_autoscaler,
    "ScaledObject": read_autoscaler,
    "Deployment": _deployment,
    "ReplicaSet": _replica_set,
    "StatefulSet": _stateful_set,
    "Job": _job,
    "CronJob": _cron_job,
    "Ingress": _ingress,
    "Pod": read_pod,
}
