"""`kubectl rollout undo`, `pause`, `resume` and `restart` on the Deployment do what they say, beside the operator.

There are no nodes: pods run and are ready when the test says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hack.clients.waiting import eventually
from realtimeapp_operator import names
from tests.support.made_up_nodes import let_run
from tests.support.smallest_app import NO_CHECKS, NO_MIGRATIONS, smallest_app

if TYPE_CHECKING:
    from hack.clients.kubectl import Kubectl
    from tests.support.operator_process import OperatorProcess

pytestmark = pytest.mark.usefixtures("operator")

WEB = "counter-web"
SELECTOR = f"{names.LABEL_COMPONENT}={names.COMPONENT_WEB}"
OLD, NEW, NEWER = (f"registry.example.com/counter:{n}" for n in (1, 2, 3))
NOTE = [{"name": "NOTE", "value": "old"}]
RESTARTED = "kubectl.kubernetes.io/restartedAt"
QUICK = {
    "replicas": 2,
    "connections": {"maxPerPod": 10},
    "rollout": {"maxReconnectsPerSecond": 10, "drainTimeoutSeconds": 10},
}
WITHIN = 60.0


def declare(kubectl: Kubectl, image: str, **spec: Any) -> None:  # noqa: ANN401 - fields of the spec
    """Replace the application's spec."""
    declared = {"image": image, "migrations": NO_MIGRATIONS, "checks": NO_CHECKS, "web": QUICK, **spec}
    kubectl.apply(smallest_app(**declared))


def await_rollout(kubectl: Kubectl, image: str) -> None:
    """Let pods run until the Deployment has only those of `image`, all available."""

    def look() -> bool:
        let_run(kubectl, names.MANAGED_SELECTOR)
        live = kubectl.find("deployment", WEB)
        if live is None or running_image(live) != image:
            return False
        status, wanted = live.get("status", {}), live["spec"]["replicas"]
        seen = status.get("observedGeneration") == live["metadata"]["generation"]
        counts = {status.get(key) for key in ("replicas", "updatedReplicas", "availableReplicas")}
        return seen and counts == {wanted}

    eventually(look, within=WITHIN, what=f"all pods of {image}", interval=0.5)


def await_ready(kubectl: Kubectl, *, reason: str, part: str = "WebReady") -> str:
    """Wait for the reason of a condition of this generation; its message."""

    def look() -> str:
        let_run(kubectl, names.MANAGED_SELECTOR)
        app = kubectl.get("rta", "counter")
        found = kubectl.condition("counter", part)
        current = found.get("observedGeneration") == app["metadata"]["generation"]
        return str(found["message"] or "-") if current and found["reason"] == reason else ""

    return eventually(look, within=WITHIN, what=f"{part} {reason}", interval=0.5)


def running_image(live: dict[str, Any]) -> str:
    return str(live["spec"]["template"]["spec"]["containers"][0]["image"])


def variables(kubectl: Kubectl) -> set[str]:
    container = kubectl.get("deployment", WEB)["spec"]["template"]["spec"]["containers"][0]
    return {item["name"] for item in container["env"]}


def settings(kubectl: Kubectl) -> set[str]:
    found = {item["metadata"]["name"] for item in kubectl.items("configmaps")}
    return {name for name in found if name.startswith("counter-settings-")}


def revisions(kubectl: Kubectl) -> int:
    return len(kubectl.items("replicasets", SELECTOR))


def test_an_undo_stays_until_the_spec_asks_for_other_pods(
    kubectl: Kubectl, operator: OperatorProcess
) -> None:
    declare(kubectl, OLD, env=NOTE)
    await_rollout(kubectl, OLD)
    declare(kubectl, NEW)
    await_rollout(kubectl, NEW)
    assert "NOTE" not in variables(kubectl)

    kubectl.run("rollout", "undo", f"deployment/{WEB}")
    await_rollout(kubectl, OLD)
    message = await_ready(kubectl, reason="RolledBack")
    assert WEB in message
    assert "spec.image" in message
    assert kubectl.condition("counter", "Ready")["reason"] == "RolledBack"
    operator.kill()
    operator.start()
    kubectl.run("scale", "rta", "counter", "--replicas=3")
    eventually(
        lambda: kubectl.get("deployment", WEB)["spec"]["replicas"] == 3, within=WITHIN, what="three pods"
    )
    assert running_image(kubectl.get("deployment", WEB)) == OLD

    declare(kubectl, NEWER)
    await_rollout(kubectl, NEWER)
    assert "NOTE" not in variables(kubectl), "nothing of the undone revision is left"
    await_ready(kubectl, reason="AsExpected")


@pytest.mark.thorough
def test_declaring_what_was_rolled_back_to_replaces_no_pod_and_frees_its_fields(kubectl: Kubectl) -> None:
    declare(kubectl, OLD, env=NOTE)
    await_rollout(kubectl, OLD)
    declare(kubectl, NEW)
    await_rollout(kubectl, NEW)
    kubectl.run("rollout", "undo", f"deployment/{WEB}")
    await_rollout(kubectl, OLD)
    await_ready(kubectl, reason="RolledBack")
    before = {pod["metadata"]["uid"] for pod in kubectl.web_pods("counter")}
    declare(kubectl, OLD, env=NOTE)
    await_ready(kubectl, reason="AsExpected")
    assert {pod["metadata"]["uid"] for pod in kubectl.web_pods("counter")} == before
    declare(kubectl, OLD)
    eventually(lambda: "NOTE" not in variables(kubectl), within=WITHIN, what="the variable is gone")


@pytest.mark.thorough
def test_undoing_the_undo_is_the_declared_revision_again(kubectl: Kubectl) -> None:
    declare(kubectl, OLD)
    await_rollout(kubectl, OLD)
    declare(kubectl, NEW)
    await_rollout(kubectl, NEW)
    for image, reason in ((OLD, "RolledBack"), (NEW, "AsExpected")):
        kubectl.run("rollout", "undo", f"deployment/{WEB}")
        await_rollout(kubectl, image)
        await_ready(kubectl, reason=reason)


@pytest.mark.thorough
def test_a_pause_holds_the_next_revision_and_a_resume_lets_it_go(kubectl: Kubectl) -> None:
    declare(kubectl, OLD)
    await_rollout(kubectl, OLD)
    kubectl.run("rollout", "pause", f"deployment/{WEB}")
    declare(kubectl, NEW)
    assert "kubectl rollout resume" in await_ready(kubectl, reason="RolloutPaused")
    live = kubectl.get("deployment", WEB)
    assert (live["spec"]["paused"], running_image(live)) == (True, NEW)
    kubectl.run("rollout", "resume", f"deployment/{WEB}")
    await_rollout(kubectl, NEW)
    await_ready(kubectl, reason="AsExpected")


@pytest.mark.thorough
def test_a_restart_replaces_all_pods_once_and_no_apply_undoes_it(kubectl: Kubectl) -> None:
    declare(kubectl, OLD)
    await_rollout(kubectl, OLD)
    before = {pod["metadata"]["uid"] for pod in kubectl.web_pods("counter")}
    kubectl.run("rollout", "restart", f"deployment/{WEB}")
    await_rollout(kubectl, OLD)
    await_ready(kubectl, reason="AsExpected")
    after = {pod["metadata"]["uid"] for pod in kubectl.web_pods("counter")}
    assert not before & after
    declare(kubectl, OLD, web={**QUICK, "replicas": 3})
    await_rollout(kubectl, OLD)
    await_ready(kubectl, reason="AsExpected")
    live = kubectl.get("deployment", WEB)
    assert RESTARTED in live["spec"]["template"]["metadata"]["annotations"]
    assert after < {pod["metadata"]["uid"] for pod in kubectl.web_pods("counter")}
    assert revisions(kubectl) == 2


@pytest.mark.thorough
def test_settings_are_kept_for_as_many_revisions_as_can_be_undone(kubectl: Kubectl) -> None:
    known: list[set[str]] = []
    for number in range(6):
        image = f"registry.example.com/counter:{number}"
        declare(kubectl, image, session={"ttlSeconds": 100 + number})
        await_rollout(kubectl, image)
        await_ready(kubectl, reason="AsExpected")
        known.append(settings(kubectl))
    assert revisions(kubectl) == 4
    eventually(lambda: len(settings(kubectl)) == 4, within=WITHIN, what="settings of four revisions")
    assert not settings(kubectl) & known[1] & known[0]
    kubectl.run("rollout", "undo", f"deployment/{WEB}")
    await_rollout(kubectl, "registry.example.com/counter:4")
    await_ready(kubectl, reason="RolledBack")
    template = str(kubectl.get("deployment", WEB)["spec"]["template"])
    assert any(name in template for name in settings(kubectl)), (
        "what the pods of the undo start with is there"
    )
