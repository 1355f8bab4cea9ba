"""`manage clearchatsessions` with the real package: the old rows go, the young ones stay."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.runtime.server import APPS, LAUNCHER

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtime.server import Pod

FILL = """
import datetime, django
django.setup()
from django.contrib.auth import get_user_model
from django.utils import timezone
from realtime_chat_messaging.models import Session

user = get_user_model().objects.create(username="ann")
now = timezone.now()
ages = [("old", 2500, 7201), ("young", 30, 7100), ("new", 5, 0)]
Session.objects.bulk_create(
    Session(user=user, channel_name=f"{name}-{number}", last_seen=now - datetime.timedelta(seconds=age))
    for name, count, age in ages for number in range(count)
)
"""
COUNT = """
import collections, json, django
django.setup()
from realtime_chat_messaging.models import Session
print(json.dumps(collections.Counter(row.channel_name.split("-")[0] for row in Session.objects.all())))
"""


@pytest.fixture
def pod(make_pod: Callable[..., Pod]) -> Pod:
    pod = make_pod("uvicorn", app="messaging", settings={"databaseUrlFile": None})
    pod.environment = {"DATABASE_FILE": str(pod.directory / "db.sqlite3")}
    pod.write_files()
    return pod


def launch(pod: Pod, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(LAUNCHER), *arguments],
        cwd=APPS / pod.app,
        env={**pod.build_environment(), "PYTHONPATH": str(pod.directory)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def run_code(pod: Pod, code: str) -> str:
    (pod.directory / "step.py").write_text(code, encoding="utf-8")
    process = launch(pod, "run", "step")
    assert process.returncode == 0, process.stderr
    return process.stdout


def test_old_sessions_go_and_young_ones_stay(pod: Pod) -> None:
    assert launch(pod, "manage", "migrate", "--noinput").returncode == 0
    run_code(pod, FILL)
    process = launch(pod, "manage", "clearchatsessions", "--max-age-seconds", "7200")
    assert process.returncode == 0, process.stderr
    assert "deleted 2500 chat sessions" in process.stdout
    assert json.loads(run_code(pod, COUNT).splitlines()[-1]) == {"young": 30, "new": 5}
    again = launch(pod, "manage", "clearchatsessions", "--max-age-seconds=7200")
    assert "deleted 0 chat sessions" in again.stdout


def test_a_missing_table_is_a_failed_command_that_may_be_tried_again(pod: Pod) -> None:
    assert launch(pod, "manage", "clearchatsessions", "--max-age-seconds", "7200").returncode == 1
    message = json.loads((pod.directory / "termination-log").read_text(encoding="utf-8"))
    assert message["reason"] == "CommandFailed"


def test_nonsense_is_refused(pod: Pod) -> None:
    process = launch(pod, "manage", "clearchatsessions", "--max-age-seconds", "0")
    assert process.returncode == 2
    assert "at least 1" in process.stderr


def test_another_application_has_no_such_sessions(make_pod: Callable[..., Pod]) -> None:
    pod = make_pod("uvicorn")
    pod.write_files()
    assert launch(pod, "manage", "clearchatsessions", "--max-age-seconds", "7200").returncode == 1
    message = json.loads((pod.directory / "termination-log").read_text(encoding="utf-8"))
    assert "'realtime_chat_messaging' in INSTALLED_APPS" in message["message"]
