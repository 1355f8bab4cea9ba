"""A real Celery worker and beat, started through the launcher, on a real Redis that comes and goes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import redis as redis_py

from hack.clients.waiting import eventually
from tests.runtime.conftest import Redis
from tests.runtime.server import APPS, LAUNCHER, REDIS_PASSWORD, Pod

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FRESH_SECONDS = 10
"""Twice the interval of the heartbeat."""
QUIETLY = ("--without-gossip", "--without-mingle", "--loglevel", "INFO")


@pytest.fixture
def broker(tmp_path: Path, redis: Redis) -> Iterator[Redis]:
    """A Redis of its own, because it is killed."""
    directory = tmp_path / "broker"
    directory.mkdir()
    server = Redis(directory=directory, binary=redis.binary)
    server.start()
    yield server
    server.kill()


class Worker:
    """A Celery program in a pod, and the marks its tasks leave."""

    def __init__(self, pod: Pod) -> None:
        self.pod = pod
        self.marks = pod.directory / "marks"
        self.marks.mkdir()
        pod.app = "tasks"
        pod.environment = {"MARKS": str(self.marks), **pod.environment}
        pod.settings = {
            "settingsModule": "tasksite.settings",
            "framework": "Django",
            "channelLayer": None,
            **pod.settings,
        }
        pod.write_files()

    def start(self, *arguments: str) -> None:
        self.pod.process = self.pod.launch("run", "celery", "--app", "tasksite", *arguments)
        eventually(self.is_alive, within=60, what="the first heartbeat")

    def start_worker(self, *arguments: str) -> None:
        self.start("worker", "--concurrency", "2", *QUIETLY, *arguments)

    def is_alive(self) -> bool:
        assert self.pod.process is not None
        assert self.pod.process.poll() is None, self.pod.read_log()
        return self.probe().returncode == 0

    def probe(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(LAUNCHER), "alive", "--within", str(FRESH_SECONDS)],
            env=self.pod.build_environment(),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def send(self, *calls: tuple[str, list[Any]]) -> None:
        """Send tasks as the web pods do: from a process with the same settings."""
        code = (
            "import json, sys; from tasksite.celery import app\n"
            "for name, arguments in json.loads(sys.argv[1]): app.send_task('tasksite.celery.' + name, arguments)\n"
        )
        (self.pod.directory / "send_tasks.py").write_text(code, encoding="utf-8")
        subprocess.run(
            [sys.executable, str(LAUNCHER), "run", "send_tasks", json.dumps(calls)],
            cwd=APPS / "tasks",
            env={**self.pod.build_environment(), "PYTHONPATH": str(self.pod.directory)},
            timeout=60,
            check=True,
        )

    def runs(self) -> Counter[str]:
        """Name of each task that ended -> how often it ran."""
        return Counter({path.name: len(path.read_text()) for path in self.marks.iterdir()})

    def watch(self, seconds: float) -> None:
        """Fail when the heartbeat is not fresh at any time within `seconds`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            probe = self.probe()
            assert probe.returncode == 0, f"{probe.stderr}\n{self.pod.read_log()[-2000:]}"
            time.sleep(0.5)


@pytest.fixture
def worker(make_pod: Callable[..., Pod], broker: Redis) -> Worker:
    pod = make_pod("uvicorn")
    pod.redis_port = broker.port
    return Worker(pod)


def test_a_worker_is_ready_when_its_broker_answered(worker: Worker, broker: Redis) -> None:
    broker.kill()
    worker.pod.process = worker.pod.launch(
        "run", "celery", "--app", "tasksite", "worker", "--concurrency", "1", *QUIETLY
    )
    eventually(lambda: "Cannot connect" in worker.pod.read_log(), within=60, what="the worker tries")
    assert "no heartbeat yet" in worker.probe().stderr
    broker.start()
    eventually(worker.is_alive, within=60, what="the first heartbeat")
    lines = [line for line in worker.pod.read_log().splitlines() if line.startswith("{")]
    assert any(json.loads(line)["message"].endswith("ready.") for line in lines), "it logs as the web pods do"
    assert REDIS_PASSWORD not in worker.pod.read_log()


def test_a_worker_outlives_its_broker(worker: Worker, broker: Redis) -> None:
    """Away for twice the patience: the worker that runs a task keeps it, and goes on when Redis is back."""
    worker.start_worker()
    worker.send(("note", ["long", 20]))
    eventually(lambda: "received" in worker.pod.read_log(), within=30, what="the task has begun")
    broker.kill()
    worker.watch(30)
    assert worker.runs() == {"long": 1}
    broker.start()
    worker.send(("note", ["after"]))
    eventually(lambda: worker.runs()["after"] == 1, within=60, what="a task after the return of Redis")
    assert worker.is_alive()


def test_a_worker_whose_loop_stands_still_is_found(worker: Worker) -> None:
    worker.start_worker()
    worker.send(("block_the_loop", []))
    eventually(lambda: worker.probe().returncode == 1, within=60, what="the heartbeat ends")
    assert "stands still" in worker.probe().stderr
    (worker.marks / "go-on").touch()
    eventually(worker.is_alive, within=30, what="the heartbeat is back with the loop")


def test_a_stopped_worker_loses_no_task_and_runs_none_twice(worker: Worker, broker: Redis) -> None:
    """SIGTERM: what runs is finished, what was only fetched goes back to the queue, the exit code is 0."""
    worker.start_worker()
    names = [f"task-{number}" for number in range(12)]
    worker.send(*(("note", [name, 2]) for name in names))
    eventually(lambda: len(worker.runs()) >= 2, within=30, what="tasks run")
    code, _seconds = worker.pod.terminate()
    assert code == 0, worker.pod.read_log()
    done = worker.runs()
    with redis_py.Redis(port=broker.port, password=REDIS_PASSWORD, db=3) as queue:
        waiting = queue.llen("celery")
        assert not queue.exists("unacked")
    assert waiting == len(names) - len(done)
    assert waiting > 0, "otherwise nothing was given back"
    worker.start_worker()
    eventually(lambda: len(worker.runs()) == len(names), within=60, what="the next worker runs the rest")
    assert set(worker.runs().values()) == {1}


def test_a_long_task_of_a_solo_pool_is_no_standstill(worker: Worker) -> None:
    worker.start("worker", "--pool", "solo", *QUIETLY)
    worker.send(("note", ["long", 25]))
    eventually(lambda: "received" in worker.pod.read_log(), within=30, what="the task has begun")
    worker.watch(24)
    eventually(lambda: worker.runs()["long"] == 1, within=30, what="the task ends")


def test_beat_beats_while_nothing_is_due_and_redis_is_away(worker: Worker, broker: Redis) -> None:
    worker.start("beat", "--schedule", str(worker.pod.directory / "schedule"))
    broker.kill()
    worker.watch(20)
    broker.start()
    code, seconds = worker.pod.terminate()
    assert code == 0, worker.pod.read_log()
    assert seconds < 10


def test_other_programs_of_celery_leave_the_heartbeat_alone(worker: Worker) -> None:
    worker.start_worker()
    assert worker.pod.launch("run", "celery", "--app", "tasksite", "inspect", "ping").wait(timeout=60) == 0
    assert worker.is_alive()


def test_sigkill_leaves_no_life(worker: Worker) -> None:
    """A container restarted in its pod has the files of the one before."""
    worker.start("worker", "--pool", "solo")
    assert worker.pod.process is not None
    worker.pod.process.send_signal(signal.SIGKILL)
    worker.pod.process.wait(timeout=10)
    worker.pod.process = worker.pod.launch(
        "run", "celery", "--app", "tasksite", "worker", "--pool", "solo", "--broker", "redis://127.0.0.1:1"
    )
    eventually(
        lambda: "no heartbeat yet" in worker.probe().stderr, within=8, what="the old heartbeat is gone"
    )
