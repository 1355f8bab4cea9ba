"""`python -m hack.bench.pauses`: how long a server's process stands still while its sockets come, with the runtime and without.

    python -m hack.bench.pauses [--sockets 5000] [--site Channels] [--server Uvicorn]

While sockets come, somebody asks for a page of the same process again and again. The longest answer is what the collector of
CPython makes everybody wait who is connected there; the median is what a page takes. Both sides run one after the other on the same
machine, so their ratio means something where their seconds do not. Exit code 1 when the runtime's longest answer is the longer one.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import http.client
import statistics
import sys
import threading
import time
from http import HTTPStatus
from typing import Final, Self

from hack.bench.apps import render_web
from hack.bench.limits import raise_file_limit
from hack.bench.serving import HOST, serve
from hack.bench.sites import ASGI_SERVERS, SITES, Site, hold
from hack.clients.ports import find_port
from hack.clients.redis_server import scratch_redis

PAUSE_SECONDS: Final = 0.01
ANSWER_SECONDS: Final = 30.0


class Visitor:
    """Asks for the page in a thread of its own, as a context; `seconds` has how long each answer took."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
        self._leaves = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self._failure = ""
        self.seconds: list[float] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leaves.set()
        self._thread.join()
        self._connection.close()
        assert not self._failure, f"the page was not answered: {self._failure}"

    def _ask(self) -> None:
        while not self._failure:
            began = time.perf_counter()
            try:
                self._connection.request(
                    "GET", "/", headers={"Host": HOST, "X-Forwarded-For": "198.51.100.1"}
                )
                answer = self._connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as error:
                self._failure = repr(error)
                return
            self.seconds.append(time.perf_counter() - began)
            if answer.status != HTTPStatus.OK:
                self._failure = f"status {answer.status}"
            if self._leaves.wait(PAUSE_SECONDS):
                return


def main() -> int:
    """Measure both sides, print a line each; return the exit code."""
    parser = argparse.ArgumentParser(prog="hack.bench.pauses", description=__doc__)
    parser.add_argument("--sockets", type=int, default=5000, help="default: %(default)s")
    parser.add_argument("--site", choices=[name for name in SITES if SITES[name].path], default="Channels")
    parser.add_argument("--server", choices=ASGI_SERVERS, default="Uvicorn")
    options = parser.parse_args()
    raise_file_limit(options.sockets + 100)
    gc.disable()  # the clients' own passes would be taken for the server's
    print(f"{options.site} on {options.server}, {options.sockets} sockets come")
    print(f"{'':<10}{'pages':>8}{'median':>10}{'99 of 100':>12}{'longest':>10}")
    longest = []
    with scratch_redis() as redis_port:
        for name, runtime in (("plain", False), ("runtime", True)):
            seconds = asyncio.run(
                visit(
                    SITES[options.site],
                    options.server,
                    runtime=runtime,
                    sockets=options.sockets,
                    redis_port=redis_port,
                )
            )
            longest.append(seconds[-1])
            print(
                f"{name:<10}{len(seconds):>8}{statistics.median(seconds) * 1000:>7.0f} ms"
                f"{seconds[len(seconds) * 99 // 100] * 1000:>9.0f} ms{seconds[-1] * 1000:>7.0f} ms",
                flush=True,
            )
    plain, ours = longest
    print(f"the longest answer is {ours / plain:.2f} of what it is without the runtime")
    return 1 if ours > plain else 0


async def visit(site: Site, server: str, *, runtime: bool, sockets: int, redis_port: int) -> list[float]:
    """Return how long each page took while the sockets came, in seconds, the shortest first."""
    port = find_port()
    with serve(site, render_web(site, server, port), port=port, runtime=runtime, redis_port=redis_port):
        async with hold(site, port=port, count=1):  # the first request loads what is loaded late
            with Visitor(port) as visitor:
                async with hold(site, port=port, count=sockets):
                    pass
    return sorted(visitor.seconds)


if __name__ == "__main__":
    sys.exit(main())
