"""A migration that failed for a reason outside itself is tried again without hands, one at a time, ever more rarely."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from realtimeapp_operator import names
from realtimeapp_operator.kube.kinds import Ref
from realtimeapp_operator.reconcile.attempts import pause_seconds
from tests.support.serving import forget_past
from tests.support.world import KEY, World

NEW = "registry.example.com/counter:2"
LOST = (
    "django.db.utils.OperationalError: connection to server at 10.0.0.9, port 5432 failed: Connection refused"
)
TRANSIENT = [
    "psycopg.OperationalError: failed to resolve host 'db': [Errno -2] Name or service not known",
    'OperationalError: could not translate host name "db" to address: Temporary failure in name resolution',
    "OperationalError: FATAL:  the database system is starting up",
    "OperationalError: consuming input failed: server closed the connection unexpectedly",
    "OperationalError: FATAL: server login has been failing, try again later (server_login_retry)",
    "OperationalError: connection failed: FATAL: query_wait_timeout",
    "OperationalError: FATAL:  sorry, too many clients already",
    "OperationalError: terminating connection due to administrator command",
    "django.db.utils.OperationalError: (2002, \"Can't connect to MySQL server on 'db' (115)\")",
    "django.db.utils.InterfaceError: connection already closed",
    "OperationalError: connection timeout expired",
]
FINAL = [
    'OperationalError: connection failed: FATAL:  password authentication failed for user "shop"',
    'ProgrammingError: relation "shop_item" does not exist',
    "django.db.utils.OperationalError: no such table: shop_item",
    "OperationalError: canceling statement due to lock timeout",
    "OperationalError: canceling statement due to statement timeout",
    "ConnectionRefusedError: [Errno 111] Connection refused",
    "IntegrityError: null value in column",
]


@pytest.fixture
async def world() -> World:
    made = World()
    made.declare()
    await made.bring_up()
    made.declare(image=NEW)
    await made.settle()
    forget_past(made)
    return made


async def wait(world: World, seconds: float) -> None:
    """Let time pass and the timer fire."""
    await world.clock.advance(seconds)
    world.due[KEY] = None
    await world.settle()


def migrations(world: World) -> list[str]:
    """The migration Jobs of the new image."""
    return [job for job in world.jobs(names.COMPONENT_MIGRATE) if job != world.status()["migrations"]["job"]]


def said(world: World, kind: str) -> tuple[str, str]:
    condition = world.condition(kind)
    return condition["status"], condition["reason"]


@pytest.mark.parametrize("message", TRANSIENT)
async def test_a_lost_database_is_waited_for(world: World, message: str) -> None:
    first = world.migration()
    world.fail_migration(message=message)
    await world.settle()
    assert said(world, "MigrationsComplete") == said(world, "Ready") == ("False", "DatabaseUnavailable")
    assert said(world, "Progressing") == ("True", "WaitingForMigrations")
    assert world.outcomes[KEY].after == pytest.approx(30)
    await wait(world, 29)
    assert migrations(world) == [first]
    await wait(world, 1)
    assert migrations(world) == [first, f"{first}-2"]
    world.finish_migration()
    await world.bring_up()
    assert world.status()["migrations"]["job"] == f"{first}-2"
    assert "failure" not in world.status()["migrations"]
    assert world.jobs(names.COMPONENT_MIGRATE) == [f"{first}-2"]


@pytest.mark.parametrize("message", FINAL)
async def test_what_would_fail_again_is_not_tried_again(world: World, message: str) -> None:
    world.fail_migration(message=message)
    await world.settle()
    assert said(world, "Ready") == ("False", "MigrationFailed")
    assert said(world, "Progressing") == ("False", "WaitingForMigrations")
    assert world.outcomes[KEY].after is None
    await wait(world, 86_400)
    assert len(migrations(world)) == 1


async def test_the_report_of_the_runtime_is_understood_as_well(world: World) -> None:
    report = {"reason": "CommandFailed", "message": f"The management command migrate failed: {LOST}"}
    world.fail_migration(message=json.dumps(report))
    await world.settle()
    assert said(world, "Ready") == ("False", "DatabaseUnavailable")
    assert "Connection refused" in world.condition("MigrationsComplete")["message"]


async def test_an_outage_of_hours_costs_few_jobs_and_is_told_once(world: World) -> None:
    first = world.migration()
    world.fail_migration(message=LOST)
    await world.settle()
    names_seen = [first]
    for _ in range(12):
        pause = world.outcomes[KEY].after
        assert pause == pytest.approx(pause_seconds(len(names_seen)))
        assert pause is not None
        await wait(world, pause)
        unfinished = [
            job
            for job in world.jobs(names.COMPONENT_MIGRATE)
            if not world.child("Job", job).get("status", {}).get("conditions")
        ]
        assert len(unfinished) == 1
        names_seen.append(unfinished[0])
        assert len(migrations(world)) <= 2, "the one that runs, and the one before it for its log"
        assert said(world, "Degraded") == ("True", "DatabaseUnavailable"), "also while an attempt runs"
        await wait(world, 40)
        world.fail_migration(message=LOST)
        await world.settle()
    assert names_seen == [first, *(f"{first}-{number}" for number in range(2, 14))]
    assert max(pause_seconds(number) for number in range(1, 100)) == 600
    assert world.told.reasons().count("DatabaseUnavailable") == 1
    assert "Recovered" not in world.told.reasons()
    patches = [request for request in world.cluster.log if request.verb == "patch"]
    assert len(patches) <= 2 * 13

    await wait(world, 600)
    world.finish_migration()
    await world.bring_up()
    assert "Recovered" in world.told.reasons()


async def test_between_two_attempts_nothing_is_asked_or_written(world: World) -> None:
    world.fail_migration(message=LOST)
    await world.settle()
    world.cluster.log.clear()
    await wait(world, 10)
    await wait(world, 10)
    assert world.cluster.log == []


async def test_a_restart_neither_shortens_nor_prolongs_the_pause(world: World) -> None:
    first = world.migration()
    world.fail_migration(message=LOST)
    await world.settle()
    world.cluster.log.clear()
    await wait(world, 20)
    world.start()
    await world.settle()
    assert world.cluster.log == []
    assert world.outcomes[KEY].after == pytest.approx(10)
    await wait(world, 10)
    assert world.migration() == f"{first}-2"
    world.start()
    await world.settle()
    assert len(migrations(world)) == 2


async def test_the_last_words_outlive_the_pod_and_still_decide(world: World) -> None:
    first = world.migration()
    world.fail_migration(message=LOST)
    await world.settle()
    before = world.condition("MigrationsComplete")
    world.cluster.remove(Ref("v1", "Pod", KEY.namespace, f"{first}-x"))
    world.cluster.log.clear()
    world.start()
    await world.settle()
    assert world.condition("MigrationsComplete") == before
    assert "Connection refused" in before["message"]
    assert world.cluster.writes() == []
    await wait(world, 30)
    assert world.migration() == f"{first}-2"


async def test_the_words_of_a_failed_migration_outlive_its_pod(world: World) -> None:
    world.fail_migration(message='ProgrammingError: relation "shop_item" does not exist')
    await world.settle()
    before = world.condition("MigrationsComplete")
    world.cluster.remove(Ref("v1", "Pod", KEY.namespace, f"{world.migration()}-x"))
    await world.settle()
    assert world.condition("MigrationsComplete") == before
    assert "shop_item" in before["message"]
    failure = world.status()["migrations"]["failure"]
    assert (failure["job"], failure["reason"]) == (world.migration(), "MigrationFailed")
    assert "retryAt" not in failure


async def test_the_status_says_when_it_is_tried_again(world: World) -> None:
    failed_at = world.clock.now()
    world.fail_migration(message=LOST)
    await world.settle()
    failure = world.status()["migrations"]["failure"]
    retry_at = datetime.fromisoformat(failure["retryAt"])
    assert (retry_at - failed_at).total_seconds() == pytest.approx(30, abs=1)
    assert world.status()["migrations"]["job"] != failure["job"], "the last complete one stays named"


async def test_what_failed_last_decides(world: World) -> None:
    job = world.migration()
    world.end_pod(job, component=names.COMPONENT_MIGRATE, message=LOST, code=1, name="z")
    await world.clock.advance(20)
    world.fail_migration(message="ProgrammingError: syntax error")
    await world.settle()
    assert said(world, "Ready") == ("False", "MigrationFailed")
    assert "syntax error" in world.condition("Ready")["message"]


async def test_retries_of_the_job_itself_are_no_trouble_yet(world: World) -> None:
    world.end_pod(world.migration(), component=names.COMPONENT_MIGRATE, message=LOST, code=1)
    await world.settle()
    assert said(world, "MigrationsComplete") == ("False", "MigrationRunning")
    assert said(world, "Degraded") == ("False", "AsExpected")


@pytest.mark.parametrize("code", [137, 143])
async def test_a_killed_container_is_tried_again(world: World, code: int) -> None:
    first = world.migration()
    world.fail_migration(message="", code=code)
    await world.settle()
    assert said(world, "Ready") == ("False", "Interrupted")
    await wait(world, 30)
    assert world.migration() == f"{first}-2"


async def test_a_memory_limit_is_for_a_person(world: World) -> None:
    job = world.migration()
    ref = world.end_pod(job, component=names.COMPONENT_MIGRATE, message="", code=137)

    def say_why(live: dict[str, Any]) -> None:
        live["status"]["containerStatuses"][0]["state"]["terminated"]["reason"] = "OOMKilled"

    world.cluster.edit(ref, say_why)
    world.fail_job(job)
    await world.settle()
    assert said(world, "Ready") == ("False", "OutOfMemory")
    assert world.outcomes[KEY].after is None


async def test_a_migration_that_hangs_is_for_a_person(world: World) -> None:
    world.pod(
        "m1", component=names.COMPONENT_MIGRATE, revision=world.migration(), status={"phase": "Running"}
    )
    await world.settle()
    world.fail_job(world.migration(), reason="DeadlineExceeded")
    await world.settle()
    assert said(world, "Ready") == ("False", "MigrationDeadlineExceeded")
    await wait(world, 86_400)
    assert len(migrations(world)) == 1


async def test_a_migration_that_never_began_is_tried_again_after_its_deadline(world: World) -> None:
    first = world.migration()
    waiting = {"name": "migrate", "image": NEW, "state": {"waiting": {"reason": "ErrImagePull"}}}
    ref = world.pod(
        "m1",
        component=names.COMPONENT_MIGRATE,
        revision=first,
        status={"phase": "Pending", "containerStatuses": [waiting]},
    )
    await world.settle()
    assert said(world, "MigrationsComplete") == ("False", "ImagePullFailed")
    world.cluster.remove(ref)  # The Job's controller takes it away at the deadline.
    world.fail_job(first, reason="DeadlineExceeded")
    await world.settle()
    assert said(world, "MigrationsComplete") == ("False", "ImagePullFailed")
    await wait(world, 30)
    assert world.migration() == f"{first}-2"
    world.finish_migration()
    await world.bring_up()


async def test_an_image_that_takes_longer_than_the_deadline_is_pulled_again(world: World) -> None:
    first = world.migration()
    preparing = {"name": "migrate", "image": NEW, "state": {"waiting": {"reason": "PodInitializing"}}}
    ref = world.pod(
        "m1",
        component=names.COMPONENT_MIGRATE,
        revision=first,
        status={"phase": "Pending", "containerStatuses": [preparing]},
    )
    await world.settle()
    assert said(world, "MigrationsComplete") == ("False", "MigrationRunning"), "a moment is normal"
    await wait(world, 10)
    assert said(world, "MigrationsComplete") == ("False", "PodsStarting")
    assert said(world, "Degraded") == ("False", "AsExpected")
    world.cluster.log.clear()
    world.start()
    await world.settle()
    assert world.cluster.writes() == []

    world.cluster.remove(ref)  # The Job's controller takes it away at the deadline.
    world.fail_job(first, reason="DeadlineExceeded")
    await world.settle()
    assert said(world, "MigrationsComplete") == ("False", "PodsStarting")
    await wait(world, 30)
    assert world.migration() == f"{first}-2"
    assert said(world, "MigrationsComplete") == ("False", "PodsStarting")
    world.pod("m2", component=names.COMPONENT_MIGRATE, revision=f"{first}-2", status={"phase": "Running"})
    await world.settle()
    assert said(world, "MigrationsComplete") == ("False", "MigrationRunning")
    world.finish_migration()
    await world.bring_up()


async def test_a_secret_that_is_missing_is_more_than_a_slow_start(world: World) -> None:
    world.declare(image=NEW, database={"urlSecretRef": {"name": "shop-db", "key": "url"}})
    await world.settle()
    preparing = {"name": "migrate", "image": NEW, "state": {"waiting": {"reason": "ContainerCreating"}}}
    job = world.migration()
    world.pod(
        "m1",
        component=names.COMPONENT_MIGRATE,
        revision=job,
        status={"phase": "Pending", "containerStatuses": [preparing]},
    )
    await world.settle()
    await wait(world, 10)
    assert said(world, "MigrationsComplete") == said(world, "Ready") == ("False", "SecretMissing")
    assert said(world, "Degraded") == ("True", "SecretMissing")
    world.fail_job(job, reason="DeadlineExceeded")
    await world.settle()
    assert said(world, "MigrationsComplete") == ("False", "SecretMissing"), "as it was before the deadline"


async def test_a_slow_start_is_forgotten_once_the_pod_runs(world: World) -> None:
    ref = world.pod(
        "m1", component=names.COMPONENT_MIGRATE, revision=world.migration(), status={"phase": "Pending"}
    )
    await world.settle()
    await wait(world, 10)
    assert said(world, "MigrationsComplete") == ("False", "PodsStarting")
    world.cluster.edit(ref, lambda live: live.update(status={"phase": "Running"}))
    await world.settle()
    assert said(world, "MigrationsComplete") == ("False", "MigrationRunning")
    assert "failure" not in world.status()["migrations"]
    world.cluster.remove(ref)
    world.fail_job(world.migration(), reason="DeadlineExceeded")
    await world.settle()
    assert said(world, "MigrationsComplete") == ("False", "MigrationDeadlineExceeded")


async def test_a_new_image_does_not_wait_for_the_pause(world: World) -> None:
    world.fail_migration(message=LOST)
    await world.settle()
    await wait(world, 30)
    running = world.migration()
    world.pod("m1", component=names.COMPONENT_MIGRATE, revision=running, status={"phase": "Running"})
    world.declare(image="registry.example.com/counter:3")
    await world.settle()
    assert world.migration() == running, "never two at a time"
    world.fail_migration(message=LOST)
    await world.settle()
    newest = world.migration()
    assert names.split_attempt(newest)[1] == 1
    assert newest != running
    world.finish_migration()
    await world.bring_up()
    assert world.jobs(names.COMPONENT_MIGRATE) == [newest]


async def test_a_job_somebody_deletes_is_run_again_at_once(world: World) -> None:
    first = world.migration()
    world.fail_migration(message="ProgrammingError: no")
    await world.settle()
    world.cluster.remove(world.cluster.ref("Job", first))
    world.cluster.collect()
    await world.settle()
    assert world.migration() == first
    assert said(world, "MigrationsComplete") == ("False", "MigrationRunning")


def test_the_number_of_an_attempt_is_read_from_its_name() -> None:
    longest = names.migrate("a" * names.APP_NAME_MAX, "{}")
    for job in (longest, names.check("shop-2", "{}"), "x-migrate-12345678"):
        for number in (1, 2, 13, 99_999):
            name = names.attempt(job, number)
            assert names.split_attempt(name) == (job, number)
            assert len(name) <= 63
