"""Which Secret or ConfigMap a hanging pod waits for.

A volume that cannot be mounted shows in no field of the pod. So while a pod hangs, and only then, what it mounts is
asked for by name, as metadata: contents are never read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtimeapp_operator import names
from realtimeapp_operator.api.reasons import Reason
from realtimeapp_operator.kube.errors import ApiError
from realtimeapp_operator.kube.kinds import Ref
from realtimeapp_operator.reconcile.diagnosis import is_hung
from realtimeapp_operator.reconcile.pod_state import PodState
from realtimeapp_operator.reconcile.problems import Problem, problem
from realtimeapp_operator.reconcile.references import references
from realtimeapp_operator.reconcile.situation import Part

if TYPE_CHECKING:
    from collections.abc import Iterable

    from realtimeapp_operator.reconcile.observed import Family
    from realtimeapp_operator.reconcile.ports import Api
    from realtimeapp_operator.render.facts import Manifest

_REASONS = {"Secret": Reason.SECRET_MISSING, "ConfigMap": Reason.CONFIG_MAP_MISSING}


async def find_missing(
    api: Api, *, desired: Iterable[Manifest], family: Family, now: float
) -> dict[Part, Problem]:
    """Return what is missing, per component with hanging pods; no request when none hangs."""
    hanging = {
        Part(record.detail.component, record.detail.worker)
        for record in family.records
        if isinstance(record.detail, PodState) and is_hung(record, now=now)
    }
    if not hanging:
        return {}
    found: dict[Part, Problem] = {}
    generated = {item["metadata"]["name"] for item in desired if item["kind"] == "Secret"}
    exists: dict[Ref, bool] = {}
    for item in desired:
        labels = item["metadata"].get("labels") or {}
        part = Part(labels.get(names.LABEL_COMPONENT, ""), labels.get(names.LABEL_WORKER, ""))
        if part not in hanging or item["kind"] not in {"Deployment", "StatefulSet", "Job"}:
            continue
        for kind, name in sorted(set(references(item["spec"]["template"]["spec"]))):
            ref = Ref("v1", kind, item["metadata"]["namespace"], name)
            if ref not in exists:
                exists[ref] = await _exists(api, ref)
            if not exists[ref]:
                found.setdefault(part, _missing(ref, generated=name in generated))
    return found


async def _exists(api: Api, ref: Ref) -> bool:
    try:
        return await api.get_metadata(ref) is not None
    except ApiError:
        return True  # We may not look, or cannot now: then we do not claim that it is missing.


def _missing(ref: Ref, *, generated: bool) -> Problem:
    if generated:
        return Problem(
            Reason.SECRET_MISSING,
            f"the generated Secret {ref.name} was deleted. Restore it from a backup: what runs still uses its content,"
            " so it is not generated anew by itself.",
        )
    return problem(_REASONS[ref.kind], f"{ref.kind} {ref.name} does not exist")
