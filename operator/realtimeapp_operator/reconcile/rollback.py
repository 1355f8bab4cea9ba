"""`kubectl rollout undo`: an older template is back, and stays until the declaration asks for another one.

An undo replaces template and annotations by those of an older ReplicaSet and leaves the labels alone. So a Deployment
keeps the hash of the template we applied last as a label beside the one in its annotations: where they differ, somebody
put an older one back. If the label says what is asked for now, the declaration has not moved since, and we leave it.

Fields an undo brought back belong to whoever did it, and would outlive every later apply. They are taken over first.
Pure: fields and hashes in, decisions out.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

from realtimeapp_operator import names
from realtimeapp_operator.reconcile.records import DeploymentState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from realtimeapp_operator.reconcile.records import Record
    from realtimeapp_operator.render.facts import Manifest

RESTARTED: Final = "f:kubectl.kubernetes.io/restartedAt"
"""Written by `kubectl rollout restart`; whoever takes it away restarts all pods once more."""


def is_undone(manifest: Manifest, record: Record | None) -> bool:
    """Whether a Deployment runs an older template than the one asked for, which was there already."""
    if record is None or not isinstance(record.detail, DeploymentState):
        return False
    asked = manifest["metadata"]["annotations"].get(names.ANNOTATION_TEMPLATE_HASH)
    return bool(record.template_hash) and record.template_hash != asked == record.applied_template


def is_taken_away(record: Record | None) -> bool:
    """Whether somebody else wrote the annotations of a Deployment, as an undo does, and back again."""
    return (
        record is not None
        and isinstance(record.detail, DeploymentState)
        and bool(record.template_hash)
        and not record.fields.name("metadata", "annotations", names.ANNOTATION_TEMPLATE_HASH)
    )


def take_over(entries: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return `metadata.managedFields` in which the template's fields of whoever wrote our annotation are ours.

    What others added to the template by themselves stays theirs.
    """
    book = [copy.deepcopy(dict(entry)) for entry in entries]
    ours = next((entry for entry in book if _is_ours(entry)), None)
    if ours is None:
        return book
    for entry in book:
        if entry is not ours and _wrote_annotation(entry):
            template = (entry["fieldsV1"].get("f:spec") or {}).pop("f:template", None)
            if template is None:
                continue
            kept = _without_restart(template)
            _unite(ours["fieldsV1"].setdefault("f:spec", {}).setdefault("f:template", {}), template)
            if kept:
                entry["fieldsV1"]["f:spec"]["f:template"] = kept
    return [entry for entry in book if entry["fieldsV1"]]


def _is_ours(entry: Mapping[str, Any]) -> bool:
    return (entry.get("manager"), entry.get("operation")) == (names.FIELD_MANAGER, "Apply")


def _wrote_annotation(entry: Mapping[str, Any]) -> bool:
    annotations = (entry["fieldsV1"].get("f:metadata") or {}).get("f:annotations") or {}
    return f"f:{names.ANNOTATION_TEMPLATE_HASH}" in annotations


def _without_restart(template: dict[str, Any]) -> dict[str, Any]:
    """Take the time of a restart out of the fields of a template, and return it in a tree of its own."""
    annotations = (template.get("f:metadata") or {}).get("f:annotations") or {}
    if RESTARTED not in annotations:
        return {}
    return {"f:metadata": {"f:annotations": {RESTARTED: annotations.pop(RESTARTED)}}}


def _unite(tree: dict[str, Any], other: Mapping[str, Any]) -> None:
    for name, inner in other.items():
        _unite(tree.setdefault(name, {}), inner)
