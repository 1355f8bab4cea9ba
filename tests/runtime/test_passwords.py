"""A password with every kind of byte opens Redis for every client the overlay configures."""

from __future__ import annotations

import json
import string
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import redis as redis_py

from tests.runtime.conftest import Redis
from tests.runtime.server import APPS, LAUNCHER, REDIS_PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.runtime.server import Pod

PRINTABLE = "".join(map(chr, range(32, 127)))
UTF_8 = "\x7f\x80ß¼ÿ߿ࠀ€😀\U0010ffff"
"""The first and last character of every length UTF-8 has, and some between."""
WHITESPACE = string.whitespace

CLIENTS = """
import asyncio, json
import redis
from celery import Celery
from channels.layers import get_channel_layer
from django.conf import settings
from django.core.cache import cache
from djust.backends.registry import get_presence_backend
from djust.state_backends import get_backend

def try_cache():
    cache.set("key", "value")
    return cache.get("key") == "value"

def try_layer():
    async def exchange():
        layer = get_channel_layer()
        channel = await layer.new_channel()
        await layer.send(channel, {"type": "hello"})
        return await asyncio.wait_for(layer.receive(channel), 5)
    return asyncio.run(exchange())["type"] == "hello"

def try_state():
    backend = get_backend()
    return type(backend).__name__ == "RedisStateBackend" and backend.health_check()["status"] == "healthy"

def try_presence():
    get_presence_backend().join("room", "user", {})
    return get_presence_backend().count("room") == 1

def try_celery():
    app = Celery(broker=settings.CELERY_BROKER_URL, backend=settings.CELERY_RESULT_BACKEND)
    with app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1)
        connection.SimpleQueue("probe").put("task")
    app.backend.set("key", "value")
    return app.backend.get("key") == b"value"

def try_environment():
    import os
    return redis.Redis.from_url(os.environ["REDIS_URL"]).ping()

print(json.dumps({name[4:]: bool(look()) for name, look in list(globals().items()) if name.startswith("try_")}))
"""


@pytest.fixture
def guarded(tmp_path: Path, redis: Redis) -> Iterator[Redis]:
    """A Redis of its own, because its password is changed."""
    directory = tmp_path / "guarded"
    directory.mkdir()
    server = Redis(directory=directory, binary=redis.binary)
    server.start()
    yield server
    server.kill()


@pytest.mark.parametrize("password", [PRINTABLE, UTF_8, WHITESPACE], ids=["printable", "utf-8", "whitespace"])
def test_every_client_is_let_in(make_pod: Callable[..., Pod], guarded: Redis, password: str) -> None:
    with redis_py.Redis(port=guarded.port, password=REDIS_PASSWORD) as administrator:
        administrator.execute_command("ACL", "SETUSER", "default", "resetpass", f">{password}")
    pod = make_pod("uvicorn", app="pages")
    pod.redis_port = guarded.port
    pod.settings = {"settingsModule": "celery_settings"}
    pod.write_files()
    (pod.directory / "secrets" / "password").write_bytes(password.encode())
    (pod.directory / "celery_settings.py").write_text(
        "from pagesite.settings import *\nCELERY_RESULT_BACKEND = 'redis://localhost'\n", encoding="utf-8"
    )
    (pod.directory / "clients.py").write_text(CLIENTS, encoding="utf-8")
    process = subprocess.run(
        [sys.executable, str(LAUNCHER), "run", "clients"],
        cwd=APPS / pod.app,
        env={**pod.build_environment(), "PYTHONPATH": str(pod.directory)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    answers = json.loads(process.stdout.splitlines()[-1])
    assert answers == dict.fromkeys(("cache", "layer", "state", "presence", "celery", "environment"), True)
    assert password.strip() not in process.stderr or not password.strip()
