"""The paths under /.realtimeapp/, answered before Django: no host check, no middleware, no database.

A request that came through a proxy gets 404, so that nothing here is seen from outside even where an edge forwards every path.
Readiness says one thing only, whether the pod drains: a full pod, or one whose Redis is away, must stay in the Service.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from realtimeapp_runtime import drain_flag, forwarded, ledger, metrics

if TYPE_CHECKING:
    from pathlib import Path

    from realtimeapp_runtime.connection import Send

PREFIX: Final = "/.realtimeapp/"
_TEXT: Final = b"text/plain; charset=utf-8"


async def answer(scope: dict[str, Any], send: Send, run_dir: Path) -> None:
    """Answer one HTTP request below PREFIX."""
    what = scope["path"][len(PREFIX) :]
    if forwarded.came_through_proxy(scope["headers"]):
        await _reply(send, 404, b"not found\n")
    elif what == "healthz":
        await _reply(send, 200, b"ok\n")
    elif what == "readyz":
        draining = drain_flag.is_set(run_dir)
        await _reply(send, 503 if draining else 200, b"draining\n" if draining else b"ok\n")
    elif what == "metrics":
        text = metrics.render(
            alive=ledger.read_all(run_dir),
            departed=ledger.read_departed(run_dir),
            draining=drain_flag.is_set(run_dir),
        )
        await _reply(send, 200, text.encode(), metrics.CONTENT_TYPE)
    else:
        await _reply(send, 404, b"not found\n")


async def _reply(send: Send, status: int, body: bytes, content_type: bytes = _TEXT) -> None:
    headers = [
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
