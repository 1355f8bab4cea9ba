from __future__ import annotations

import aiohttp

from realtimeapp_operator.listening import describe_address
from realtimeapp_operator.telemetry.health import Health
from realtimeapp_operator.telemetry.metrics import Metrics
from tests.support.loopback import loopback_addresses


async def ask(health: Health, path: str) -> tuple[int, str]:
    host, port = health.address
    async with aiohttp.ClientSession() as session, session.get(f"http://{host}:{port}{path}") as response:
        return response.status, await response.text()


async def test_alive_and_ready_when_every_check_passes() -> None:
    async with Health(host="127.0.0.1", port=0, metrics=Metrics()) as health:
        assert await ask(health, "/healthz") == (200, "[+] event-loop: ok\n")
        assert await ask(health, "/readyz") == (200, "ok\n")


async def test_the_kubelet_gets_through_by_either_family() -> None:
    async with Health(host="", port=0, metrics=Metrics()) as health, aiohttp.ClientSession() as session:
        for host in loopback_addresses():
            address = describe_address(host, health.address[1])
            async with session.get(f"http://{address}/healthz") as response:
                assert response.status == 200


async def test_a_failing_check_says_what_is_wrong_and_recovers() -> None:
    trouble: list[str] = ["Deployment is not listed yet"]
    async with Health(host="127.0.0.1", port=0, metrics=Metrics()) as health:
        health.add_ready("caches", lambda: trouble[0] if trouble else None)
        assert await ask(health, "/readyz") == (503, "[-] caches: Deployment is not listed yet\n")
        assert (await ask(health, "/healthz"))[0] == 200
        trouble.clear()
        assert (await ask(health, "/readyz"))[0] == 200


async def test_a_dead_worker_fails_liveness() -> None:
    async with Health(host="127.0.0.1", port=0, metrics=Metrics()) as health:
        health.add_alive("workers", lambda: "a worker has ended")
        status, text = await ask(health, "/healthz")
    assert status == 503
    assert "[-] workers: a worker has ended" in text


async def test_metrics_are_in_prometheus_format() -> None:
    metrics = Metrics()
    metrics.count_request("apply", "Deployment", 200)
    metrics.watch_lease(lambda: True)
    async with Health(host="127.0.0.1", port=0, metrics=metrics) as health:
        status, text = await ask(health, "/metrics")
    assert status == 200
    assert 'realtimeapp_api_requests_total{code="200",kind="Deployment",verb="apply"} 1.0' in text
    assert "realtimeapp_lease_holder 1.0" in text
    assert "process_resident_memory_bytes" in text
