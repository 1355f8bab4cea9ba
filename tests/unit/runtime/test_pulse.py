from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from realtimeapp_runtime import heartbeat, launch, paths, pulse

if TYPE_CHECKING:
    import types
    from collections.abc import Callable

LAUNCHER = Path(launch.__file__)


@pytest.fixture(autouse=True)
def run_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REALTIMEAPP_RUN_DIR", str(tmp_path))
    return tmp_path


def make_frame(module: str, function: str) -> types.FrameType:
    """The frame of a call chain that went through `function` of `module`."""
    namespace: dict[str, Callable[[], types.FrameType]] = {"__name__": module}  # type: ignore[dict-item]  # a module's globals
    exec(f"import sys\ndef {function}():\n    return (lambda: sys._getframe())()", namespace)  # noqa: S102 - the test's own text
    return namespace[function]()


@pytest.mark.parametrize(
    ("module", "function", "waits"),
    [
        ("kombu.utils.functional", "retry_over_time", True),
        ("kombu.utils.functional", "memoize", False),
        ("celery.app.trace", "trace_task", True),
        ("shop.tasks", "retry_over_time", False),
    ],
)
def test_what_a_main_thread_may_wait_for(module: str, function: str, waits: bool) -> None:  # noqa: FBT001 - one column of the table
    assert pulse.waits_on_purpose(make_frame(module, function)) is waits


def test_a_loop_that_stands_still_ends_the_pulse(monkeypatch: pytest.MonkeyPatch) -> None:
    beat = pulse.Pulse()
    assert beat.is_alive()
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + pulse.PATIENCE_SECONDS + 1)
    assert not beat.is_alive()
    beat.note_progress()
    assert beat.is_alive()


def test_a_worker_that_finishes_its_tasks_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    beat = pulse.Pulse()
    beat.hold()
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 3600)
    assert beat.is_alive()


def test_the_probe_says_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert heartbeat.probe(30) == 1
    assert "no heartbeat yet" in capsys.readouterr().err
    heartbeat.write(time.monotonic() - 100)
    assert heartbeat.probe(30) == 1
    assert "100 s old" in capsys.readouterr().err
    heartbeat.write()
    assert heartbeat.probe(30) == 0


def test_a_restarted_container_inherits_no_heartbeat() -> None:
    heartbeat.write()
    heartbeat.forget()
    heartbeat.forget()
    assert heartbeat.read_age() is None


def test_a_file_that_is_no_number_is_no_heartbeat(run_dir: Path) -> None:
    (run_dir / "heartbeat").write_text("", encoding="ascii")
    assert heartbeat.probe(30) == 1


def test_the_probe_looks_where_the_runtime_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REALTIMEAPP_RUN_DIR")
    assert Path(heartbeat.RUN_DIR) == paths.run_dir()


@pytest.mark.parametrize("arguments", [["--within", "30"], ["--within=30"], ["--within", "30.5"]])
def test_every_spelling_of_the_probe(arguments: list[str], run_dir: Path) -> None:
    environment = {"REALTIMEAPP_RUN_DIR": str(run_dir), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, str(LAUNCHER), "alive", *arguments]
    assert subprocess.run(command, env=environment, timeout=30, check=False).returncode == 1
    heartbeat.write()
    assert subprocess.run(command, env=environment, timeout=30, check=False).returncode == 0


def test_the_probe_imports_next_to_nothing(run_dir: Path) -> None:
    """It runs every few seconds in every Celery pod: what it imports is what it costs."""
    heartbeat.write()
    result = subprocess.run(
        [sys.executable, "-X", "importtime", str(LAUNCHER), "alive", "--within", "30"],
        env={"REALTIMEAPP_RUN_DIR": str(run_dir), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    imported = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
    assert "realtimeapp_runtime.heartbeat" in imported
    assert not imported & {"argparse", "pathlib", "json", "shutil", "realtimeapp_runtime.failure"}
