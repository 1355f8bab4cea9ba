"""Which web pods are of the revision that is asked for, and whether the Deployment is still replacing the others.

Pure. The pods do not say which template they are of, only which ones are alike; the Deployment's counts tell the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from realtimeapp_operator import names
from realtimeapp_operator.reconcile.pod_state import PodState
from realtimeapp_operator.reconcile.records import DeploymentState
from realtimeapp_operator.reconcile.rollback import is_undone
from realtimeapp_operator.reconcile.scaling import ENDED
from realtimeapp_operator.reconcile.situation import WEB

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from realtimeapp_operator.reconcile.records import Record
    from realtimeapp_operator.reconcile.situation import Situation
    from realtimeapp_operator.render.facts import Manifest

ROLLED_OUT: Final = "NewReplicaSetAvailable"
"""What the Deployment controller says once all pods are of one template, and still while some are made anew."""
PAUSED: Final = "DeploymentPaused"
"""What it says of a paused Deployment, also when nothing is to be rolled out."""
RESUMED: Final = "DeploymentResumed"
STALLED: Final = "ProgressDeadlineExceeded"


class WebRollout(NamedTuple):
    """The web Deployment and its pods."""

    detail: DeploymentState
    updated: int
    """Pods of the template that is asked for."""
    old: tuple[Record, ...]
    """Pods of older revisions, stopping or not; while the new revision is held, those that stop."""
    new: tuple[PodState, ...]
    leaving: int
    leaving_old: int
    rolls: bool
    """Whether the Deployment still replaces pods."""

    @property
    def staying_old(self) -> int:
        """Pods of older revisions that nobody has told to stop, as the Deployment counts them."""
        return max(self.detail.replicas - self.updated, 0)


def look_at_web(situation: Situation) -> WebRollout | None:
    """Return the web Deployment as it is; None before it is there."""
    manifest = situation.workload(WEB)
    record = situation.record(manifest) if manifest is not None else None
    if manifest is None or record is None or not isinstance(record.detail, DeploymentState):
        return None
    pods = [
        pod
        for pod in situation.pods(WEB)
        if isinstance(pod.detail, PodState) and pod.detail.phase not in ENDED
    ]
    held = situation.is_held(manifest)
    arrived = has_arrived(manifest, record)
    current = _find_current_revision(pods, record.detail) if arrived else None
    leaving_old = _find_leaving_of_old_revisions(pods)
    return WebRollout(
        detail=record.detail,
        updated=record.detail.updated if arrived else 0,
        old=leaving_old if held else tuple(pod for pod in pods if _revision(pod) != current),
        new=tuple(
            pod.detail for pod in pods if isinstance(pod.detail, PodState) and pod.detail.revision == current
        ),
        leaving=sum(1 for pod in pods if pod.deleting),
        leaving_old=len(leaving_old),
        rolls=not held and is_rollout(manifest, record, record.detail),
    )


def is_rollout(manifest: Manifest, record: Record, detail: DeploymentState) -> bool:
    """Whether one template replaces another, or the first is on its way; a change of scale or an eviction is neither."""
    rests = {ROLLED_OUT} | ({PAUSED, RESUMED} if detail.updated == detail.replicas else set())
    return (
        not has_arrived(manifest, record)
        or detail.replicas > detail.updated
        or detail.progressing not in rests
    )


def has_arrived(manifest: Manifest, record: Record) -> bool:
    """Whether the Deployment controller has seen the template that is to run, and counts its pods.

    That is the one asked for, or the one somebody rolled back to.
    """
    wanted = manifest["metadata"]["annotations"].get(names.ANNOTATION_TEMPLATE_HASH)
    there = record.template_hash == wanted or is_undone(manifest, record)
    return there and record.observed_generation >= record.template_generation


def _find_current_revision(pods: Iterable[Record], detail: DeploymentState) -> str | None:
    """Return the revision the Deployment counts as updated; None while it has no pod.

    The pods do not say which template is the newest. The count does: it is that of one revision, and where two have as
    many pods, the newest pod is of the newer one.
    """
    staying: dict[str, list[str]] = {}
    for pod in pods:
        if isinstance(pod.detail, PodState) and not pod.deleting:
            staying.setdefault(pod.detail.revision, []).append(pod.detail.created_at)
    if not detail.updated or not staying:
        return None
    newest_first = sorted(staying, key=lambda revision: max(staying[revision]), reverse=True)
    return min(newest_first, key=lambda revision: abs(len(staying[revision]) - detail.updated))


def _revision(pod: Record) -> str:
    return pod.detail.revision if isinstance(pod.detail, PodState) else ""


def _find_leaving_of_old_revisions(pods: Sequence[Record]) -> tuple[Record, ...]:
    """Return the pods being deleted of which no equal one stays; none while none stays at all."""
    staying = {_revision(pod) for pod in pods if not pod.deleting}
    return tuple(pod for pod in pods if pod.deleting and staying and _revision(pod) not in staying)
