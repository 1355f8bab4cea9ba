"""What has to be written so that the children equal the declaration; nothing when they do.

Pure: manifests and records in, a plan out. Two rules make it safe: a write is guarded so that it can only hit an object
of ours (see `guarded`), and what running pods still need is neither changed nor deleted under them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from realtimeapp_operator import names
from realtimeapp_operator.reconcile.attempts import is_outdated
from realtimeapp_operator.reconcile.counts import follow, hand_over, lower
from realtimeapp_operator.reconcile.gate import Gate, is_migration, runs
from realtimeapp_operator.reconcile.pod_state import PodState
from realtimeapp_operator.reconcile.ports import Key
from realtimeapp_operator.reconcile.records import (
    Address,
    CronJobState,
    DeploymentState,
    JobState,
    Record,
    ReplicaSetState,
    StatefulSetState,
    address_of,
)
from realtimeapp_operator.reconcile.rollback import is_taken_away, is_undone

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from realtimeapp_operator.api.app import RealtimeApp
    from realtimeapp_operator.reconcile.observed import Family
    from realtimeapp_operator.render.facts import Manifest

CREATE_ONLY: Final = "1"
"""A resourceVersion no object ever has (the store's first write makes 2), so an apply with it can only create."""
WORKLOADS: Final = frozenset({"Deployment", "StatefulSet", "Job", "CronJob"})
"""Kinds that run pods; they are written after everything their pods use."""
HELD: Final = frozenset({"Deployment", "CronJob"})
"""Kinds whose new template waits for the gate; a Deployment's count does not, unless it comes back from 0."""
STARTS_PODS: Final = "ScaledObject"
"""Waits for the gate until it is there: KEDA brings back what rests at 0, with the template it has; an HPA does not."""
KEPT_WHILE_ROLLING: Final = frozenset({"ConfigMap", "ServiceAccount", "Job"})
"""Kinds an older pod may still need when it starts once more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Writes, in this order.

    `retire`, `create` (POST) and `apply` of what pods use, `counts` and `reclaim`, `apply` of workloads, `delete`. Where
    what pods use cannot be written, `lower` is, and all that would come after it waits.
    """

    retire: tuple[Record, ...] = ()
    """Autoscalers that nothing asks for and none follows: they serve nobody, and keep pods that are to go."""
    create: tuple[Manifest, ...] = ()
    counts: tuple[Manifest, ...] = ()
    """Numbers of replicas, applied alone: see `counts`."""
    lower: tuple[Manifest, ...] = ()
    """Numbers of replicas by which pods only go, for where no more than that may be written."""
    reclaim: tuple[Record, ...] = ()
    """Deployments of whose fields somebody became the owner by an undo: see `rollback`."""
    apply: tuple[Manifest, ...] = ()
    delete: tuple[Record, ...] = ()
    """Waits for all other writes: what is replaced serves, or is used by pods that do, until its successor is there."""
    held: tuple[Manifest, ...] = ()
    """Manifests that wait for the gate; their live objects are left entirely as they are."""
    conflicts: tuple[Manifest, ...] = ()
    """Manifests whose name belongs to somebody else."""
    leaving: tuple[Record, ...] = ()
    """Children of a deleted application of the same name, which the garbage collector is about to remove."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.retire or self.create or self.counts or self.apply or self.delete)


def plan(
    *,
    desired: Collection[Manifest],
    family: Family,
    app: RealtimeApp,
    gate: Gate,
    look: Callable[[Address], Record | None],
) -> Plan:
    """Compare `desired` with what is observed.

    `look` finds the record at an address whoever owns it. Applied manifests come back
    stamped with their hash and guarded.
    """
    key, owner = Key(app.metadata.namespace, app.metadata.name), app.metadata.uid
    create: list[Manifest] = []
    counts: list[Manifest | None] = []
    reclaim: list[Record] = []
    apply: list[Manifest] = []
    held: list[Manifest] = []
    conflicts: list[Manifest] = []
    leaving: list[Record] = []
    wanted: set[tuple[str, str]] = set()
    known_secrets = _known_secrets(family, owner)
    for item in desired:
        address = address_of(item)
        wanted.add((address.kind, address.name))
        if address.kind == "Secret":
            if address.name not in known_secrets:
                create.append(item)
            continue
        record = look(address)
        manifest = stamped(item)
        if record is not None and record.owner_uid != owner:
            if record.former and record.app == key:
                leaving.append(record)
            else:
                conflicts.append(item)
        elif not _differs(manifest, record) or (gate.deferred and is_migration(manifest)):
            continue
        elif is_undone(manifest, record) or _is_going_to_rest(manifest, record, app):
            counts.append(follow(manifest, record, from_rest=True))
        elif _is_held(manifest, record, gate):
            held.append(item)
            counts.append(follow(manifest, record, from_rest=False))
        else:
            counts.append(hand_over(manifest, record))
            if record is not None and is_taken_away(record):
                reclaim.append(record)
            apply.append(guarded(manifest, uid=record.uid if record is not None else None))
    superfluous = tuple(_superfluous(family, owner, wanted, gate, apply))
    retire = () if any(kind in names.AUTOSCALERS for kind, _ in wanted) else _autoscalers(superfluous)
    return Plan(
        retire=retire,
        create=tuple(create),
        counts=tuple(count for count in counts if count is not None),
        lower=tuple(
            count
            for item in desired
            if item["kind"] == "Deployment"
            and (count := lower(item, family.get("Deployment", item["metadata"]["name"], owner=owner)))
        ),
        reclaim=tuple(reclaim),
        apply=tuple(apply),
        delete=() if conflicts or leaving else tuple(item for item in superfluous if item not in retire),
        held=tuple(held),
        conflicts=tuple(conflicts),
        leaving=tuple(leaving),
    )


def stamped(manifest: Manifest) -> Manifest:
    """Return `manifest` with the hash of itself in an annotation."""
    metadata = manifest["metadata"]
    digest = hashlib.sha256(orjson.dumps(manifest, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
    annotations = {**(metadata.get("annotations") or {}), names.ANNOTATION_HASH: digest}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def guarded(manifest: Manifest, *, uid: str | None) -> Manifest:
    """Return `manifest` such that applying it can only create (`uid` None) or change the object of that uid.

    An apply with a resourceVersion is refused with 409 when an object with another one exists, and creates when there
    is none; an apply with a uid is refused when the object is gone (409) or is another one (422).
    """
    guard: dict[str, Any] = {"resourceVersion": CREATE_ONLY} if uid is None else {"uid": uid}
    return {**manifest, "metadata": {**manifest["metadata"], **guard}}


def is_rolling(record: Record) -> bool:
    """Whether a workload is on its way to its newest template or count."""
    detail = record.detail
    if isinstance(detail, DeploymentState):
        return not (record.current and detail.serves)
    if isinstance(detail, StatefulSetState):
        return not (record.current and detail.serves)
    return False


def _differs(manifest: Manifest, record: Record | None) -> bool:
    if record is None:
        return True
    if record.deleting or isinstance(record.detail, JobState):
        return False  # On its way out: created again once it is gone. A Job is never written twice.
    digest = manifest["metadata"]["annotations"][names.ANNOTATION_HASH]
    return record.applied_hash != digest or not record.fields.cover(manifest, digest=digest)


def _is_held(manifest: Manifest, record: Record | None, gate: Gate) -> bool:
    if is_migration(manifest):
        return bool(gate.older) or not gate.checked
    if manifest["kind"] == STARTS_PODS:
        return record is None and not gate.open
    if gate.open or manifest["kind"] not in HELD or _rests(manifest):
        return False
    if record is None or not isinstance(record.detail, DeploymentState) or not record.detail.wanted:
        return True  # What rests got its template unmigrated, perhaps.
    wanted: str = manifest["metadata"]["annotations"].get(names.ANNOTATION_TEMPLATE_HASH, "")
    return record.template_hash != wanted


def _is_going_to_rest(manifest: Manifest, record: Record | None, app: RealtimeApp) -> bool:
    """Whether pods are on their way out of a suspended application: a new template would start others before they go."""
    if record is None or not isinstance(record.detail, DeploymentState):
        return False
    template: str = manifest["metadata"]["annotations"].get(names.ANNOTATION_TEMPLATE_HASH, "")
    return app.spec.suspend and not _rests(manifest) and record.template_hash != template


def _rests(manifest: Manifest) -> bool:
    """Whether a Deployment or CronJob is to run no pod: then its template may change, and nothing starts with it."""
    spec = manifest["spec"]
    return spec.get("replicas") == 0 or spec.get("suspend") is True


def _known_secrets(family: Family, owner: str) -> frozenset[str]:
    """Return the generated Secrets that were created once: a workload that uses them was written after them.

    A Secret is therefore not generated anew when somebody deletes it: Redis and the pods still have the old one.
    """
    found: frozenset[str] = frozenset()
    for record in family.owned(owner):
        if isinstance(record.detail, DeploymentState | StatefulSetState | JobState | CronJobState):
            found |= record.detail.secrets
    return found


def _superfluous(
    family: Family, owner: str, wanted: set[tuple[str, str]], gate: Gate, apply: Iterable[Manifest]
) -> Iterable[Record]:
    """Yield the children nothing asks for any more and no pod needs."""
    rolling = any(item["kind"] in WORKLOADS for item in apply) or any(
        is_rolling(record) for record in family.owned(owner)
    )
    kept = frozenset(
        name
        for record in family.records
        if isinstance(record.detail, ReplicaSetState)
        for name in record.detail.configs
    )
    for record in family.owned(owner):
        kind, name = record.address.kind, record.address.name
        if (kind, name) in wanted or record.deleting or isinstance(record.detail, PodState):
            continue
        if kind == "ConfigMap" and name in kept:
            continue  # An undo would bring back pods that cannot start without it.
        if record in gate.older:
            if not runs(record, family):
                yield record
        elif kind in names.AUTOSCALERS:
            yield record  # Also while the gate is closed: it would undo each step of a scale-in.
        elif (isinstance(record.detail, JobState) and _is_done_with(record.detail, name, gate)) or (
            gate.open and not (rolling and kind in KEPT_WHILE_ROLLING)
        ):
            yield record


def _autoscalers(records: Iterable[Record]) -> tuple[Record, ...]:
    return tuple(record for record in records if record.address.kind in names.AUTOSCALERS)


def _is_done_with(job: JobState, name: str, gate: Gate) -> bool:
    """Whether a Job tells nothing any more: checks of something else, or an attempt before the last failed one."""
    return job.component == names.COMPONENT_CHECK or is_outdated(name, of=gate.job)
