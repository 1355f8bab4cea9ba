"""Whether a RealtimeApp is where it is going, as somebody with kubectl finds out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hack.clients.kubectl import Kubectl

RUNNING = "app.kubernetes.io/component in (web,worker)"


def is_settled(kubectl: Kubectl, app: str) -> bool:
    """Whether only pods of the manifest's image are left, all there and ready, and the conditions say so."""
    found = kubectl.get("rta", app)
    conditions = {c["type"]: c for c in found.get("status", {}).get("conditions", ())}
    if any(c["observedGeneration"] != found["metadata"]["generation"] for c in conditions.values()):
        return False
    if (status_of(conditions, "Ready"), status_of(conditions, "Progressing")) != ("True", "False"):
        return False
    pods = kubectl.items("pods", f"app.kubernetes.io/instance={app},{RUNNING}")
    deployments = kubectl.items("deployments", f"app.kubernetes.io/instance={app}")
    wanted = sum(deployment["spec"]["replicas"] for deployment in deployments)
    image = found["spec"]["image"]
    return len(pods) == wanted and all(is_ready(pod) and runs(pod, image) for pod in pods)


def status_of(conditions: dict[str, Any], name: str) -> str:
    """Status of a condition, Unknown where there is none."""
    return str(conditions.get(name, {}).get("status", "Unknown"))


def is_ready(pod: dict[str, Any]) -> bool:
    """Whether a pod is ready and stays."""
    if "deletionTimestamp" in pod["metadata"]:
        return False
    return any(
        c["type"] == "Ready" and c["status"] == "True" for c in pod.get("status", {}).get("conditions", ())
    )


def runs(pod: dict[str, Any], image: str) -> bool:
    """Whether the pod's first container, the application's, has this image."""
    return bool(pod["spec"]["containers"][0]["image"] == image)
