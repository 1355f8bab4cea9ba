"""A Redis of its own on loopback, for as long as a program needs one."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
from typing import TYPE_CHECKING

from hack.clients.ports import find_port
from hack.clients.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def scratch_redis() -> Iterator[int]:
    """Run `redis-server` without a password or persistence; yield its port."""
    binary = shutil.which("redis-server")
    if binary is None:
        raise SystemExit("redis-server is not on PATH: install the distribution package redis-server")
    port = find_port()
    with tempfile.TemporaryDirectory() as folder:
        options = [
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            folder,
            "--maxclients",
            "20000",
        ]
        process = subprocess.Popen([binary, *options], stdout=subprocess.DEVNULL)
        try:
            eventually(lambda: _answers(port), within=10, what="redis-server accepts connections")
            yield port
        finally:
            process.kill()
            process.wait()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
