"""One application under one server, as its pods run it or as its own documentation starts it, and the memory it takes.

Both sides get the same server options, the ones the operator renders. Without the runtime the server imports the application
itself, with settings that name the same Redis the way the frameworks' guides write it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hack.bench.guide import guide_settings
from hack.bench.process import proportional_kib, session_members
from hack.clients.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hack.bench.sites import Site

ROOT: Final = Path(__file__).resolve().parents[2]
LAUNCHER: Final = ROOT / "operator" / "realtimeapp_runtime" / "launch.py"
WRAPPED: Final = ("realtimeapp_runtime.asgi:application", "realtimeapp_runtime.wsgi:application")
HOST: Final = "bench.example.com"
START_SECONDS: Final = 60.0
MAX_PER_POD: Final = 100_000
"""More than any run opens; the same for the limit of the pod and of djust."""

GUIDE_ARGUMENTS: Final = {
    "realtimeapp_runtime.gunicorn_worker.UvicornWorker": "uvicorn_worker.UvicornWorker",
    "python:realtimeapp_runtime.gunicorn_settings": "python:gunicorn.config",  # a module without any setting in it
}
"""What the runtime brings for gunicorn, and what its guide names instead."""


@dataclass(frozen=True, kw_only=True)
class Serving:
    """A server that answers; `pid` is the process that was started, its workers are below it."""

    port: int
    pid: int

    def count_processes(self) -> int:
        """Return how many processes the server has, supervisors included."""
        return len(session_members(self.pid))

    def memory_kib(self) -> int:
        """Return the proportional set size of all its processes, in KiB: shared pages count once."""
        return sum(proportional_kib(pid) for pid in session_members(self.pid))


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """What the operator makes of an application: the launcher's arguments and the content of settings.json."""

    arguments: tuple[str, ...]
    settings: dict[str, Any]


@contextlib.contextmanager
def serve(site: Site, rendered: Rendered, *, port: int, runtime: bool, redis_port: int) -> Iterator[Serving]:
    """Run `site` as `rendered` for `port`, with the runtime or without.

    AssertionError with the end of the server's log when it does not answer within a minute.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare = _prepare_runtime if runtime else _prepare_guide
        command, environment = prepare(site, rendered, folder, redis_port)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                command, cwd=site.folder, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        try:
            _await_answer(process, port, folder / "log")
            yield Serving(port=port, pid=process.pid)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _prepare_runtime(
    _site: Site, rendered: Rendered, folder: Path, redis_port: int
) -> tuple[list[str], dict[str, str]]:
    (folder / "run").mkdir()
    (folder / "secret-key").write_text("bench" * 10, encoding="ascii")
    (folder / "settings.json").write_text(
        json.dumps(_settings(rendered.settings, folder, redis_port)), encoding="utf-8"
    )
    environment = {
        **_environment(),
        "DJANGO_SETTINGS_MODULE": "realtimeapp_runtime.settings",
        "REALTIMEAPP_CONFIG": str(folder / "settings.json"),
        "REALTIMEAPP_RUN_DIR": str(folder / "run"),
        "REALTIMEAPP_TERMINATION_LOG": str(folder / "termination-log"),
    }
    return [sys.executable, str(LAUNCHER), *map(_on_loopback, rendered.arguments)], environment


def _settings(rendered: dict[str, Any], folder: Path, redis_port: int) -> dict[str, Any]:
    """Return the settings.json the operator renders, with this machine's Redis and paths."""
    redis = {**rendered["redis"], "host": "127.0.0.1", "port": redis_port, "passwordFile": None}
    return {**rendered, "redis": redis, "secretKeyFile": str(folder / "secret-key")}


def _prepare_guide(
    site: Site, rendered: Rendered, folder: Path, redis_port: int
) -> tuple[list[str], dict[str, str]]:
    text = guide_settings(
        module=site.settings_module,
        framework=site.framework,
        host=HOST,
        redis=f"127.0.0.1:{redis_port}",
        most=MAX_PER_POD,
    )
    (folder / "guide_settings.py").write_text(text, encoding="utf-8")
    environment = {
        **_environment(folder, site.folder),
        "DJANGO_SETTINGS_MODULE": "guide_settings",
        "SECRET_KEY": "bench" * 10,
    }
    _verb, module, *rest = map(_on_loopback, rendered.arguments)
    own = [GUIDE_ARGUMENTS.get(argument, argument) for argument in rest]
    own = [site.application if argument in WRAPPED else argument for argument in own]
    return [sys.executable, "-m", module, *own], environment


def _on_loopback(argument: str) -> str:
    return argument.replace("0.0.0.0", "127.0.0.1").replace("/run/realtimeapp", "/dev/shm")  # noqa: S104, S108 - taken out


def _environment(*path: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
    }


def _await_answer(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    def answers() -> bool:
        text = log.read_text(encoding="utf-8", errors="replace")[-2000:]
        assert process.poll() is None, f"the server ended:\n{text}"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    eventually(answers, within=START_SECONDS, what="the server accepts connections")
