"""What every rendered object has in common: labels, ownership, hashes, and how text is kept from being interpreted.

Refuses to know any topic: a function here is used by at least two of the topic files.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from realtimeapp_operator import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from realtimeapp_operator.api.app import RealtimeApp
    from realtimeapp_operator.api.base import Model
    from realtimeapp_operator.render.facts import Manifest

USER_ID: Final = 10001
"""User, group and file-system group of every container; above 10000, so that it is nobody on the node."""
SECRET_FILE_MODE: Final = 0o440
"""Readable by the pod's group, which owns the files through fsGroup, and by nobody else."""
APP_LABEL: Final = "realtimeapp"
"""Value of the label `app.kubernetes.io/name`."""
REVISION_HISTORY_LIMIT: Final = 3
"""Old ReplicaSets kept for `kubectl rollout undo`; each one costs an object in every watch."""


def canonical(value: object) -> str:
    """JSON text that is equal for equal values, whatever the order of their keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def dump(model: Model) -> dict[str, Any]:
    """A model as Kubernetes spells it: camelCase, without what nobody wrote."""
    return model.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)


def literal(text: str) -> str:
    """`text` as an environment value or argument that the kubelet hands over unchanged.

    The kubelet replaces `$(NAME)` by a variable and `$$` by `$`; with every `$` doubled neither happens to the text.
    """
    return text.replace("$", "$$")


def literals(arguments: Iterable[str]) -> list[str]:
    """Arguments that the kubelet hands over unchanged; see `literal`."""
    return [literal(argument) for argument in arguments]


def instance_selector(app: RealtimeApp) -> dict[str, str]:
    """Labels that select every pod of the application.

    With the name: a chart released under the application's name labels its own pods with the same instance.
    """
    return {names.LABEL_NAME: APP_LABEL, names.LABEL_INSTANCE: app.metadata.name}


def selector(app: RealtimeApp, component: str, worker: str | None = None) -> dict[str, str]:
    """Labels that select exactly the pods of one component, or of one named worker; never changed afterwards."""
    chosen = {**instance_selector(app), names.LABEL_COMPONENT: component}
    if worker is not None:
        chosen[names.LABEL_WORKER] = worker
    return chosen


def labels(app: RealtimeApp, component: str, worker: str | None = None) -> dict[str, str]:
    """Labels of an object, and of its pods, of one component."""
    return {
        names.LABEL_MANAGED_BY: names.MANAGED_BY,
        **selector(app, component, worker),
    }


def owner_references(app: RealtimeApp) -> list[dict[str, Any]]:
    """The RealtimeApp as controller; empty while it has no uid, as in offline rendering."""
    if not app.metadata.uid:
        return []
    return [
        {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "name": app.metadata.name,
            "uid": app.metadata.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]


def metadata(
    app: RealtimeApp,
    name: str,
    *,
    component: str,
    worker: str | None = None,
    annotations: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Metadata of one owned object."""
    rendered: dict[str, Any] = {
        "name": name,
        "namespace": app.metadata.namespace,
        "labels": labels(app, component, worker),
    }
    if annotations:
        rendered["annotations"] = dict(annotations)
    if owners := owner_references(app):
        rendered["ownerReferences"] = owners
    return rendered


def template_hash(workload: Manifest) -> str:
    """Hash of a workload's pod template: equal hashes mean that an apply replaces no pod."""
    return names.short_hash(canonical(workload["spec"]["template"]))


def with_template_hash(workload: Manifest) -> Manifest:
    """The Deployment or StatefulSet, annotated with the hash of its pod template.

    A Deployment has it as a label, too: an undo takes the annotation back and not the label.
    """
    own, digest = workload["metadata"], template_hash(workload)
    annotations = {**own.get("annotations", {}), names.ANNOTATION_TEMPLATE_HASH: digest}
    marked = {**own, "annotations": annotations}
    if workload["kind"] == "Deployment":
        marked["labels"] = {**own["labels"], names.LABEL_TEMPLATE_HASH: digest}
    return {**workload, "metadata": marked}


def pod_security(*, on_root_mismatch: bool = False) -> dict[str, Any]:
    """Security context of every pod, as Pod Security `restricted` asks and one user for all files."""
    context: dict[str, Any] = {
        "runAsNonRoot": True,
        "runAsUser": USER_ID,
        "runAsGroup": USER_ID,
        "fsGroup": USER_ID,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    if on_root_mismatch:
        # A volume with data is not walked again at each start.
        context["fsGroupChangePolicy"] = "OnRootMismatch"
    return context


def pull_secrets(app: RealtimeApp) -> dict[str, Any]:
    """Pull credentials, as a field of the spec of every pod: the operator's own images may need them as well."""
    if not app.spec.image_pull_secrets:
        return {}
    return {"imagePullSecrets": [{"name": secret.name} for secret in app.spec.image_pull_secrets]}


def container_security() -> dict[str, Any]:
    """Security context of every container: `restricted`, and nothing of the image can be written."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
