from __future__ import annotations

import logging
import os
from typing import get_args

import pytest

from realtimeapp_operator.api.servers import Server
from realtimeapp_runtime import config, failure, gunicorn_settings, servers, user_settings
from realtimeapp_runtime.failure import StartupFailure

SMALLEST = {"version": 1, "framework": "Channels", "settingsModule": "shop.settings"}


def test_the_runtime_knows_every_server_of_the_api() -> None:
    assert get_args(Server) == servers.NAMES


def test_what_the_server_is_told_is_read() -> None:
    assert config.parse(SMALLEST).server == config.Server()
    told = {
        "name": "GunicornUvicorn",
        "processes": 4,
        "pingIntervalSeconds": 25,
        "compression": True,
        "gracefulSeconds": 12,
    }
    parsed = config.parse({**SMALLEST, "server": told, "wsgiApplication": "shop.wsgi:application"})
    assert parsed.server == config.Server("GunicornUvicorn", 4, 25.0, compression=True, graceful_seconds=12.0)
    assert parsed.wsgi_application == "shop.wsgi:application"
    with pytest.raises(StartupFailure) as refused:
        config.parse({**SMALLEST, "server": {"name": "Waitress"}})
    assert "server.name must be Uvicorn or Daphne" in refused.value.message


def test_a_server_that_is_not_the_one_that_runs_is_refused() -> None:
    with pytest.raises(StartupFailure) as refused:
        servers.require_packages("Granian", module="uvicorn")
    assert "server.name is Granian, which runs as granian, not as uvicorn" in refused.value.message


@pytest.mark.parametrize(
    ("name", "absent", "word"),
    [
        ("Uvicorn", {"websockets", "wsproto"}, "uvicorn[standard]"),
        ("GunicornUvicorn", {"uvicorn_worker", "uvicorn.workers"}, "'uvicorn-worker'"),
        ("GunicornUvicorn", {"uvicorn"}, "'uvicorn' for the server GunicornUvicorn"),
        ("Gunicorn", {"gunicorn"}, "'gunicorn' for the server Gunicorn"),
    ],
)
def test_an_image_without_what_the_server_needs(
    monkeypatch: pytest.MonkeyPatch, name: str, absent: set[str], word: str
) -> None:
    monkeypatch.setattr(user_settings, "is_installed", lambda package: package not in absent)
    with pytest.raises(StartupFailure) as refused:
        servers.require_packages(name, module=servers.SERVERS[name].module)
    assert refused.value.reason == "PackageMissing"
    assert word in refused.value.message
    assert "overlay" not in refused.value.message, "a server is needed without the overlay, too"


def test_a_missing_server_may_be_replaced_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_settings, "is_installed", lambda package: package != "granian")
    with pytest.raises(StartupFailure, match=r"choose another server in spec\.web\.server"):
        servers.require_packages("Granian", module="granian")


def test_either_websocket_library_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_settings, "is_installed", lambda package: package != "websockets")
    servers.require_packages("Uvicorn", module="uvicorn")


def test_a_forked_worker_leaves_with_the_code_its_supervisor_looks_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(failure, "write_report", lambda _failure: None)
    monkeypatch.setattr(failure, "_main_process", os.getpid())
    with pytest.raises(SystemExit) as main:
        failure.exit_with(StartupFailure("SettingsInvalid", "no"))
    assert main.value.code == 78
    monkeypatch.setattr(failure, "_main_process", os.getppid())
    with pytest.raises(SystemExit) as worker:
        failure.exit_with(StartupFailure("SettingsInvalid", "no"))
    assert worker.value.code == 3


def test_gunicorn_logs_no_query_string() -> None:
    record = logging.LogRecord(
        "gunicorn.error", logging.ERROR, "", 0, "Error %s %s", ("GET", "/pay?token=hunter2"), None
    )
    assert gunicorn_settings.cut_query(record)
    assert record.getMessage() == "Error GET /pay"
