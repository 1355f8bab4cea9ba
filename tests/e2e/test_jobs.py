"""Migrations that fail, hang or are killed, checks that find something, clean-ups: nobody who visits notices.

One application and its PostgreSQL serve all tests of this file; each begins with it at rest, as its manifest declares.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from hack.clients.person import Person
from hack.clients.waiting import eventually_async
from hack.examples.deploy import start_support
from hack.examples.disruption import find_processes
from hack.examples.driver import ExampleError, Support
from hack.examples.drivers.cleanup import run_cronjob
from hack.examples.drivers.database import query, query_number
from tests.e2e.bystanders import LOOK_SECONDS, bystanders
from tests.e2e.conftest import failed, new_namespace, print_scene
from tests.e2e.ledger import APP, DATABASE, NEXT_IMAGE, Ledger, add_apps, read_ledger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from hack.clients.kubectl import Kubectl, Object

MIGRATING = "app.kubernetes.io/component=migrate"

UNDO = """
DROP TABLE IF EXISTS locked_balance;
DROP INDEX IF EXISTS wrong_amount;
ALTER TABLE IF EXISTS books_entry DROP COLUMN IF EXISTS note;
DELETE FROM django_migrations WHERE app IN ('locked', 'wrong');
"""
"""What the migrations of the tests leave behind."""
LOCK = "BEGIN; LOCK TABLE books_entry; SELECT pg_sleep(300) /* held */"
HELD = """
SELECT count(*) FROM pg_locks
WHERE granted AND mode = 'AccessExclusiveLock' AND relation = 'books_entry'::regclass
"""
WAITING = """
SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND client_addr = :'address'::inet
"""
RELEASE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%/* held */'"


@pytest.fixture(scope="module")
def shared(cluster: Kubectl, operator: Kubectl) -> Iterator[Kubectl]:
    """A namespace with PostgreSQL for the tests of this file."""
    assert operator.namespace
    with new_namespace(cluster) as kubectl:
        asyncio.run(start_support(frozenset({Support.POSTGRES}), kubectl=kubectl, say=print))
        yield kubectl


@pytest.fixture
async def ledger(shared: Kubectl, operator: Kubectl, request: pytest.FixtureRequest) -> AsyncIterator[Ledger]:
    """The application at rest, whatever the test before left."""
    host = f"{shared.namespace}.localhost"
    found = Ledger(kubectl=shared, host=host, manifest=read_ledger(host, database=DATABASE))
    await found.apply()
    await found.told("Ready", within=120)
    await found.settle()
    await query(shared, UNDO)
    yield found
    if request.node.stash.get(failed, False):
        print_scene(shared, operator)
    await query(shared, RELEASE)


@asynccontextmanager
async def locked_table(kubectl: Kubectl) -> AsyncIterator[None]:
    """Somebody who has locked the table the migration changes."""
    holder = asyncio.create_task(query_until_ended(kubectl))

    async def held() -> bool:
        return await query_number(kubectl, HELD) > 0

    try:
        await eventually_async(held, within=20, what="the table is locked")
        yield
    finally:
        await query(kubectl, RELEASE)
        await holder


async def query_until_ended(kubectl: Kubectl) -> None:
    """Hold the lock until RELEASE ends the connection, which psql calls an error."""
    await asyncio.to_thread(
        kubectl.run,
        *("exec", "--stdin", "postgres-0", "--", "psql", "--no-psqlrc", "--quiet"),
        *("--host=/run/postgresql", "--dbname=app", "--command", LOCK),
        check=False,
    )


async def migrating_pod(kubectl: Kubectl, *, other_than: str = "") -> Object:
    """The pod of a migration in its middle, waiting for what somebody else has locked; not the one of that uid."""

    async def in_the_middle() -> Object | None:
        for pod in await asyncio.to_thread(kubectl.items, "pods", MIGRATING):
            if pod["status"]["phase"] != "Running" or pod["metadata"]["uid"] == other_than:
                continue
            if await query_number(kubectl, WAITING, address=pod["status"]["podIP"]):
                return pod
        return None

    found = await eventually_async(
        in_the_middle, within=60, what="a migration in its middle", interval=LOOK_SECONDS
    )
    assert found is not None
    return found


async def test_a_wrong_migration_is_told_in_its_own_words_and_the_next_image_mends_it(ledger: Ledger) -> None:
    async with bystanders(ledger.host) as people:
        before = await ledger.web_pods()
        await ledger.apply(env=add_apps("wrong"), migrations={"backoffLimit": 0})
        words = ('column "amuont" does not exist', "The old pods keep serving.")
        for condition in ("MigrationsComplete", "Ready"):
            found = await ledger.told(condition, status="False", reason="MigrationFailed", says=words[:1])
        assert words[1] in found["message"]
        assert await ledger.web_pods() == before
        people.assert_undisturbed()

        await ledger.apply(env=add_apps("wrong"), migrations={"backoffLimit": 0}, image=NEXT_IMAGE)
        await ledger.told("Ready", within=120)
        await ledger.settle()
        await people.assert_moved_politely()


async def test_a_hanging_migration_ends_at_its_deadline_and_the_old_manifest_is_the_way_back(
    ledger: Ledger,
) -> None:
    async with bystanders(ledger.host) as people, locked_table(ledger.kubectl):
        before = await ledger.web_pods()
        await ledger.apply(env=add_apps("locked"), migrations={"activeDeadlineSeconds": 30})
        await migrating_pod(ledger.kubectl)
        await ledger.told(
            "MigrationsComplete", status="False", reason="MigrationRunning", says=("Job ledger-",)
        )
        await ledger.told(
            "Ready",
            status="False",
            reason="MigrationDeadlineExceeded",
            says=("lock", "The old pods keep serving."),
        )
        assert await ledger.web_pods() == before

        await ledger.apply()
        await ledger.told("Ready")
        await ledger.settle()
        assert await ledger.web_pods() == before, "nothing has changed, so nothing is replaced"
        people.assert_undisturbed()


async def test_a_killed_migration_is_run_again_by_itself(ledger: Ledger) -> None:
    async with bystanders(ledger.host) as people:
        before = await ledger.web_pods()
        async with locked_table(ledger.kubectl):
            await ledger.apply(env=add_apps("locked"), migrations={"backoffLimit": 1})
            first = (await migrating_pod(ledger.kubectl))["metadata"]
            await asyncio.to_thread(
                ledger.kubectl.run, "delete", "pod", first["name"], "--force", "--grace-period=0"
            )
            second = await migrating_pod(ledger.kubectl, other_than=first["uid"])
            processes = find_processes(second)
            assert processes, "the migration's processes are not on this machine"
            for process in processes:
                os.kill(process, signal.SIGKILL)
            await ledger.told(
                "Ready",
                status="False",
                reason="Interrupted",
                says=("exit code 137", "The old pods keep serving."),
            )
            failure = ledger.kubectl.get("rta", APP)["status"]["migrations"]["failure"]
            assert failure["retryAt"] > failure["failedAt"]
            assert await ledger.web_pods() == before
            people.assert_undisturbed()
        await ledger.told("Ready", within=150)
        await ledger.settle()
        await people.assert_moved_politely()
    assert (
        await query_number(ledger.kubectl, "SELECT count(*) FROM django_migrations WHERE app = 'locked'") == 1
    )


async def test_enforced_checks_hold_what_warnings_let_pass(ledger: Ledger) -> None:
    async with bystanders(ledger.host) as people:
        before = await ledger.web_pods()
        await ledger.apply(env=add_apps("faulty"), checks={"deploy": "Enforce"})
        for condition in ("ChecksPassed", "Ready"):
            found = await ledger.told(condition, status="False", reason="ChecksFailed", says=("faulty.E001",))
        assert "The old pods keep serving." in found["message"]
        checks = ledger.kubectl.get("rta", APP)["status"]["checks"]
        assert checks["findings"][0] == "faulty.E001", "errors come first"
        assert "Balance them." in ledger.kubectl.run("logs", f"job/{checks['job']}").stdout
        waits = ledger.kubectl.condition(APP, "MigrationsComplete")
        assert (waits["status"], waits["reason"]) == ("False", "WaitingForChecks")
        assert await ledger.web_pods() == before
        people.assert_undisturbed()

        await ledger.apply(env=add_apps("faulty"), checks={"deploy": "Warn"})
        await ledger.told("Ready")
        await ledger.told("ChecksPassed", status="False", reason="ChecksFailed", says=("faulty.E001",))
        await ledger.settle()
        await people.assert_moved_politely()


async def test_settings_as_classes_are_refused_with_what_they_need(ledger: Ledger) -> None:
    classes = {"settingsModule": "ledger.classes"}
    async with bystanders(ledger.host) as people:
        before = await ledger.web_pods()
        await ledger.apply(django=classes)
        await ledger.told(
            "Ready",
            status="False",
            reason="SettingsInvalid",
            says=("DJANGO_CONFIGURATION in spec.env", "classes"),
        )
        assert await ledger.web_pods() == before
        people.assert_undisturbed()

        await ledger.apply(django=classes, env=[{"name": "DJANGO_CONFIGURATION", "value": "Production"}])
        await ledger.told("Ready")
        await ledger.settle()
        await people.assert_moved_politely()


async def test_an_entry_point_that_assigns_the_settings_module_is_warned_about(ledger: Ledger) -> None:
    async with bystanders(ledger.host) as people:
        await ledger.apply(
            django={"settingsModule": "ledger.settings", "asgiApplication": "ledger.reassigning:application"}
        )
        await ledger.told("Ready")
        await ledger.told("ChecksPassed", says=("realtimeapp.W040",))
        await ledger.settle()
        # The settings allow no host at all: what answers still has the overlay.
        await people.assert_moved_politely()


OLD, LIVE = "old" * 10, "live" * 8
SESSIONS = """
INSERT INTO django_session (session_key, session_data, expire_date)
VALUES (:'old', '', now() - interval '1 minute'), (:'live', '', now() + interval '1 hour')
ON CONFLICT DO NOTHING
"""
COUNT = "SELECT count(*) FROM django_session WHERE session_key = :'key'"


async def test_a_cleanup_removes_what_has_expired_and_tells_when_it_cannot(ledger: Ledger) -> None:
    cronjob = f"{APP}-clearsessions"
    async with Person(host=ledger.host) as visitor:
        assert (await visitor.get("/visits/")).text == "1"
        await query(ledger.kubectl, SESSIONS, old=OLD, live=LIVE)
        await run_cronjob(ledger.kubectl, cronjob)
        assert await query_number(ledger.kubectl, COUNT, key=OLD) == 0
        assert await query_number(ledger.kubectl, COUNT, key=LIVE) == 1
        assert await query_number(ledger.kubectl, COUNT, key=visitor.cookies()["sessionid"]) == 1
        assert (await visitor.get("/visits/")).text == "2", "who is at work keeps the session"

    async def succeeded() -> str:
        (status,) = (await asyncio.to_thread(ledger.kubectl.get, "rta", APP))["status"]["cleanup"]
        return str(status.get("lastSuccessfulTime", ""))

    first = await eventually_async(succeeded, within=20, what="the last success in the status")

    await query(ledger.kubectl, "ALTER TABLE django_session RENAME TO elsewhere")
    try:
        with pytest.raises(ExampleError, match="django_session"):
            await run_cronjob(ledger.kubectl, cronjob)
        await ledger.told(
            "Degraded",
            reason="CleanupFailed",
            says=("clearsessions", 'relation "django_session" does not exist'),
        )
        await ledger.told("Ready")
        (status,) = ledger.kubectl.get("rta", APP)["status"]["cleanup"]
        assert "django_session" in status["failure"]["message"]
        assert status["lastSuccessfulTime"] == first
    finally:
        await query(ledger.kubectl, "ALTER TABLE elsewhere RENAME TO django_session")

    await run_cronjob(ledger.kubectl, cronjob)
    await ledger.told("Degraded", status="False", reason="AsExpected")
    assert await succeeded() > first
