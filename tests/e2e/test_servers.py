"""Six servers, one and two processes in a pod: what is open when a pod goes is moved at the pace, what is asked is answered.

One fleet of sockets stays connected while its application goes from one server to the next: each rollout is the end of
one server's pods, and each case looks at that server. Gunicorn holds requests instead of sockets.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from hack.clients.application import is_settled
from hack.clients.departures import Departure, DepartureWatch
from hack.clients.edge import Visitor, await_edge
from hack.clients.slow import SlowVisitor
from hack.clients.sockets import Fleet
from hack.clients.waiting import eventually_async
from hack.examples.row import say_closes
from tests.e2e.conftest import failed, new_namespace, print_scene

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from hack.clients.kubectl import Kubectl

pytestmark = [pytest.mark.thorough, pytest.mark.asyncio(loop_scope="module")]

SOCKETS = 40
CAP = 45
RATE = 20
DRAIN_SECONDS = 5
PACE = CAP / DRAIN_SECONDS
"""With SurgeAll a pod spreads a full load over the whole drain: 9 closes a second where 20 are allowed."""
LAG_SECONDS = 3
SETTLE_SECONDS = 120
LIGHT = "/whoami/"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One server with its processes; `module` is what its pods run."""

    server: str
    processes: int
    module: str
    code: int = 1012
    refusal: int = 503

    def __str__(self) -> str:
        return f"{self.server}-{self.processes}"

    @property
    def sockets(self) -> int:
        return 0 if self.server == "Gunicorn" else SOCKETS


def both(server: str, module: str) -> list[Case]:
    return [Case(server=server, processes=processes, module=module) for processes in (1, 2)]


# Its WebSocket library can neither send 1012 nor answer a handshake with another status.
DAPHNE = Case(server="Daphne", processes=1, module="daphne", code=4012, refusal=403)
CHAINS = {
    "Channels": (
        *both("Uvicorn", "uvicorn"),
        DAPHNE,
        *both("Hypercorn", "hypercorn"),
        *both("Granian", "granian"),
        *both("GunicornUvicorn", "gunicorn"),
    ),
    "Django": (*both("Gunicorn", "gunicorn"),),
}
"""By framework, in the order of the rollouts; after the last comes the first."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """The application of one framework, with the clients that stay as long as it does."""

    framework: str
    host: str
    kubectl: Kubectl
    watch: DepartureWatch
    fleet: Fleet | None

    async def move(self, case: Case) -> None:
        """Give the web tier another server and wait until only its pods are left."""
        web = {"server": case.server, "processesPerPod": case.processes}
        await asyncio.to_thread(self.kubectl.patch, "rta", "servers", {"spec": {"web": web}})
        await self.await_settled(case)

    async def await_settled(self, case: Case) -> None:
        async def settled() -> bool:
            return await asyncio.to_thread(self.is_settled, case)

        await eventually_async(settled, within=SETTLE_SECONDS, what=f"only pods of {case}", interval=0.5)

    def is_settled(self, case: Case) -> bool:
        return is_settled(self.kubectl, "servers") and all(
            pod["spec"]["containers"][0]["args"][1] == case.module for pod in self.pods()
        )

    def pods(self) -> list[dict[str, Any]]:
        return self.kubectl.web_pods("servers")

    def read_web(self) -> tuple[Any, Any]:
        web = self.kubectl.get("rta", "servers")["spec"]["web"]
        return web["server"], web["processesPerPod"]

    async def ask_pods(self) -> list[dict[str, Any]]:
        """What each pod answers to its probes, and its metrics by name."""
        return await asyncio.to_thread(
            lambda: [self._ask_pod(pod["metadata"]["name"]) for pod in self.pods()]
        )

    def _ask_pod(self, pod: str) -> dict[str, Any]:
        done = self.kubectl.run("exec", pod, "-c", "web", "--", "python3", "-c", ASK)
        answers: dict[str, Any] = json.loads(done.stdout)
        lines = (line.rpartition(" ") for line in answers["metrics"].splitlines() if line[0] != "#")
        return {**answers, "metrics": {name: float(value) for name, _, value in lines}}

    async def count_sockets(self) -> int:
        """Open sockets as the pods count them."""
        return sum(
            int(pod["metrics"]['realtimeapp_connections{kind="websocket"}']) for pod in await self.ask_pods()
        )

    async def is_full_fleet(self) -> bool:
        return self.fleet is None or self.fleet.connected == self.fleet.size


ASK = """
import json, urllib.request
def ask(what):
    with urllib.request.urlopen("http://127.0.0.1:8000/.realtimeapp/" + what, timeout=10) as answer:
        return answer.read().decode()
print(json.dumps({what: ask(what) for what in ("healthz", "readyz", "metrics")}))
"""
"""Runs in the pod: nobody else gets an answer."""


def manifest(framework: str, host: str, case: Case) -> dict[str, Any]:
    sockets: dict[str, Any] = {
        "connections": {"maxPerPod": CAP},
        "rollout": {
            "strategy": "SurgeAll",
            "maxReconnectsPerSecond": RATE,
            "drainTimeoutSeconds": DRAIN_SECONDS,
        },
    }
    requests: dict[str, Any] = {"rollout": {"drainTimeoutSeconds": DRAIN_SECONDS}}
    return {
        "apiVersion": "realtimeapp.dev/v1alpha1",
        "kind": "RealtimeApp",
        "metadata": {"name": "servers"},
        "spec": {
            "image": "localhost/e2e-servers:1",
            "framework": framework,
            "django": {"settingsModule": "echo.settings"},
            "web": {
                "replicas": 1,
                "server": case.server,
                "processesPerPod": case.processes,
                **(sockets if case.sockets else requests),
            },
            "redis": {"standalone": {"maxMemory": "64Mi", "storage": {"reclaim": "Delete"}}},
            "migrations": {"policy": "Disabled"},
            "checks": {"deploy": "Off"},
            "cleanup": [],
            # The cookie keeps the slow requests at the pod that goes; without one they leave it at once.
            "ingress": {"className": "traefik", "hosts": [host], "affinity": {"type": "Cookie"}},
        },
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(cluster: Kubectl, operator: Kubectl, request: pytest.FixtureRequest) -> AsyncIterator[Site]:
    framework: str = request.param
    async with AsyncExitStack() as stack:
        kubectl = stack.enter_context(new_namespace(cluster))
        assert operator, "installed"
        host = f"{kubectl.namespace}.localhost"
        first = CHAINS[framework][0]
        await asyncio.to_thread(kubectl.apply, manifest(framework, host, first))
        selector = "app.kubernetes.io/instance=servers,app.kubernetes.io/component=web"
        watch = await stack.enter_async_context(DepartureWatch(kubectl=kubectl, selector=selector))
        fleet = Fleet(host=host, path="/ws/echo/", size=SOCKETS) if first.sockets else None
        site = Site(framework=framework, host=host, kubectl=kubectl, watch=watch, fleet=fleet)
        await site.await_settled(first)
        await await_edge(host, LIGHT)
        if fleet is not None:
            await stack.enter_async_context(fleet)
        yield site


@pytest.fixture(autouse=True)
def _scene(site: Site, operator: Kubectl, request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if request.node.stash.get(failed, False):
        print_scene(site.kubectl, operator)


@pytest.mark.parametrize(
    ("site", "case"),
    [pytest.param(framework, case, id=str(case)) for framework, chain in CHAINS.items() for case in chain],
    indirect=["site"],
    scope="module",  # what is parametrised here would otherwise live for one case
)
async def test_a_server_loses_nothing(
    site: Site, case: Case, keep_line: Callable[[tuple[str, ...]], None]
) -> None:
    if await asyncio.to_thread(site.read_web) != (case.server, case.processes):
        await site.move(case)
    await check_at_rest(site, case)
    if case.sockets:
        await check_cap(site, case)

    chain = CHAINS[site.framework]
    following = chain[(chain.index(case) + 1) % len(chain)]
    (old,) = await asyncio.to_thread(site.pods)
    name, uid = old["metadata"]["name"], old["metadata"]["uid"]
    async with AsyncExitStack() as stack:
        visitor = await stack.enter_async_context(
            Visitor(host=site.host, path=LIGHT, rate=10 if case.sockets else 5)
        )
        slow = [await stack.enter_async_context(one) for one in slow_visitors(site, case)]
        await eventually_async(lambda: all_answered(slow), within=30, what="every slow visitor answered once")
        began = time.monotonic()
        await site.move(following)
        settled = time.monotonic() - began
        await eventually_async(site.is_full_fleet, within=40, what="all sockets back")
    departure = site.watch.departures[uid]

    in_flight = sum(one.count_finished(name, after=departure.asked_at) for one in slow)
    closes = site.fleet.codes(since=began) if site.fleet else {}
    peak = site.fleet.peak_per_second(since=began) if site.fleet else 0
    failures = [failure for one in slow for failure in one.failures]
    keep_line(
        (
            case.server,
            str(case.processes),
            str(case.sockets or "-"),
            say_closes(closes),
            str(peak or "-"),
            f"{in_flight} of {in_flight + len(failures)}",
            f"{sum(visitor.errors.values())} of {visitor.total}",
            f"{departure.seconds:.1f} s",
            f"{settled:.1f} s",
        )
    )
    check_end(departure)
    assert not visitor.errors, visitor.errors
    assert visitor.total >= 50, "a visit that was none proves nothing"
    assert not failures, failures
    assert in_flight >= 1, "a slow request must be in the pod's hands when it is asked to go"
    if site.fleet is not None:
        check_closes(site.fleet, case, since=began)
        first = site.fleet.since(began)[0].at
        assert sum(one.count_finished(name, after=first) for one in slow) >= 1, "requests outlast the closes"


async def check_at_rest(site: Site, case: Case) -> None:
    """Ready, probes that answer, as many processes as were asked for, and the sockets that the clients hold."""
    await asyncio.to_thread(site.kubectl.await_condition, "servers", "Ready", within=30)
    await eventually_async(site.is_full_fleet, within=40, what="all sockets open")
    pods = await site.ask_pods()
    assert len(pods) == 1
    for pod in pods:
        assert (pod["healthz"], pod["readyz"]) == ("ok\n", "ok\n")
        assert pod["metrics"]["realtimeapp_processes"] == case.processes
        assert pod["metrics"]["realtimeapp_draining"] == 0
    await eventually_async(lambda: counts(site, case.sockets), within=10, what="the pods count what is open")


async def check_cap(site: Site, case: Case) -> None:
    """The pod takes what fits, echoes, and refuses the next one as its server can."""
    async with AsyncExitStack() as stack:
        for number in range(CAP - case.sockets):
            socket = await stack.enter_async_context(open_socket(site))
            await socket.send(f"hello {number}")
            assert await asyncio.wait_for(socket.recv(), timeout=10) == f"hello {number}"
        assert await site.count_sockets() == CAP
        with pytest.raises(InvalidStatus) as refused:
            await open_socket(site)
    response = refused.value.response
    assert response.status_code == case.refusal
    if case.refusal == 503:
        assert int(response.headers["Retry-After"]) >= 1
    await eventually_async(lambda: counts(site, case.sockets), within=10, what="the extra sockets gone")


def check_end(departure: Departure) -> None:
    """The server ended by itself, well, in time."""
    assert departure.exit_codes == {"web": 0}, departure
    assert departure.grace_seconds == LAG_SECONDS + DRAIN_SECONDS + 10 + 7
    assert departure.seconds < departure.grace_seconds - 2, "SIGKILL was near"


def check_closes(fleet: Fleet, case: Case, *, since: float) -> None:
    """Each socket was moved once, with the server's code, one after the other at the pace."""
    assert fleet.codes(since) == {case.code: SOCKETS}
    assert max(fleet.closes_by_client(since).values()) == 1, "each client reconnects once"
    assert fleet.peak_per_second(since) <= RATE
    assert fleet.spread(since) >= 0.6 * SOCKETS / PACE, "closes come one by one, not at once"


def slow_visitors(site: Site, case: Case) -> list[SlowVisitor]:
    """As many as keep one request in the pod's hands at every moment and leave Gunicorn's workers for others in between."""
    seconds, number = (4.0, 3) if case.sockets else (2.0, case.processes)
    return [
        SlowVisitor(host=site.host, path="/slow/", seconds=seconds, after=index * seconds / number)
        for index in range(number)
    ]


async def all_answered(slow: list[SlowVisitor]) -> bool:
    return all(one.answers for one in slow)


async def counts(site: Site, sockets: int) -> bool:
    return await site.count_sockets() == sockets


def open_socket(site: Site) -> connect:
    """A handshake from an address of its own, without compression."""
    return connect(
        f"ws://{site.host}/ws/echo/",
        host="127.0.0.1",
        port=80,
        origin=f"http://{site.host}",  # type: ignore[arg-type]  # a NewType of str
        compression=None,
        proxy=None,
    )
