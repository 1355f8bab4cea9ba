"""Django's checks: what they find is told, and holds a rollout only where somebody asked for that."""

from __future__ import annotations

import json

import pytest

from realtimeapp_operator import names
from realtimeapp_operator.kube.kinds import Ref
from tests.support.serving import bring_up_world, forget_past
from tests.support.world import KEY, World

NEW = "registry.example.com/counter:2"
ENFORCE = {"deploy": "Enforce"}


@pytest.fixture
async def world() -> World:
    """An application that serves, its checks passed."""
    return await bring_up_world()


@pytest.fixture
async def strict() -> World:
    """The same, with checks that hold."""
    made = World()
    made.declare(checks=ENFORCE)
    await made.settle()
    made.finish_check()
    await made.bring_up()
    forget_past(made)
    return made


def image(world: World) -> str:
    pod = world.child("Deployment", "counter-web")["spec"]["template"]["spec"]
    return str(pod["containers"][0]["image"])


def said(world: World, kind: str = "ChecksPassed") -> tuple[str, str]:
    condition = world.condition(kind)
    return condition["status"], condition["reason"]


async def test_checks_that_warn_run_beside_the_rollout_and_hold_nothing(world: World) -> None:
    world.declare(image=NEW)
    await world.settle()
    assert said(world) == ("Unknown", "ChecksRunning")
    assert len(world.jobs(names.COMPONENT_MIGRATE)) == 2, "the migration does not wait for the checks"
    world.finish_migration()
    await world.settle()
    world.roll_out()
    await world.settle()
    assert image(world) == NEW
    assert said(world, "Ready") == ("True", "AsExpected")

    world.fail_check(findings=["security.E001", "security.W004"])
    await world.settle()
    assert said(world) == ("False", "ChecksFailed")
    message = world.condition("ChecksPassed")["message"]
    assert "security.E001, security.W004" in message
    assert f"Job {world.check()}" in message
    assert "SILENCED_SYSTEM_CHECKS" in message
    assert said(world, "Ready") == ("True", "AsExpected")
    assert said(world, "Degraded") == ("False", "AsExpected")
    assert world.told.reasons().count("ChecksFailed") == 1


async def test_warnings_are_listed_once(world: World) -> None:
    world.declare(image=NEW)
    await world.settle()
    world.finish_check(warnings=["security.W004", "djust.A001", "security.W004"])
    await world.settle()
    assert said(world) == ("True", "ChecksPassed")
    assert "warnings: security.W004, djust.A001" in world.condition("ChecksPassed")["message"]
    assert world.status()["checks"] == {
        "job": world.check(),
        "image": NEW,
        "completedAt": world.time(),
        "message": "3 warnings: security.W004, djust.A001, security.W004.",
        "findings": ["security.W004", "djust.A001"],
    }


async def test_more_findings_than_fit_are_cut(world: World) -> None:
    world.declare(image=NEW)
    await world.settle()
    world.finish_check(warnings=[f"shop.W{number:03}" for number in range(60)])
    await world.settle()
    assert len(world.status()["checks"]["findings"]) == 40


async def test_enforced_checks_hold_migration_and_rollout(strict: World) -> None:
    strict.declare(checks=ENFORCE, image=NEW)
    await strict.settle()
    assert len(strict.jobs(names.COMPONENT_MIGRATE)) == 1
    for kind in ("Ready", "Reconciled", "MigrationsComplete", "WebReady"):
        assert said(strict, kind) == ("False", "WaitingForChecks")
    assert said(strict, "Progressing") == ("True", "WaitingForChecks")
    assert strict.check() in strict.condition("Ready")["message"]
    assert strict.condition("Ready")["message"].endswith("The old pods keep serving.")

    strict.finish_check()
    await strict.settle()
    assert len(strict.jobs(names.COMPONENT_MIGRATE)) == 2
    assert said(strict, "Ready")[1] in {"MigrationRunning", "WaitingForMigrations"}
    strict.finish_migration()
    await strict.settle()
    strict.roll_out()
    await strict.settle()
    assert image(strict) == NEW
    assert said(strict, "Ready") == ("True", "AsExpected")


async def test_enforced_checks_that_fail_keep_the_old_pods_and_a_new_image_mends_it(strict: World) -> None:
    strict.declare(checks=ENFORCE, image=NEW)
    await strict.settle()
    strict.fail_check()
    await strict.settle()
    assert image(strict) != NEW
    assert len(strict.jobs(names.COMPONENT_MIGRATE)) == 1
    assert said(strict) == ("False", "ChecksFailed")
    assert said(strict, "Degraded") == ("True", "ChecksFailed")
    assert said(strict, "Ready") == ("False", "ChecksFailed")
    assert said(strict, "Progressing") == ("False", "WaitingForChecks")
    assert strict.told.reasons().count("ChecksFailed") == 1
    assert strict.outcomes[KEY].after is None, "nothing happens by waiting"

    strict.declare(checks=ENFORCE, image="registry.example.com/counter:3")
    await strict.settle()
    assert len(strict.jobs(names.COMPONENT_CHECK)) == 1, "the result of the older checks is in the status"
    strict.finish_check()
    await strict.bring_up()
    assert image(strict).endswith(":3")
    assert said(strict, "Degraded") == ("False", "AsExpected")


async def test_what_serves_stays_ready_when_its_checks_are_enforced_afterwards(world: World) -> None:
    world.declare(image=NEW)
    await world.settle()
    world.fail_check()
    await world.bring_up_unchecked()
    world.cluster.log.clear()
    world.declare(image=NEW, checks=ENFORCE)
    await world.settle()
    assert said(world, "Ready") == ("True", "AsExpected")
    assert said(world, "Degraded") == ("True", "ChecksFailed")
    assert [request[:2] for request in world.cluster.log] == [("patch", "RealtimeApp")], "not run again"


async def test_a_change_of_scale_passes_enforced_checks(strict: World) -> None:
    strict.declare(checks=ENFORCE, image=NEW)
    await strict.settle()
    strict.fail_check()
    await strict.settle()
    strict.declare(checks=ENFORCE, web={"replicas": 5})
    await strict.settle()
    assert strict.child("Deployment", "counter-web")["spec"]["replicas"] == 5


async def test_switched_off_checks_run_no_job_and_forget_their_result(world: World) -> None:
    world.declare(checks={"deploy": "Off"})
    await world.settle()
    assert world.jobs(names.COMPONENT_CHECK) == []
    assert said(world) == ("True", "NotConfigured")
    assert "checks" not in world.status()
    assert said(world, "Ready") == ("True", "AsExpected")


async def test_the_result_outlives_its_pod_and_the_operator(world: World) -> None:
    world.declare(image=NEW)
    await world.settle()
    world.fail_check(findings=["security.E001"])
    await world.settle()
    before = (world.condition("ChecksPassed"), world.status()["checks"])
    world.cluster.log.clear()
    world.cluster.remove(Ref("v1", "Pod", KEY.namespace, f"{world.check()}-x"))
    await world.settle()
    world.start()
    await world.settle()
    assert (world.condition("ChecksPassed"), world.status()["checks"]) == before
    assert world.cluster.writes() == []


async def test_a_pod_that_went_unseen_leaves_no_invented_result(world: World) -> None:
    world.declare(image=NEW)
    await world.settle()
    world.fail_job(world.check())
    await world.settle()
    assert said(world) == ("False", "ChecksFailed")
    assert f"Job {world.check()} failed" in world.condition("ChecksPassed")["message"]
    assert "image" not in world.status()["checks"] or world.status()["checks"]["image"] != NEW
    assert world.status()["checks"]["failure"]["job"] == world.check()


async def test_a_deleted_job_is_run_again_and_its_new_result_counts(world: World) -> None:
    world.declare(image=NEW)
    await world.settle()
    world.fail_check(findings=["security.E001"])
    await world.settle()
    job = world.check()
    world.cluster.remove(world.cluster.ref("Job", job))
    world.cluster.collect()
    await world.settle()
    assert world.check() == job
    assert said(world) == ("Unknown", "ChecksRunning")
    await world.clock.advance(60)
    world.finish_check()
    await world.settle()
    assert said(world) == ("True", "ChecksPassed")
    assert world.status()["checks"]["findings"] == []
    assert world.status()["checks"]["completedAt"] == world.time()


async def test_checks_that_passed_unseen_say_that_warnings_are_unknown(world: World) -> None:
    world.declare(image=NEW)
    await world.settle()
    world.finish_check()
    world.cluster.remove(Ref("v1", "Pod", KEY.namespace, f"{world.check()}-x"))
    await world.settle()
    assert said(world) == ("True", "ChecksPassed")
    assert "is not known" in world.condition("ChecksPassed")["message"]


async def test_settings_that_cannot_be_loaded_have_their_own_reason(strict: World) -> None:
    strict.declare(checks=ENFORCE, image=NEW)
    await strict.settle()
    report = json.dumps({"reason": "SettingsInvalid", "message": "KeyError: 'X'"})
    strict.end_pod(strict.check(), component=names.COMPONENT_CHECK, message=report, code=78)
    strict.fail_job(strict.check())
    await strict.settle()
    assert said(strict) == said(strict, "Ready") == ("False", "SettingsInvalid")
    assert said(strict, "Degraded") == ("True", "SettingsInvalid")


async def test_an_image_nobody_can_pull_leaves_the_result_open(strict: World) -> None:
    strict.declare(checks=ENFORCE, image=NEW)
    await strict.settle()
    waiting = {"reason": "ErrImagePull", "message": "not found"}
    status = {"name": "check", "image": NEW, "state": {"waiting": waiting}}
    strict.pod(
        "c1",
        component=names.COMPONENT_CHECK,
        revision=strict.check(),
        status={"phase": "Pending", "containerStatuses": [status]},
    )
    await strict.settle()
    assert said(strict) == ("Unknown", "ImagePullFailed")
    assert said(strict, "Ready") == ("False", "ImagePullFailed")
    assert said(strict, "Degraded") == ("True", "ImagePullFailed")


async def test_interrupted_checks_are_run_again_by_themselves(strict: World) -> None:
    strict.declare(checks=ENFORCE, image=NEW)
    await strict.settle()
    first = strict.check()
    strict.end_pod(first, component=names.COMPONENT_CHECK, message="", code=137)
    strict.fail_job(first)
    await strict.settle()
    assert said(strict) == ("False", "Interrupted")
    assert strict.outcomes[KEY].after == pytest.approx(30)
    await strict.clock.advance(30)
    strict.due[KEY] = None
    await strict.settle()
    assert strict.jobs(names.COMPONENT_CHECK) == [f"{first}-2"]
    strict.finish_check()
    await strict.bring_up()
    assert image(strict) == NEW


async def test_only_what_looks_like_the_id_of_a_check_is_taken_for_one(world: World) -> None:
    world.declare(image=NEW)
    await world.settle()
    findings = ["(without an id)", "x" * 65, 7, "security.W004", None, "", ".hidden"]
    report = {"reason": "ChecksPassed", "message": "redis://u:hunter2@h\x1b[31m", "findings": findings}
    world.end_pod(world.check(), component=names.COMPONENT_CHECK, message=json.dumps(report), code=0)
    world.complete_job(world.check())
    await world.settle()
    assert world.status()["checks"]["findings"] == ["security.W004"]
    assert "hunter2" not in str(world.status())


async def test_a_report_about_another_result_is_not_believed(world: World) -> None:
    world.declare(image=NEW)
    await world.settle()
    report = json.dumps({"reason": "ChecksPassed", "message": "all well", "findings": []})
    world.end_pod(world.check(), component=names.COMPONENT_CHECK, message=report, code=1)
    world.fail_job(world.check())
    await world.settle()
    assert said(world) == ("False", "ChecksFailed")
    assert world.status()["checks"]["failure"]["job"] == world.check()
    assert world.status()["checks"]["job"] != world.check(), "there is no result"
