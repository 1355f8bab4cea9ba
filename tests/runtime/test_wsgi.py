"""A pod of gunicorn's sync workers: probed, told the truth, drained without cutting an answer."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import time
import urllib.error
from typing import TYPE_CHECKING

import aiohttp
import pytest

from hack.clients.waiting import eventually, eventually_async

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.runtime.server import Pod

LAG = 2.0


def drain_settings() -> dict[str, object]:
    return {"drain": {"lagSeconds": LAG, "timeoutSeconds": 20, "ratePerSecond": 20.0, "closeCode": 1012}}


async def fetch(pod: Pod, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession(pod.url) as http, http.get(path) as answer:
        return answer.status, await answer.text()


def test_probes_come_before_django_and_are_hidden_from_the_outside(
    make_pod: Callable[..., Pod], wsgi_server: str
) -> None:
    pod = make_pod(wsgi_server)
    pod.start()
    assert pod.probe("healthz") == pod.probe("readyz") == 200
    assert pod.probe("drain") == 404
    assert pod.metrics()["realtimeapp_processes"] == pod.server.processes
    with pytest.raises(urllib.error.HTTPError) as hidden:
        pod.open("/.realtimeapp/healthz", headers={"X-Forwarded-For": "203.0.113.7"})
    assert hidden.value.code == 404
    hidden.value.close()
    with pytest.raises(urllib.error.HTTPError) as refused:
        pod.open("/", headers={"Host": "elsewhere.example.com"})
    assert refused.value.code == 400, "the same host is nobody's anywhere else"
    refused.value.close()
    with pod.open("/.realtimeapp/healthz", headers={"Host": "elsewhere.example.com"}) as answer:
        assert answer.status == 200
    with pod.open("/facts/") as answer:
        facts = json.load(answer)
    assert facts["settings_module"] == "realtimeapp_runtime.settings", (
        "the wsgi.py assigns another one, too late"
    )
    assert facts["debug"] is False
    with pod.open("/file/") as answer:
        assert b"FileResponse" in answer.read()
    eventually(
        lambda: pod.metrics()["realtimeapp_requests"] == 0, within=5, what="a file is counted out as well"
    )


async def test_a_drain_cuts_no_answer(make_pod: Callable[..., Pod], wsgi_server: str) -> None:
    pod = make_pod(f"gunicorn-{pod_processes(wsgi_server)}", settings=drain_settings())
    pod.start()
    seconds = LAG + 3
    slow = asyncio.create_task(fetch(pod, f"/slow/?seconds={seconds}"))
    parts = asyncio.create_task(fetch(pod, f"/parts/?count={int(seconds * 2)}"))
    async with aiohttp.ClientSession(pod.url) as http:
        stream = await http.get("/events/")
        assert await stream.content.readline() == b"data: 0\n"
        await eventually_async(
            lambda: asyncio.to_thread(lambda: in_flight(pod) == (2, 1)), within=5, what="all are in flight"
        )
        began = time.monotonic()
        drain = pod.launch("drain")
        await eventually_async(
            lambda: asyncio.to_thread(lambda: pod.probe("readyz") == 503),
            within=LAG,
            what="readiness fails first",
        )
        assert pod.probe("healthz") == 200
        events = await stream.content.read()
    assert time.monotonic() - began >= LAG, "a stream is not ended before proxies have noticed"
    assert events.endswith(b"\n\n"), "and ends between two events"
    async with aiohttp.ClientSession(pod.url) as http, http.get("/") as late:
        assert late.status == 200, "requests are served to the end"
        assert late.headers["Connection"] == "close", "the edge must not keep connections to this pod"
    assert await asyncio.to_thread(drain.wait, 30) == 0
    assert slow.done()
    assert parts.done()
    assert await slow == (200, "done")
    assert await parts == (200, "".join(f"{number}\n" for number in range(int(seconds * 2))))
    code, exit_seconds = await asyncio.to_thread(pod.terminate)
    assert code == 0
    assert exit_seconds < 5
    assert "Traceback" not in pod.read_log()


def pod_processes(wsgi_server: str) -> int:
    """Enough workers for what is in flight and one that answers probes, and one more."""
    return 4 if wsgi_server == "gunicorn" else 5


def in_flight(pod: Pod) -> tuple[float, float]:
    return pod.metrics()["realtimeapp_requests"], pod.live("stream")


async def test_sigterm_without_the_hook_cuts_no_answer_either(
    make_pod: Callable[..., Pod], wsgi_server: str
) -> None:
    pod = make_pod(wsgi_server)
    pod.start()
    slow = asyncio.create_task(fetch(pod, "/slow/?seconds=2"))
    await asyncio.sleep(0.5)  # the only worker is busy then, so no probe could say so
    code, seconds = await asyncio.to_thread(pod.terminate)
    assert await slow == (200, "done")
    assert code == 0
    assert seconds < 6


def test_it_writes_nothing_but_its_run_directory_and_logs_no_query(
    make_pod: Callable[..., Pod], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    environment = {
        "HOME": str(home),
        "TMPDIR": str(home),
        "GUNICORN_CMD_ARGS": "--timeout 1 --max-requests 1",
    }
    pod = make_pod("gunicorn-2", environment=environment)
    pod.start()
    with pytest.raises((OSError, http.client.HTTPException)):
        pod.open("/slow/?seconds=20&token=hunter2")  # longer than the time-out the user set
    eventually(lambda: "WORKER TIMEOUT" in pod.read_log(), within=5, what="the worker was killed")
    eventually(
        lambda: pod.probe("readyz") == 200 and pod.metrics()["realtimeapp_processes"] == 2,
        within=15,
        what="another one serves",
    )
    pids = set(pod.server_pids())
    for _ in range(4):
        assert pod.probe("healthz") == 200
    assert set(pod.server_pids()) == pids, "no worker ends after a number of requests"
    assert list(home.iterdir()) == []
    assert "/slow/" in pod.read_log()
    assert "hunter2" not in pod.read_log()


def test_a_killed_worker_is_replaced_and_not_counted(make_pod: Callable[..., Pod]) -> None:
    pod = make_pod("gunicorn-2")
    pod.start()
    victim = pod.server_pids()[0]
    os.kill(victim, signal.SIGKILL)
    eventually(
        lambda: pod.metrics()["realtimeapp_processes"] == 2 and victim not in pod.server_pids(),
        within=15,
        what="another one serves",
    )
    with pod.open("/") as answer:
        assert answer.read() == b"hello"
