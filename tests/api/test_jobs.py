"""Jobs as a real Job controller runs them: what a pod said, how often it is tried, and what a CronJob leaves behind.

There are no nodes here: a pod ends when the test says so, in the words a kubelet uses. Everything after that is done by
the real controllers and the operator.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from hack.clients.waiting import eventually
from realtimeapp_operator import names
from tests.support.made_up_nodes import write_status
from tests.support.smallest_app import NO_MIGRATIONS, smallest_app

if TYPE_CHECKING:
    from hack.clients.kubectl import Kubectl, Object
    from tests.support.audit import Audit

pytestmark = pytest.mark.usefixtures("operator")

LOST = "django.db.utils.OperationalError: connection to server failed: Connection refused"
FIRST_PAUSE_SECONDS = 30


def manifest(**spec: Any) -> Object:  # noqa: ANN401 - any part of a spec
    return smallest_app(**{"migrations": {"backoffLimit": 0}, **spec})


def jobs(kubectl: Kubectl, component: str) -> list[str]:
    """Names of the Jobs of a component, the oldest first."""
    found = kubectl.items("jobs", f"{names.LABEL_COMPONENT}={component}")
    found.sort(key=lambda job: (job["metadata"]["creationTimestamp"], len(job["metadata"]["name"])))
    return [job["metadata"]["name"] for job in found]


def end_pod(kubectl: Kubectl, job: str, *, code: int, message: str) -> str:
    """The pod of `job` ends; returns its name."""

    def living() -> Object | None:
        pods = kubectl.items("pods", f"batch.kubernetes.io/job-name={job}")
        return next((pod for pod in pods if pod["status"]["phase"] == "Pending"), None)

    pod = eventually(living, within=20, what=f"a pod of {job}")
    assert pod is not None
    [container] = pod["spec"]["containers"]
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    end = {
        "exitCode": code,
        "reason": "Error" if code else "Completed",
        "message": message,
        "finishedAt": now,
    }
    status = {
        "phase": "Failed" if code else "Succeeded",
        "containerStatuses": [
            {
                "name": container["name"],
                "image": container["image"],
                "imageID": "",
                "ready": False,
                "restartCount": 0,
                "state": {"terminated": end},
            }
        ],
    }
    name = str(pod["metadata"]["name"])
    write_status(kubectl, pod=name, status=status)
    return name


def only(kubectl: Kubectl, component: str) -> str:
    """Wait for the first Job of a component."""
    found = eventually(lambda: jobs(kubectl, component), within=20, what=f"a Job of {component}")
    return found[-1]


def test_a_migration_waits_for_its_database_without_hands(kubectl: Kubectl, audit: Audit) -> None:
    kubectl.apply(manifest())
    first = only(kubectl, names.COMPONENT_MIGRATE)
    begin = datetime.now(UTC)
    pod = end_pod(kubectl, first, code=1, message=LOST)
    told = kubectl.await_condition(
        "counter", "MigrationsComplete", status="False", reason="DatabaseUnavailable", within=20
    )
    assert "Connection refused" in told["message"]
    kubectl.run("delete", "pod", pod)
    audit.mark()

    second = f"{first}-2"
    eventually(lambda: jobs(kubectl, names.COMPONENT_MIGRATE) == [first, second], within=60, what=second)
    assert (datetime.now(UTC) - begin).total_seconds() >= FIRST_PAUSE_SECONDS - 1
    assert kubectl.condition("counter", "MigrationsComplete")["message"] == told["message"]
    writes = [(r.verb, r.resource, r.name) for r in audit.writes() if not r.subresource]
    assert writes == [("patch", "jobs", second)], "one attempt, one write"

    end_pod(kubectl, second, code=0, message="")
    kubectl.await_condition("counter", "MigrationsComplete", within=20)
    eventually(lambda: kubectl.find("deployment", "counter-web"), within=20, what="the rollout goes on")
    status = kubectl.get("rta", "counter")["status"]["migrations"]
    assert status["job"] == second
    assert "failure" not in status


def test_the_last_words_of_a_failed_migration_outlive_its_pod(kubectl: Kubectl) -> None:
    kubectl.apply(manifest())
    job = only(kubectl, names.COMPONENT_MIGRATE)
    report = {"reason": "CommandFailed", "message": 'ProgrammingError: relation "item" does not exist'}
    pod = end_pod(kubectl, job, code=1, message=json.dumps(report))
    told = kubectl.await_condition(
        "counter", "MigrationsComplete", status="False", reason="MigrationFailed", within=20
    )
    kubectl.run("delete", "pod", pod)
    kubectl.patch("rta", "counter", {"spec": {"web": {"disruptionBudget": {"maxUnavailable": 2}}}})
    again = kubectl.await_condition(
        "counter", "MigrationsComplete", status="False", reason="MigrationFailed", within=20
    )
    assert again["message"] == told["message"]
    assert 'relation "item" does not exist' in again["message"]


def test_enforced_checks_hold_the_migration_until_they_pass(kubectl: Kubectl) -> None:
    kubectl.apply(manifest(checks={"deploy": "Enforce"}))
    job = only(kubectl, names.COMPONENT_CHECK)
    report = {
        "reason": "ChecksFailed",
        "message": "1 finding to mend: djust.A014. 1 warning: security.W004.",
        "findings": ["djust.A014", "security.W004"],
    }
    end_pod(kubectl, job, code=1, message=json.dumps(report))
    told = kubectl.await_condition("counter", "Ready", status="False", reason="ChecksFailed", within=20)
    assert "djust.A014" in told["message"]
    assert jobs(kubectl, names.COMPONENT_MIGRATE) == []
    assert kubectl.get("rta", "counter")["status"]["checks"]["findings"] == report["findings"]

    kubectl.patch("rta", "counter", {"spec": {"image": "registry.example.com/counter:2"}})
    eventually(
        lambda: jobs(kubectl, names.COMPONENT_CHECK) not in ([], [job]), within=20, what="the mended image"
    )
    passed = {"reason": "ChecksPassed", "message": "No errors.", "findings": []}
    end_pod(kubectl, jobs(kubectl, names.COMPONENT_CHECK)[-1], code=0, message=json.dumps(passed))
    kubectl.await_condition("counter", "ChecksPassed", within=20)
    only(kubectl, names.COMPONENT_MIGRATE)


def test_a_failed_run_of_a_scheduled_command_is_visible_until_one_succeeds(kubectl: Kubectl) -> None:
    kubectl.apply(manifest(migrations=NO_MIGRATIONS))
    eventually(lambda: kubectl.find("cronjob", "counter-clearsessions"), within=20, what="the CronJob")
    kubectl.run("create", "job", "night-1", "--from=cronjob/counter-clearsessions")
    for _ in range(2):
        end_pod(kubectl, "night-1", code=1, message="ValueError: no such table")
    kubectl.await_condition("counter", "Degraded", reason="CleanupFailed", within=60)
    [entry] = kubectl.get("rta", "counter")["status"]["cleanup"]
    assert entry["failure"]["job"] == "night-1"
    assert entry["failure"]["message"] == "ValueError: no such table"
    assert "lastSuccessfulTime" not in entry

    kubectl.run("create", "job", "night-2", "--from=cronjob/counter-clearsessions")
    end_pod(kubectl, "night-2", code=0, message="")
    eventually(
        lambda: kubectl.condition("counter", "Degraded")["reason"] != "CleanupFailed",
        within=30,
        what="the success clears it",
    )
    [entry] = kubectl.get("rta", "counter")["status"]["cleanup"]
    assert "failure" not in entry
    assert entry["lastSuccessfulTime"]
