"""What the tools' own kubectl promises of a namespace's removal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hack.clients.waiting import eventually

if TYPE_CHECKING:
    from hack.clients.kubectl import Kubectl

NAME = "kubectl-removes"


def test_a_removed_namespace_is_gone_when_it_was_waited_for(kubectl: Kubectl) -> None:
    inside = kubectl.create_namespace(NAME)
    inside.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "left"}})
    kubectl.remove_namespace(NAME, within=60)
    assert kubectl.find("namespace", NAME) is None
    kubectl.remove_namespace(NAME, within=60)


def test_without_a_wait_the_removal_begins(kubectl: Kubectl) -> None:
    """A finalizer keeps what is in it, so that a wait would not end."""
    inside = kubectl.create_namespace(NAME)
    held = {"name": "held", "finalizers": ["example.com/held"]}
    inside.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": held})
    try:
        kubectl.remove_namespace(NAME)
        assert "deletionTimestamp" in kubectl.get("namespace", NAME)["metadata"]
    finally:
        inside.patch("configmap", "held", {"metadata": {"finalizers": []}})
    eventually(lambda: kubectl.find("namespace", NAME) is None, within=60, what="the namespace is gone")
