"""`spec.replicas` changes hands between the operator and an autoscaler, and no pod comes or goes by it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from hack.clients.waiting import eventually
from realtimeapp_operator import names
from tests.support.smallest_app import NO_CHECKS, NO_MIGRATIONS, smallest_app
from tests.support.watch import Watch

if TYPE_CHECKING:
    from pathlib import Path

    from hack.clients.kubectl import Kubectl, Object
    from tests.support.operator_process import OperatorProcess

pytestmark = pytest.mark.usefixtures("operator")

WEB = "counter-web"
AUTOSCALING = {"minReplicas": 2, "maxReplicas": 8}


def manifest(**web: Any) -> Object:  # noqa: ANN401 - fields of spec.web
    return smallest_app(migrations=NO_MIGRATIONS, checks=NO_CHECKS, web=web)


class Counts(Watch):
    """Every number of replicas the web Deployment was told while this was open, as somebody watching saw it."""

    def __init__(self, kubectl: Kubectl, shown: Path) -> None:
        output = 'jsonpath={.metadata.name} {.spec.replicas}{"\\n"}'
        super().__init__(kubectl=kubectl, kind="deployments", output=output, shown=shown)

    @property
    def seen(self) -> list[int]:
        """The numbers in order, without repetition."""
        lines = [line.split() for line in self.read().splitlines()]
        numbers = [int(line[1]) for line in lines if len(line) > 1 and line[0] == WEB]
        return [number for n, number in enumerate(numbers) if not n or numbers[n - 1] != number]


def owners(kubectl: Kubectl) -> set[str]:
    """Field managers that own the web Deployment's `replicas`."""
    [live] = [item for item in kubectl.items("deployments") if item["metadata"]["name"] == WEB]
    return {
        entry["manager"]
        for entry in live["metadata"]["managedFields"]
        if "f:replicas" in entry["fieldsV1"].get("f:spec", {})
    }


def replicas(kubectl: Kubectl) -> int:
    return int(kubectl.get("deployment", WEB)["spec"]["replicas"])


def settle(kubectl: Kubectl) -> None:
    """Wait until the spec as it is now has been reconciled."""
    kubectl.await_condition("counter", "Reconciled", within=30)


def autoscaler_writes(kubectl: Kubectl, number: int) -> None:
    """What an autoscaler does: a change of the scale subresource."""
    kubectl.run("scale", "deployment", WEB, f"--replicas={number}")


def test_on_off_suspend_and_resume_never_touch_a_pod_by_themselves(kubectl: Kubectl, tmp_path: Path) -> None:
    kubectl.apply(manifest(replicas=3))
    settle(kubectl)
    assert owners(kubectl) == {names.FIELD_MANAGER}
    with Counts(kubectl, tmp_path / "on") as counts:
        eventually(lambda: counts.seen, within=10, what="the watch has begun")
        kubectl.patch("rta", "counter", {"spec": {"web": {"autoscaling": AUTOSCALING}}})
        settle(kubectl)
        eventually(
            lambda: owners(kubectl) == {names.MANAGER_COUNT}, within=10, what="the number is handed over"
        )
        autoscaler_writes(kubectl, 5)
        kubectl.patch("rta", "counter", {"spec": {"env": [{"name": "A", "value": "1"}]}})
        settle(kubectl)
        assert counts.seen == [3, 5]
        assert not owners(kubectl) & {names.FIELD_MANAGER, names.MANAGER_COUNT}

        kubectl.patch("rta", "counter", {"spec": {"web": {"autoscaling": None, "replicas": 5}}})
        settle(kubectl)
        eventually(
            lambda: names.FIELD_MANAGER in owners(kubectl), within=10, what="the number is the operator's"
        )
        assert kubectl.find("hpa", WEB) is None
        assert counts.seen == [3, 5], "off"

        kubectl.patch("rta", "counter", {"spec": {"web": {"autoscaling": AUTOSCALING}}})
        settle(kubectl)
        autoscaler_writes(kubectl, 7)
        kubectl.patch("rta", "counter", {"spec": {"suspend": True}})
        eventually(lambda: replicas(kubectl) == 0, within=20, what="suspended")
        assert kubectl.find("hpa", WEB) is None
        assert counts.seen == [3, 5, 7, 0]

        kubectl.patch("rta", "counter", {"spec": {"suspend": False}})
        settle(kubectl)
        eventually(
            lambda: owners(kubectl) == {names.MANAGER_COUNT}, within=10, what="the number is handed over"
        )
        assert counts.seen == [3, 5, 7, 0, 5], "it starts with web.replicas"


def test_a_new_application_starts_with_its_number_and_hands_it_over(kubectl: Kubectl, tmp_path: Path) -> None:
    with Counts(kubectl, tmp_path / "new") as counts:
        kubectl.apply(manifest(replicas=1, autoscaling={"minReplicas": 3, "maxReplicas": 8}))
        settle(kubectl)
        eventually(
            lambda: owners(kubectl) == {names.MANAGER_COUNT}, within=10, what="the number is handed over"
        )
        eventually(lambda: counts.seen, within=10, what="the watch has seen it")
        assert counts.seen == [3]


def test_a_restart_of_the_operator_writes_no_number(
    kubectl: Kubectl, operator: OperatorProcess, tmp_path: Path
) -> None:
    kubectl.apply(manifest(replicas=3, autoscaling=AUTOSCALING))
    settle(kubectl)
    eventually(lambda: owners(kubectl) == {names.MANAGER_COUNT}, within=10, what="handed over")
    autoscaler_writes(kubectl, 6)
    with Counts(kubectl, tmp_path / "restart") as counts:
        operator.kill()
        operator.start()
        kubectl.patch("rta", "counter", {"spec": {"web": {"disruptionBudget": {"maxUnavailable": 2}}}})
        settle(kubectl)
        assert counts.seen == [6]


def test_scaling_the_application_works_without_an_autoscaler_and_the_deployment_is_put_back(
    kubectl: Kubectl,
) -> None:
    kubectl.apply(manifest(replicas=2))
    settle(kubectl)
    kubectl.run("scale", "rta", "counter", "--replicas=4")
    eventually(lambda: replicas(kubectl) == 4, within=20, what="four pods are asked for")
    kubectl.run("scale", "deployment", WEB, "--replicas=9")
    eventually(lambda: replicas(kubectl) == 4, within=20, what="the declared number again")
    app = json.loads(kubectl.run("get", "rta", "counter", "-o", "json").stdout)
    assert app["spec"]["web"]["replicas"] == 4
