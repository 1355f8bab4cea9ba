"""Unmodified applications with a developer's settings, seen from inside once the runtime has started them."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from websockets.asyncio.client import connect

from tests.runtime.clients import ORIGIN
from tests.runtime.server import APPS, DATABASE_URL, LAUNCHER, REDIS_PASSWORD, SECRET_KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtime.server import Pod


def ask(pod: Pod, path: str = "/facts/") -> dict[str, Any]:
    with pod.open(path) as answer:
        facts: dict[str, Any] = json.load(answer)
        return facts


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("server", "scheme", "layer"), [("uvicorn-2", "https", "Core"), ("daphne", "http", "PubSub")]
)
def test_the_settings_are_the_operator_s(
    make_pod: Callable[..., Pod],
    server: str,
    scheme: str,
    layer: str,
) -> None:
    pod = make_pod(server, settings={"tls": scheme == "https", "channelLayer": {"type": layer}})
    pod.start()
    facts = ask(pod)
    assert facts["settings_module"] == "realtimeapp_runtime.settings", (
        "the asgi.py assigns another one, too late"
    )
    assert facts["debug"] is False
    assert facts["hosts"] == ["chat.example.com", "127.0.0.1"]
    assert facts["origins"] == ["http://chat.example.com"]
    assert facts["session_cookie_secure"] is facts["csrf_cookie_secure"] is (scheme == "https")
    assert facts["session_engine"] == "django.contrib.sessions.backends.cache"
    assert facts["session_age"] == 1800
    assert facts["layer"].endswith("RedisChannelLayer" if layer == "Core" else "RedisPubSubChannelLayer")
    assert facts["layer_prefix"] == "shop:chat:asgi"
    assert facts["layer_timeout"] == 30
    assert facts["secret_key_sha"] == facts["env_secret_key_sha"] == sha(SECRET_KEY)
    assert facts["seen_database_url_sha"] == sha(DATABASE_URL), "without the newline of the file"
    assert facts["seen_redis_url"] is True
    assert facts["broker_database"] == "3"
    assert facts["result_backend"] == "django-db", "another store is the user's choice"
    assert facts["cache"] == "yes", "the password with every kind of character opens Redis"


def test_no_secret_shows_in_environments_arguments_or_logs(make_pod: Callable[..., Pod]) -> None:
    pod = make_pod("uvicorn-2")
    pod.start()
    ask(pod)
    assert pod.process is not None
    pids = [pod.process.pid, *pod.server_pids()]
    assert len(pids) == 3
    for pid in pids:
        for name in ("environ", "cmdline"):
            text = Path(f"/proc/{pid}/{name}").read_bytes().decode("utf-8", "replace")
            assert text, "the file is readable, so a secret would be seen"
            for secret in (SECRET_KEY, REDIS_PASSWORD, "database-secret"):
                assert secret not in text, f"{name} of {pid}"
    assert not [
        secret for secret in (SECRET_KEY, REDIS_PASSWORD, "database-secret") if secret in pod.read_log()
    ]


def test_a_child_of_the_application_inherits_no_secret(make_pod: Callable[..., Pod]) -> None:
    pod = make_pod("uvicorn")
    pod.write_files()
    code = (
        "import os, subprocess; from django.conf import settings; settings.DEBUG; "
        "assert os.environ['DATABASE_URL'] and os.environ['REDIS_URL'] and os.environ['SECRET_KEY']; "
        "print(subprocess.run(['env'], capture_output=True, text=True).stdout)"
    )
    (pod.directory / "child.py").write_text(code, encoding="utf-8")
    process = subprocess.run(
        [sys.executable, str(LAUNCHER), "run", "child"],
        cwd=pod.directory,
        env={**pod.build_environment(), "PYTHONPATH": str(APPS / pod.app)},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    names = re.findall(r"^(\w+)=", process.stdout, re.MULTILINE)
    assert "PYTHONPATH" in names
    assert not {"DATABASE_URL", "REDIS_URL", "SECRET_KEY"} & set(names)


async def test_a_djust_page_lives_on_redis(make_pod: Callable[..., Pod]) -> None:
    pod = make_pod("uvicorn-2", app="pages", settings={"channelLayer": {"type": "PubSub"}})
    pod.start()
    facts = ask(pod)
    assert facts == {
        "state": "RedisStateBackend",
        "presence": "redis",
        "ttl": 1800,
        "prefix": "shop:chat:djust:",
        "per_address": 2000,
        "layer": "channels_redis.pubsub.RedisPubSubChannelLayer",
    }
    async with aiohttp.ClientSession(pod.url) as http, http.get("/") as page:
        assert "count=0" in await page.text()
        cookie = page.headers["Set-Cookie"].partition(";")[0]
    async with connect(
        f"ws://127.0.0.1:{pod.port}/ws/live/",
        origin=ORIGIN,
        additional_headers={"Cookie": cookie},
    ) as websocket:
        assert json.loads(await websocket.recv())["type"] == "connect"
        await websocket.send(
            json.dumps({"type": "mount", "view": "pagesite.urls.CounterView", "params": {}, "url": "/"})
        )
        assert json.loads(await websocket.recv())["type"] == "mount"
