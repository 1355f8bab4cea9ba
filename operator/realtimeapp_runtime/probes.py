"""The paths under /.realtimeapp/, answered before Django: no host check, no middleware, no database.

A request that came through a proxy gets 404, so that nothing here is seen from outside even where an edge forwards every path.
Readiness says one thing only, whether the pod drains: a full pod, or one whose Redis is away, must stay in the Service.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from realtimeapp_runtime import drain_flag, forwarded, ledger, metrics

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from realtimeapp_runtime.connection import Send

PREFIX: Final = "/.realtimeapp/"


class Answer(NamedTuple):
    """What a probe gets, whatever interface it came by."""

    status: int
    body: bytes
    content_type: bytes = b"text/plain; charset=utf-8"

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Headers of the response."""
        return [
            (b"content-type", self.content_type),
            (b"content-length", str(len(self.body)).encode()),
            (b"cache-control", b"no-store"),
        ]


def find_answer(path: str, headers: Iterable[tuple[bytes, bytes]], run_dir: Path) -> Answer:
    """Return the answer to a request for `path`, which is below PREFIX."""
    what = path[len(PREFIX) :]
    if forwarded.came_through_proxy(headers):
        return Answer(404, b"not found\n")
    if what == "healthz":
        return Answer(200, b"ok\n")
    if what == "readyz":
        if not drain_flag.is_set(run_dir):
            return Answer(200, b"ok\n")
        drain_flag.note_told(run_dir, time.monotonic())
        return Answer(503, b"draining\n")
    if what == "metrics":
        text = metrics.render(
            alive=ledger.read_all(run_dir),
            departed=ledger.read_departed(run_dir),
            draining=drain_flag.is_set(run_dir),
        )
        return Answer(200, text.encode(), metrics.CONTENT_TYPE)
    return Answer(404, b"not found\n")


async def answer(scope: dict[str, Any], send: Send, run_dir: Path) -> None:
    """Answer one ASGI request below PREFIX."""
    found = find_answer(scope["path"], scope["headers"], run_dir)
    await send({"type": "http.response.start", "status": found.status, "headers": found.headers})
    await send({"type": "http.response.body", "body": found.body})
