"""`make bench-apps`: memory of an idle WebSocket and of an idle process, per framework and server, with the runtime and without.

    python -m hack.bench.apps [--sockets 1000] [--site Channels] [--server Uvicorn]

Each pair of measurements starts the same application twice under the same server with the same options: once as its own guide
starts it, once through the launcher with overlay and wrapper. Memory is the proportional set size of all processes of the server:
after 20 sockets came and stayed ("idle process"), and the difference per socket after `--sockets` more. Redis is real, one for all.
Exit code 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import dataclass
from typing import Final

from hack.bench.limits import raise_file_limit
from hack.bench.serving import HOST, MAX_PER_POD, Rendered, serve
from hack.bench.sites import ASGI_SERVERS, SITES, Site, hold
from hack.clients.ports import find_port
from hack.clients.redis_server import scratch_redis
from realtimeapp_operator import names
from realtimeapp_operator.api.parse import parse
from realtimeapp_operator.render.facts import Facts
from realtimeapp_operator.render.objects import render

WARM_UP: Final = 20
ADDED_KIB: Final = 5.0
"""Most the runtime may add per socket."""
ADDED_MIB: Final = 15.0
"""Most the runtime may add per process."""
SOCKETS: Final = {
    "connections": {"maxPerPod": MAX_PER_POD},
    "rollout": {"maxReconnectsPerSecond": MAX_PER_POD},
}
SETTLE_SECONDS: Final = 2.0
"""Asking a page leaves garbage; a short rest makes two readings alike. Nothing waits for it to be long enough."""


@dataclass(frozen=True, kw_only=True)
class Weight:
    """Processes and MiB of the idle server, KiB of each further socket."""

    processes: int
    process_mib: float
    socket_kib: float


@dataclass(frozen=True, kw_only=True)
class Row:
    """One framework on one server, plain and with the runtime."""

    site: Site
    server: str
    plain: Weight
    runtime: Weight

    def misses(self) -> list[str]:
        """Return the targets this row misses, in words."""
        found = []
        if self.runtime.socket_kib - self.plain.socket_kib > ADDED_KIB:
            found.append(f"the runtime adds more than {ADDED_KIB:g} KiB per socket")
        if self.runtime.process_mib - self.plain.process_mib > ADDED_MIB * self.runtime.processes:
            found.append(f"the runtime adds more than {ADDED_MIB:g} MiB per process")
        if self.server == "Uvicorn" and self.runtime.socket_kib > self.site.target_kib:
            found.append(f"a socket takes more than {self.site.target_kib:g} KiB")
        return found


def main() -> int:
    """Measure every pair, print a line each as it is known; return the exit code."""
    parser = argparse.ArgumentParser(prog="hack.bench.apps", description=__doc__)
    parser.add_argument("--sockets", type=int, default=1000, help="default: %(default)s")
    parser.add_argument("--site", choices=sorted(SITES), action="append", help="default: all")
    parser.add_argument("--server", choices=(*ASGI_SERVERS, "Gunicorn"), action="append", help="default: all")
    options = parser.parse_args()
    raise_file_limit(options.sockets + WARM_UP + 100)
    print(
        f"{'framework':<10}{'server':<17}{'processes':>9}{'idle MiB: plain':>16}{'runtime':>9}{'added':>8}"
        f"{'KiB/socket: plain':>20}{'runtime':>9}{'added':>8}"
    )
    missed = []
    with scratch_redis() as redis_port:
        for name in options.site or SITES:
            for server in SITES[name].servers:
                if options.server and server not in options.server:
                    continue
                row = compare(SITES[name], server, sockets=options.sockets, redis_port=redis_port)
                print_row(row)
                missed += [f"{name} on {server}: {text}" for text in row.misses()]
    print("\n".join(missed) or "every target is met")
    return 1 if missed else 0


def compare(site: Site, server: str, *, sockets: int, redis_port: int) -> Row:
    """Weigh one pair."""
    plain, runtime = (
        asyncio.run(weigh(site, server, runtime=runtime, sockets=sockets, redis_port=redis_port))
        for runtime in (False, True)
    )
    return Row(site=site, server=server, plain=plain, runtime=runtime)


async def weigh(site: Site, server: str, *, runtime: bool, sockets: int, redis_port: int) -> Weight:
    """Weigh one server, started for this."""
    port = find_port()
    with serve(
        site, render_web(site, server, port), port=port, runtime=runtime, redis_port=redis_port
    ) as serving:
        async with hold(site, port=port, count=WARM_UP):
            await asyncio.sleep(SETTLE_SECONDS)
            before, processes = serving.memory_kib(), serving.count_processes()
            if not site.path:
                return Weight(processes=processes, process_mib=before / 1024, socket_kib=0.0)
            async with hold(site, port=port, count=sockets):
                await asyncio.sleep(SETTLE_SECONDS)
                after = serving.memory_kib()
    return Weight(processes=processes, process_mib=before / 1024, socket_kib=(after - before) / sockets)


def print_row(row: Row) -> None:
    """Print one line of the table."""
    plain, runtime = row.plain, row.runtime
    sockets = (
        f"{plain.socket_kib:>20.1f}{runtime.socket_kib:>9.1f}{runtime.socket_kib - plain.socket_kib:>+8.1f}"
    )
    print(
        f"{row.site.name:<10}{row.server:<17}{runtime.processes:>9}"
        f"{plain.process_mib:>16.1f}{runtime.process_mib:>9.1f}{runtime.process_mib - plain.process_mib:>+8.1f}"
        f"{sockets if row.site.path else ''}",
        flush=True,
    )


def render_web(site: Site, server: str, port: int) -> Rendered:
    """Return what the operator renders for the web pods of `site`."""
    app = parse(
        {
            "apiVersion": "realtimeapp.dev/v1alpha1",
            "kind": "RealtimeApp",
            "metadata": {"name": "bench", "namespace": "bench"},
            "spec": {
                "image": "bench:1",
                "framework": site.framework,
                "django": {"settingsModule": site.settings_module, "allowedHosts": [HOST]},
                "trustedProxies": {"hops": 1},
                "web": {"server": server, "port": port, **(SOCKETS if site.path else {})},
            },
        }
    )
    facts = Facts(runtime_image="runtime:1", redis_image="redis:1", pull_policy="Never", edge=None)
    items = render(app, facts)
    web = next(item for item in items if item["kind"] == "Deployment")
    settings = next(
        item["data"] for item in items if item["kind"] == "ConfigMap" and names.SETTINGS_FILE in item["data"]
    )
    return Rendered(
        arguments=tuple(web["spec"]["template"]["spec"]["containers"][0]["args"]),
        settings=json.loads(settings[names.SETTINGS_FILE]),
    )


if __name__ == "__main__":
    sys.exit(main())
