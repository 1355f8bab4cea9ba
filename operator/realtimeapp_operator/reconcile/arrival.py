"""Whether only pods of what is declared are left, down to the last connection of the last older one.

Pure. The Deployment's own counts leave out pods that are being deleted, and those may drain for minutes; so both are
looked at: what the Deployments count, and every pod there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtimeapp_operator import names
from realtimeapp_operator.reconcile.pod_state import PodState
from realtimeapp_operator.reconcile.records import DeploymentState
from realtimeapp_operator.reconcile.scaling import ENDED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from realtimeapp_operator.reconcile.observed import Family
    from realtimeapp_operator.reconcile.records import Record
    from realtimeapp_operator.render.facts import Manifest


def is_rolled_out(desired: Iterable[Manifest], family: Family, *, owner: str) -> bool:
    """Whether every Deployment of `desired` has all its pods, ready, and no pod of an older revision exists."""
    return all(
        _has_arrived(item, family.get("Deployment", item["metadata"]["name"], owner=owner), family)
        for item in desired
        if item["kind"] == "Deployment"
    )


def _has_arrived(manifest: Manifest, record: Record | None, family: Family) -> bool:
    if record is None or not isinstance(record.detail, DeploymentState):
        return False
    asked = manifest["metadata"]["annotations"].get(names.ANNOTATION_TEMPLATE_HASH)
    there = record.template_hash == asked and record.current and record.detail.serves
    return there and _is_alone(manifest, family, wanted=record.detail.wanted)


def _is_alone(manifest: Manifest, family: Family, *, wanted: int) -> bool:
    """Whether those that are being deleted are of the revision that stays, of which there are no more than wanted."""
    labels = manifest["metadata"]["labels"]
    found = family.pods(labels[names.LABEL_COMPONENT], labels.get(names.LABEL_WORKER, ""))
    pods = [(pod.deleting, pod.detail) for pod in found if isinstance(pod.detail, PodState)]
    present = [(deleting, detail.revision) for deleting, detail in pods if detail.phase not in ENDED]
    staying = [revision for deleting, revision in present if not deleting]
    return {revision for _, revision in present} == set(staying) and (
        len(set(staying)) <= 1 and len(staying) <= wanted
    )
