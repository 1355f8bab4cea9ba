"""What the cluster saw of an application: for whoever has to find out why something did not happen."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hack.clients.kubectl import Kubectl

MANAGED = "app.kubernetes.io/managed-by=realtimeapp-operator"
QUESTIONS = (
    ("describe", "rta"),
    ("get", "all,ingress,networkpolicy", "-o", "wide"),
    ("get", "events", "--sort-by=.lastTimestamp"),
    ("logs", "-l", MANAGED, "--all-containers", "--tail=100", "--prefix", "--max-log-requests=30"),
)


def describe_scene(kubectl: Kubectl) -> str:
    """Conditions, objects, events and the pods' last words in one namespace."""
    return "\n".join(
        f"--- kubectl {' '.join(question)}\n{kubectl.run(*question, check=False).stdout}"
        for question in QUESTIONS
    )
