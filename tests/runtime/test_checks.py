"""The verb `check` on real applications: ids in the termination message, the whole text in the log, the right exit code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.runtime.server import REDIS_PASSWORD, SECRET_KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtime.server import Pod


def check(pod: Pod, *arguments: str) -> tuple[int, dict[str, Any]]:
    pod.write_files()
    code = pod.launch("check", *arguments).wait(timeout=120)
    message: dict[str, Any] = json.loads((pod.directory / "termination-log").read_text(encoding="utf-8"))
    return code, message


def test_a_developer_s_project_behind_the_overlay(make_pod: Callable[..., Pod]) -> None:
    pod = make_pod("uvicorn")
    code, message = check(pod)
    assert (code, message["reason"]) == (1, "ChecksFailed")
    assert message["findings"][0] == "realtimeapp.E030", "errors first: SQLite, where a database is declared"
    assert {"realtimeapp.W040", "realtimeapp.W041", "security.W003"} <= set(message["findings"])
    assert message["findings"][1:] == sorted(message["findings"][1:])
    log = pod.read_log()
    assert "DATABASES['default'] is django.db.backends.sqlite3" in log
    assert "HINT: Read DATABASE_URL" in log
    for secret in (SECRET_KEY, REDIS_PASSWORD, "database-secret"):
        assert secret not in log
        assert secret not in str(message)


def test_warnings_do_not_fail_unless_asked(make_pod: Callable[..., Pod]) -> None:
    pod = make_pod("uvicorn", settings={"databaseUrlFile": None})
    code, message = check(pod)
    assert (code, message["reason"]) == (0, "ChecksPassed"), pod.read_log()
    assert "realtimeapp.W031" in message["findings"]
    code, message = check(pod, "--fail-level", "WARNING")
    assert (code, message["reason"]) == (1, "ChecksFailed")


def test_the_findings_of_packages_are_among_them(make_pod: Callable[..., Pod]) -> None:
    """djust's own: a wildcard among the hosts is an error."""
    pod = make_pod("uvicorn", app="pages", settings={"hosts": ["*"], "databaseUrlFile": None})
    code, message = check(pod)
    assert (code, message["reason"]) == (1, "ChecksFailed")
    assert any(name.startswith("djust.A") for name in message["findings"])


def test_without_the_overlay_the_known_traps_are_named(make_pod: Callable[..., Pod]) -> None:
    pod = make_pod(
        "uvicorn",
        app="pages",
        settings={"databaseUrlFile": None},
        environment={"DJANGO_SETTINGS_MODULE": "pagesite.settings"},
    )
    code, message = check(pod)
    assert code == 1
    assert {"realtimeapp.E001", "realtimeapp.E010", "realtimeapp.W020"} <= set(message["findings"])


def test_a_silenced_finding_is_silent(make_pod: Callable[..., Pod]) -> None:
    pod = make_pod("uvicorn", settings={"databaseUrlFile": None, "settingsModule": "quiet_settings"})
    site = pod.directory / "site"
    site.mkdir()
    (site / "quiet_settings.py").write_text(
        "from chatsite.settings import *\nSILENCED_SYSTEM_CHECKS = ['realtimeapp.W031']\n", encoding="utf-8"
    )
    pod.environment = {"PYTHONPATH": str(site)}
    assert "realtimeapp.W031" not in check(pod)[1]["findings"]


@pytest.mark.parametrize(
    ("settings", "reason", "expected"),
    [
        ({"settingsModule": "no.such"}, "SettingsModuleNotFound", 78),
        ({"asgiApplication": "chatsite.nowhere:app"}, "AsgiApplicationNotFound", 78),
    ],
)
def test_what_keeps_a_pod_from_starting_is_found_here(
    make_pod: Callable[..., Pod], settings: dict[str, Any], reason: str, expected: int
) -> None:
    code, message = check(make_pod("uvicorn", settings=settings))
    assert (code, message["reason"]) == (expected, reason)


def test_a_check_that_raises_is_a_sentence(make_pod: Callable[..., Pod]) -> None:
    pod = make_pod("uvicorn", settings={"settingsModule": "broken_settings"})
    site = pod.directory / "site"
    (site / "broken").mkdir(parents=True)
    (site / "broken" / "__init__.py").write_text(
        "from django.core.checks import register\n"
        "@register\ndef look(app_configs, **_):\n    raise RuntimeError('cannot look')\n",
        encoding="utf-8",
    )
    (site / "broken_settings.py").write_text(
        "from chatsite.settings import *\nINSTALLED_APPS = [*INSTALLED_APPS, 'broken']\n", encoding="utf-8"
    )
    pod.environment = {"PYTHONPATH": str(site)}
    code, message = check(pod)
    assert (code, message["reason"]) == (1, "CommandFailed")
    assert "RuntimeError: cannot look" in message["message"]
