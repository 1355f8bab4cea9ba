"""What kubelets would say where there are none: pods that run and are ready, as far as the controllers can tell."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hack.clients.kubectl import Kubectl


def let_run(kubectl: Kubectl, selector: str, *, address: str = "") -> int:
    """Make every pod that is not ready yet ready, at `address` if there is one; how many pods there are that stay."""
    pods = [pod for pod in kubectl.items("pods", selector) if "deletionTimestamp" not in pod["metadata"]]
    for pod in pods:
        if not is_ready(pod):
            status = ready_status(pod["spec"]["containers"][0]["name"], address=address)
            write_status(kubectl, pod=pod["metadata"]["name"], status=status, check=False)
    return len(pods)


def write_status(kubectl: Kubectl, *, pod: str, status: dict[str, Any], check: bool = True) -> None:
    """Say what a kubelet would say of a pod; without `check` the pod may be gone."""
    patch = json.dumps({"status": status})
    kubectl.run("patch", "pod", pod, "--subresource=status", "--type=merge", "-p", patch, check=check)


def ready_status(container: str, *, address: str = "") -> dict[str, Any]:
    """The status of a pod that serves, at `address` if there is one."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    running = {"name": container, "image": "i", "imageID": "i", "ready": True, "restartCount": 0}
    return {
        "phase": "Running",
        **({"podIP": address, "podIPs": [{"ip": address}]} if address else {}),
        "conditions": [
            {"type": kind, "status": "True", "lastTransitionTime": now}
            for kind in ("Ready", "ContainersReady")
        ],
        "containerStatuses": [{**running, "started": True, "state": {"running": {"startedAt": now}}}],
    }


def is_ready(pod: dict[str, Any]) -> bool:
    """Whether a pod says that it is ready."""
    conditions = pod.get("status", {}).get("conditions", ())
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)
