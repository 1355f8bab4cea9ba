"""A real Redis and real server processes on loopback."""

from __future__ import annotations

import shutil
import socket
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from hack.clients.ports import find_port
from hack.clients.waiting import eventually
from tests.runtime.server import REDIS_PASSWORD, Pod

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ASGI_SERVERS = (
    "uvicorn",
    "uvicorn-2",
    "daphne",
    "hypercorn",
    "hypercorn-2",
    "granian",
    "granian-2",
    "gunicorn-uvicorn",
    "gunicorn-uvicorn-2",
)
WSGI_SERVERS = ("gunicorn", "gunicorn-2")


@dataclass(kw_only=True)
class Redis:
    """A redis-server with an append-only file, like the operator's."""

    directory: Path
    binary: str
    port: int = field(default_factory=find_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = [
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
            "--save",
            "",
        ]
        configuration = self.directory / "redis.conf"
        configuration.write_text(f'requirepass "{REDIS_PASSWORD}"\n', encoding="utf-8")
        self.process = subprocess.Popen(
            [self.binary, str(configuration), *options, "--dir", str(self.directory)],
            stdout=subprocess.DEVNULL,
        )
        eventually(self.answers, within=10, what="redis-server accepts connections")

    def answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(timeout=5)


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.fail("redis-server is not on PATH: install the distribution package redis-server")
    server = Redis(directory=tmp_path_factory.mktemp("redis"), binary=binary)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def make_pod(tmp_path: Path, redis: Redis) -> Iterator[Callable[..., Pod]]:
    """A factory of pods; each is stopped at the end of the test."""
    pods: list[Pod] = []

    def make(kind: str, **options: Any) -> Pod:  # noqa: ANN401 - the fields of Pod
        directory = tmp_path / f"pod-{len(pods)}"
        directory.mkdir()
        pod = Pod(kind=kind, directory=directory, redis_port=redis.port, **options)
        pods.append(pod)
        return pod

    yield make
    for pod in pods:
        pod.stop()


@pytest.fixture(params=ASGI_SERVERS)
def server(request: pytest.FixtureRequest) -> str:
    """The name of each server with WebSockets in turn, with its processes."""
    name: str = request.param
    return name


@pytest.fixture(params=WSGI_SERVERS)
def wsgi_server(request: pytest.FixtureRequest) -> str:
    """The name of the server without WebSockets, with its processes."""
    name: str = request.param
    return name
