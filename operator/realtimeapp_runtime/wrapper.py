"""The ASGI application the server runs: probes first, then the truth about the client, then admission, then the user's application."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from realtimeapp_runtime import (
    admission,
    balance,
    edge_probe,
    exchange,
    garbage,
    ledger,
    log,
    probes,
    websocket,
)
from realtimeapp_runtime.affinity import Affinity
from realtimeapp_runtime.board import Board
from realtimeapp_runtime.connection import Process
from realtimeapp_runtime.crowd import Crowd
from realtimeapp_runtime.drain import Drainer
from realtimeapp_runtime.granian_websocket import GranianWebSocket
from realtimeapp_runtime.relief import Relief

if TYPE_CHECKING:
    from pathlib import Path

    from realtimeapp_runtime.config import Config
    from realtimeapp_runtime.connection import Application, Receive, Send
    from realtimeapp_runtime.forwarded import TrustedProxies


class Wrapper:
    """Callable as ASGI 3; one per server process."""

    def __init__(
        self, application: Application, *, config: Config, proxies: TrustedProxies, run_dir: Path
    ) -> None:
        self._application = application
        self._proxies = proxies
        self._run_dir = run_dir
        self._book = ledger.Ledger(run_dir)
        revision = os.environ.get(edge_probe.REVISION_VARIABLE, "")
        self._board = Board(config, self._book, revision=revision)
        self._crowd = crowd = Crowd()
        self._drainer = Drainer(
            settings=config.drain, run_dir=run_dir, book=self._book, board=self._board, crowd=crowd
        )
        self._relief = Relief(
            config=config, crowd=crowd, book=self._book, board=self._board, drainer=self._drainer
        )
        self._affinity = Affinity(
            name=config.affinity_cookie,
            secure=config.tls,
            close_code=config.drain.close_code,
            server=config.server.name,
        )
        self._admission = admission.Admission(
            book=self._book, drainer=self._drainer, max_per_pod=config.max_per_pod
        )
        self._process = Process(
            book=self._book,
            crowd=crowd,
            drainer=self._drainer,
            close_code=config.drain.close_code,
            max_age_seconds=config.max_age_seconds,
            websocket=GranianWebSocket if config.server.name == "Granian" else websocket.WebSocket,
        )
        self._edge_probe = edge_probe.EdgeProbe(
            paths=config.websocket_paths,
            hosts=config.hosts,
            origins=config.csrf_trusted_origins,
            revision=revision,
        )
        self._max_per_pod = config.max_per_pod
        self._watchers: list[asyncio.Task[None]] = []

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve one connection of any type."""
        if not self._watchers:
            self._start()
        kind = scope["type"]
        if kind == "websocket":
            await self._serve_websocket(scope, receive, send)
        elif kind == "http":
            await self._serve_http(scope, receive, send)
        else:
            await self._application(scope, receive, send)

    def _start(self) -> None:
        """Join the other processes of the pod: at the first scope, because only then the event loop runs."""
        self._book.open()
        self._board.start()
        log.write(f"serving, at most {self._max_per_pod} long-lived connections in the pod")
        loop = asyncio.get_running_loop()
        self._watchers = [loop.create_task(self._drainer.watch()), loop.create_task(self._relief.watch())]
        for watcher in self._watchers:
            watcher.add_done_callback(_report_end)
        garbage.SettingAside(
            count_open=lambda: len(self._crowd.open),
            count_closed=self._book.count_closed,
            is_moving=lambda: self._drainer.begun or self._relief.sheds,
        ).begin()

    async def _serve_websocket(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if self._edge_probe.takes(scope):
            leaving = edge_probe.Refusal(503, admission.DRAINING) if self._drainer.refuses() else None
            refused = leaving or self._edge_probe.find_refusal(scope["headers"])
            await self._edge_probe.answer(scope, receive, send, refused)
            return
        ours = edge_probe.is_ours(scope)
        refusal = self._admission.find_refusal()
        if refusal == admission.FULL and not ours and self._can_go_elsewhere(scope):
            await self._send_on(scope, receive, send)
            return
        if refusal is not None:
            self._book.cells[ledger.REFUSED["websocket"]] += 1
            if ours:
                await self._edge_probe.answer(scope, receive, send, edge_probe.Refusal(503, refusal))
            else:
                await admission.refuse_websocket(scope, send, refusal)
            return
        if self._affinity.leads(scope) and self._relief.sends_on():
            await self._send_on(scope, receive, send)
            return
        self._proxies.rewrite(scope)
        application = self._edge_probe.show(self._application) if ours else self._application
        await websocket.serve(application, scope, receive, send, self._process)

    def _can_go_elsewhere(self, scope: dict[str, Any]) -> bool:
        """Tell whether it is only the cookie that leads this client to a full pod, while another has room."""
        view = self._board.view
        there = view is not None and balance.is_room_elsewhere(view, most=self._max_per_pod)
        return there and self._affinity.leads(scope)

    async def _send_on(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        self._book.cells[ledger.UNPINNED["websocket"]] += 1
        await self._affinity.send_socket_on(scope, receive, send)

    async def _serve_http(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["path"].startswith(probes.PREFIX):
            await probes.answer(scope, send, self._run_dir)
            return
        if exchange.wants_stream(scope):
            refusal = self._admission.find_refusal()
            if refusal is not None:
                self._book.cells[ledger.REFUSED["stream"]] += 1
                await admission.refuse_request(send, refusal)
                return
            if self._affinity.leads(scope) and self._relief.sends_on():
                self._book.cells[ledger.UNPINNED["stream"]] += 1
                await self._affinity.redirect_stream(scope, send)
                return
        self._proxies.rewrite(scope)
        await exchange.serve(self._application, scope, receive, send, self._process)


def _report_end(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.write(f"a watcher ended: {task.exception()!r}")
