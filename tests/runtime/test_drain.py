"""What users see of a drain, on every server: each socket closed once, in its turn, with the right code, and nothing cut."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import aiohttp
import pytest
from websockets.exceptions import ConnectionClosed

from hack.clients.sockets import count_peak
from hack.clients.stalls import Stalls
from hack.clients.waiting import eventually, eventually_async
from tests.runtime.clients import STREAM, expect_refusal, open_socket, try_handshake
from tests.runtime.server import Server

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from websockets.asyncio.client import ClientConnection

    from tests.runtime.server import Pod

RATE = 40.0
LAG = 2.5
SOCKETS = 94
EXIT_SECONDS = {"Hypercorn": 12}
"""From SIGTERM on, with nothing open; hypercorn's ping timers keep it up to its graceful timeout."""
GRACEFUL = 10
NATIVE_CLOSE_CODES = {
    "Uvicorn": 1012,
    "Daphne": 1006,
    "Hypercorn": 1011,
    "Granian": 1006,
    "GunicornUvicorn": 1012,
}
"""What clients see when SIGTERM meets open sockets, with and without the runtime."""
ONE_OF_EACH = ("uvicorn", "daphne", "hypercorn", "granian", "gunicorn-uvicorn")


def drain_settings(pod_kind: str, **changes: float) -> dict[str, object]:
    code = Server.parse(pod_kind).close_code
    settings = {"lagSeconds": LAG, "timeoutSeconds": 20, "ratePerSecond": RATE, "closeCode": code}
    return {"drain": {**settings, **changes}}


async def watch_close(websocket: ClientConnection) -> tuple[float, int | None, int]:
    """Return when and with what code the server closed, and how many messages came before."""
    messages = 0
    while True:
        try:
            await websocket.recv()
            messages += 1
        except ConnectionClosed as closed:
            return time.monotonic(), closed.rcvd.code if closed.rcvd else 1006, messages


async def wait_for_exit(process: subprocess.Popen[bytes]) -> int:
    return await asyncio.to_thread(process.wait, 60)


async def test_a_drain_moves_everybody_away_in_order_and_at_the_pace(
    make_pod: Callable[..., Pod], server: str
) -> None:
    pod = make_pod(server, settings=drain_settings(server))
    pod.start()
    sockets = [await open_socket(pod) for _ in range(SOCKETS)]
    async with Stalls() as stalls, aiohttp.ClientSession(pod.url) as http:
        stream = await http.get("/events/", headers=STREAM)
        await stream.content.readline()
        long_request = asyncio.create_task(fetch(http, f"/slow/?seconds={LAG + 4}"))
        await eventually_async(
            lambda: asyncio.to_thread(lambda: pod.metrics()["realtimeapp_requests"] == 1),
            within=5,
            what="the long request is in flight",
        )
        closes = [asyncio.create_task(watch_close(websocket)) for websocket in sockets]
        stream_end = asyncio.create_task(read_to_end(stream))

        began = time.monotonic()
        drain = pod.launch("drain")
        await eventually_async(
            lambda: asyncio.to_thread(lambda: pod.probe("readyz") == 503),
            within=LAG - 0.1,
            what="readiness fails first",
        )
        assert time.monotonic() - began < LAG
        assert pod.probe("healthz") == 200
        late = await open_socket(pod)  # proxies that have not noticed yet still get through
        assert time.monotonic() - began < LAG
        closes.append(asyncio.create_task(watch_close(late)))
        first_refusal = await wait_for_refusal(pod)
        assert first_refusal - began >= LAG - 0.5, "nothing is refused while proxies learn"
        expect_refusal(pod, await try_handshake(pod))
        async with http.get("/events/", headers=STREAM) as refused:
            assert refused.status == 503
            assert int(refused.headers["Retry-After"]) >= 1
        async with http.get("/") as answer:
            assert answer.status == 200, "ordinary requests are served to the end"
            assert answer.headers["Connection"] == "close", "the edge must not keep connections to this pod"

        results = await asyncio.gather(*closes)
        ended_at, ended_cleanly = await stream_end
        assert await wait_for_exit(drain) == 0
        drained = time.monotonic()
        assert await long_request == "done"
        assert drained - began >= LAG + 4 - 1, "the hook waits for the request in flight"

    assert {code for _, code, _ in results} == {pod.close_code}
    times = sorted([at for at, _, _ in results] + [ended_at])
    total = SOCKETS + 2
    assert times[0] - began >= LAG
    window = total / RATE
    # a pod that gets no processor time falls behind instead of closing in a burst
    assert window * 0.7 <= times[-1] - times[0] <= window * 1.25 + 0.5 + stalls.total
    # what this process read late after a stall of its own looks like a burst of the server's
    assert count_peak(times) <= RATE * (1.2 + stalls.longest)
    assert ended_cleanly
    assert pod.live() == pod.live("stream") == 0
    metrics = pod.metrics()
    assert metrics['realtimeapp_connections_drained_total{kind="websocket"}'] == SOCKETS + 1
    assert metrics['realtimeapp_connections_drained_total{kind="stream"}'] == 1
    code, seconds = await asyncio.to_thread(pod.terminate)
    assert code == 0
    assert seconds < EXIT_SECONDS.get(pod.server.name, 5)
    assert "Traceback" not in pod.read_log()


@pytest.mark.parametrize(("server", "asked"), [("uvicorn-2", True), ("daphne", False)])
async def test_nobody_is_closed_before_the_kubelet_can_have_told_the_edge(
    make_pod: Callable[..., Pod], server: str, *, asked: bool
) -> None:
    """On a busy node the kubelet asks late, and whoever is closed before comes back to the same pod."""
    lag = 2.0
    pod = make_pod(server, settings=drain_settings(server, lagSeconds=lag, timeoutSeconds=30, probed=True))
    pod.start()
    sockets = [await open_socket(pod) for _ in range(4)]
    closes = [asyncio.create_task(watch_close(websocket)) for websocket in sockets]
    began = time.monotonic()
    drain = pod.launch("drain")
    if asked:
        await eventually_async(
            lambda: asyncio.to_thread(lambda: pod.probe("readyz") == 503), within=2, what="readiness fails"
        )
        told = time.monotonic()
    results = await asyncio.gather(*closes)
    first = min(at for at, _, _ in results)
    assert {code for _, code, _ in results} == {pod.close_code}
    if asked:
        assert told + lag - 0.5 <= first <= told + lag + 0.5 + 4 / RATE
    else:
        assert began + lag + 3 <= first, "a tenth of the time-out"
    assert await wait_for_exit(drain) == 0


async def test_a_second_drain_neither_shortens_nor_restarts_the_first(make_pod: Callable[..., Pod]) -> None:
    pod = make_pod("uvicorn", settings=drain_settings("uvicorn", ratePerSecond=4.0))
    pod.start()
    sockets = [await open_socket(pod) for _ in range(12)]
    closes = [asyncio.create_task(watch_close(websocket)) for websocket in sockets]
    first = pod.launch("drain")
    await eventually_async(
        lambda: asyncio.to_thread(lambda: pod.probe("readyz") == 503), within=3, what="the first drain began"
    )
    began = time.monotonic()
    second = pod.launch("drain")
    times = sorted(at for at, _, _ in await asyncio.gather(*closes))
    assert 12 / 4.0 * 0.7 <= times[-1] - times[0] <= 12 / 4.0 * 1.25 + 0.5
    assert times[-1] - began <= LAG + 12 / 4.0 + 1
    assert await wait_for_exit(first) == await wait_for_exit(second) == 0


@pytest.mark.parametrize("server", ["uvicorn-2", "daphne", "granian-2"])
async def test_a_time_out_hurries_the_pace(make_pod: Callable[..., Pod], server: str) -> None:
    pod = make_pod(server, settings=drain_settings(server, ratePerSecond=1.0, timeoutSeconds=2))
    pod.start()
    sockets = [await open_socket(pod) for _ in range(30)]
    closes = [asyncio.create_task(watch_close(websocket)) for websocket in sockets]
    drain = pod.launch("drain")
    results = await asyncio.gather(*closes)
    times = sorted(at for at, _, _ in results)
    assert {code for _, code, _ in results} == {pod.close_code}
    assert 1.0 <= times[-1] - times[0] <= 2.8
    assert await wait_for_exit(drain) == 0


@pytest.mark.parametrize("server", ONE_OF_EACH)
async def test_a_message_in_hand_is_finished_before_its_socket_is_closed(
    make_pod: Callable[..., Pod], server: str
) -> None:
    pod = make_pod(server, settings=drain_settings(server, lagSeconds=0.5))
    pod.start()
    quick, endless = await open_socket(pod), await open_socket(pod)
    drain = pod.launch("drain")
    await eventually_async(
        lambda: asyncio.to_thread(lambda: pod.probe("readyz") == 503), within=3, what="the drain began"
    )
    await quick.send('{"work": 1.5}')
    await endless.send('{"work": 60}')
    (_, quick_code, answers), (_, endless_code, unanswered) = await asyncio.gather(
        watch_close(quick), watch_close(endless)
    )
    assert (quick_code, answers) == (pod.close_code, 2), "started and finished were both delivered"
    assert (endless_code, unanswered) == (pod.close_code, 1), "but nobody waits for ever"
    assert await wait_for_exit(drain) == 0


@pytest.mark.parametrize("server", ONE_OF_EACH)
async def test_an_application_that_does_not_end_holds_up_nobody(
    make_pod: Callable[..., Pod], server: str
) -> None:
    """As a consumer whose cancellation was lost: it hangs after the disconnect and swallows the first cancellation."""
    pod = make_pod(server, settings=drain_settings(server, lagSeconds=0.2))
    pod.start()
    websocket = await open_socket(pod, query="?stubborn")
    began = time.monotonic()
    drain = pod.launch("drain")
    _, code, _ = await watch_close(websocket)
    assert code == pod.close_code
    assert await wait_for_exit(drain) == 0
    assert time.monotonic() - began < 12, "cancelled after 3 s, and again after 6 s"
    _, seconds = await asyncio.to_thread(pod.terminate)
    assert seconds < EXIT_SECONDS.get(pod.server.name, 5)


@pytest.mark.parametrize("server", ["uvicorn-2", "daphne", "gunicorn-uvicorn-2"])
async def test_an_empty_pod_drains_in_the_lag_and_a_restarted_container_is_not_draining(
    make_pod: Callable[..., Pod], server: str
) -> None:
    pod = make_pod(server, settings=drain_settings(server))
    pod.start()
    began = time.monotonic()
    assert await wait_for_exit(pod.launch("drain")) == 0
    assert LAG <= time.monotonic() - began < LAG + 3
    assert "0 open at the start, 0 closed, 0 left" in pod.read_log()
    assert pod.probe("readyz") == 503
    await asyncio.to_thread(pod.terminate)
    pod.start()
    eventually(lambda: pod.probe("readyz") == 200, within=5, what="the new container is ready")
    async with await open_socket(pod):
        assert pod.live() == 1


@pytest.mark.parametrize("server", ["uvicorn", "hypercorn", "granian"])
async def test_a_client_that_does_not_read_holds_up_nobody(make_pod: Callable[..., Pod], server: str) -> None:
    pod = make_pod(server, settings=drain_settings(server, lagSeconds=0.2, timeoutSeconds=3))
    pod.start()
    deaf, awake = await open_socket(pod), await open_socket(pod)
    deaf.transport.pause_reading()
    drain = pod.launch("drain")
    _, code, _ = await watch_close(awake)
    assert code == pod.close_code
    assert await wait_for_exit(drain) == 0
    deaf.transport.abort()


@pytest.mark.parametrize("server", ["uvicorn-2", "daphne", "hypercorn", "granian-2", "gunicorn-uvicorn-2"])
async def test_sigterm_without_the_hook_is_the_server_s_own_end(
    make_pod: Callable[..., Pod], server: str
) -> None:
    """Nothing paces it; what must hold is the grace period, and the answers the server itself does not cut."""
    pod = make_pod(server)
    pod.start()
    sockets = [await open_socket(pod) for _ in range(8)]
    closes = [asyncio.create_task(watch_close(websocket)) for websocket in sockets]
    async with aiohttp.ClientSession(pod.url) as http:
        request = asyncio.create_task(fetch(http, "/slow/?seconds=3"))
        await eventually_async(
            lambda: asyncio.to_thread(lambda: pod.metrics()["realtimeapp_requests"] == 1),
            within=2.5,
            what="a request is in flight",
        )
        code, seconds = await asyncio.to_thread(pod.terminate)
        (answer,) = await asyncio.gather(request, return_exceptions=True)
    assert code == 0
    assert seconds < GRACEFUL + 5
    closed = {code for _, code, _ in await asyncio.gather(*closes)}
    assert closed == {NATIVE_CLOSE_CODES[pod.server.name]}
    if pod.server.name == "Daphne":  # it cuts them, which is one reason for the hook
        assert isinstance(answer, aiohttp.ClientError)
    else:
        assert answer == "done"


async def wait_for_refusal(pod: Pod) -> float:
    """Return the monotonic time at which handshakes began to be refused."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        status, _ = await try_handshake(pod)
        if status != 101:
            return time.monotonic()
        await asyncio.sleep(0.05)
    raise AssertionError("no handshake was refused")


async def fetch(http: aiohttp.ClientSession, path: str) -> str:
    async with http.get(path) as answer:
        return await answer.text()


async def read_to_end(stream: aiohttp.ClientResponse) -> tuple[float, bool]:
    """Return when the stream ended and whether it ended as a response ends."""
    try:
        async for _ in stream.content:
            pass
    except aiohttp.ClientError:
        return time.monotonic(), False
    return time.monotonic(), True
