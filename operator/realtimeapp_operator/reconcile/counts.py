"""A Deployment's `replicas` written alone: handed over to an autoscaler, or changed where all else has to stay.

A field that an apply does not name any more goes back to its default, which for `replicas` is one pod. So before the
operator stops naming it, another manager of its own applies the number that is there, and holds it until an autoscaler
writes another one. The same way the number of a Deployment follows the declaration whose template must not be touched
now. Pure: manifests come out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtimeapp_operator.reconcile.records import DeploymentState

if TYPE_CHECKING:
    from realtimeapp_operator.reconcile.records import Record
    from realtimeapp_operator.render.facts import Manifest


def with_count(manifest: Manifest, count: int | None) -> Manifest:
    """Return a Deployment with that many replicas, or one that leaves their number to somebody else (None)."""
    spec = {key: value for key, value in manifest["spec"].items() if key != "replicas"}
    return {**manifest, "spec": spec if count is None else {"replicas": count, **spec}}


def hand_over(manifest: Manifest, record: Record | None) -> Manifest | None:
    """Return the number of replicas that is there, to be applied before `manifest`, which does not name it any more.

    Where there are pods it only applies to the version of the Deployment it was read from: somebody may just have
    changed the number.
    """
    if record is None or not isinstance(record.detail, DeploymentState) or "replicas" in manifest["spec"]:
        return None
    if not record.fields.name("spec", "replicas"):
        return None
    guard = {"uid": record.uid}
    if record.detail.replicas:
        guard["resourceVersion"] = record.version
    return _count(record, record.detail.wanted, guard)


def follow(manifest: Manifest, record: Record | None, *, from_rest: bool) -> Manifest | None:
    """Return the number of replicas that `manifest` asks for, if it is another one, to be applied without the rest.

    A Deployment without pods gets some only with `from_rest`.
    """
    if record is None or not isinstance(record.detail, DeploymentState):
        return None
    wanted = manifest["spec"].get("replicas", record.detail.wanted)
    if wanted == record.detail.wanted or not (record.detail.wanted or from_rest):
        return None
    return _count(record, wanted, {"uid": record.uid})


def lower(manifest: Manifest, record: Record | None) -> Manifest | None:
    """Return the number of replicas that `manifest` asks for, if it is a smaller one, to be applied without the rest."""
    count = follow(manifest, record, from_rest=False)
    if count is None or record is None or not isinstance(record.detail, DeploymentState):
        return None
    return count if count["spec"]["replicas"] < record.detail.wanted else None


def _count(record: Record, replicas: int, guard: dict[str, str]) -> Manifest:
    address = record.address
    return {
        "apiVersion": record.api_version,
        "kind": address.kind,
        "metadata": {"name": address.name, "namespace": address.namespace, **guard},
        "spec": {"replicas": replicas},
    }
