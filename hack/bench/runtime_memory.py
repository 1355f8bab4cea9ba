"""What the runtime's ASGI wrapper costs per open WebSocket: the same server and application, with and without it, in one run.

    python -m hack.bench.runtime_memory [--sockets 2000] [--rounds 3]

Each measurement is a fresh uvicorn process (compression off). Its resident memory is read with a few sockets open, after warming
up, and again with `--sockets` more, every one of which has exchanged a message; the difference is divided by their number. The
application keeps what a Channels consumer keeps: a task waiting for the socket and a task waiting for the channel layer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import ClientConnection, connect

from hack.bench.limits import raise_file_limit
from hack.clients.ports import find_port

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ROOT = Path(__file__).resolve().parents[2]
WARM_UP = 200
TARGET_KIB = 5.0


async def bare(
    scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
) -> None:
    """Serve one WebSocket as a Channels consumer does, without Channels."""
    if scope["type"] != "websocket":
        return
    layer: asyncio.Queue[Any] = asyncio.Queue()
    sources: list[Callable[[], Awaitable[Any]]] = [receive, layer.get]
    tasks = [asyncio.ensure_future(source()) for source in sources]
    while True:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for index, task in enumerate(tasks):
            if not task.done():
                continue
            message = task.result()
            if message["type"] == "websocket.disconnect":
                tasks[1].cancel()
                return
            if message["type"] == "websocket.connect":
                await send({"type": "websocket.accept"})
            else:
                await send({"type": "websocket.send", "text": message["text"]})
            tasks[index] = asyncio.ensure_future(sources[index]())


def wrapped() -> Any:  # noqa: ANN401 - an ASGI application made from the environment
    """Return `bare` in the wrapper, as the pods run it."""
    from realtimeapp_runtime import config, paths  # noqa: PLC0415 - the process without the wrapper must not load it
    from realtimeapp_runtime.forwarded import TrustedProxies  # noqa: PLC0415
    from realtimeapp_runtime.wrapper import Wrapper  # noqa: PLC0415

    settings = config.parse(
        {"version": 1, "framework": "Channels", "settingsModule": "none", "connections": {"maxPerPod": 10**6}}
    )
    return Wrapper(bare, config=settings, proxies=TrustedProxies(hops=1), run_dir=paths.run_dir())


def main() -> None:
    """Measure both, alternating, and print one line each."""
    parser = argparse.ArgumentParser(description="Memory of the runtime's wrapper per open WebSocket.")
    parser.add_argument("--sockets", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    raise_file_limit(options.sockets + WARM_UP + 100)
    results: dict[str, list[float]] = {"bare": [], "wrapped": []}
    for _ in range(options.rounds):
        for name, figures in results.items():
            figures.append(asyncio.run(measure(name, options.sockets)))
    medians = {name: statistics.median(figures) for name, figures in results.items()}
    for name, figures in results.items():
        print(
            f"{name:8} {medians[name]:6.2f} KiB per socket  ({', '.join(f'{figure:.2f}' for figure in figures)})"
        )
    cost = medians["wrapped"] - medians["bare"]
    print(f"wrapper  {cost:6.2f} KiB per socket with {options.sockets} sockets; target <= {TARGET_KIB:g}")
    sys.exit(0 if cost <= TARGET_KIB else 1)


async def measure(name: str, sockets: int) -> float:
    """Return KiB of resident memory per socket of one server process."""
    with tempfile.TemporaryDirectory() as run_dir:
        port = find_port()
        process = _start(name, port, run_dir)
        try:
            opened = await _open(port, WARM_UP)
            before = _read_resident_kib(process.pid)
            opened += await _open(port, sockets)
            after = _read_resident_kib(process.pid)
            for connection in opened:
                connection.transport.abort()
        finally:
            process.kill()
            process.wait()
    return (after - before) / sockets


def _start(name: str, port: int, run_dir: str) -> subprocess.Popen[bytes]:
    application = (
        ["hack.bench.runtime_memory:bare"]
        if name == "bare"
        else ["--factory", "hack.bench.runtime_memory:wrapped"]
    )
    arguments = [
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--ws-per-message-deflate",
        "false",
        "--log-level",
        "warning",
    ]
    path = os.pathsep.join((str(ROOT), str(ROOT / "operator")))
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": path, "REALTIMEAPP_RUN_DIR": run_dir}
    return subprocess.Popen(
        [sys.executable, "-m", "uvicorn", *arguments, "--no-proxy-headers", *application],
        env=environment,
        cwd=ROOT,
    )


async def _open(port: int, count: int) -> list[ClientConnection]:
    """Open `count` sockets that look as if they came through an edge, and exchange one message with each."""
    headers = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "http", "User-Agent": "bench"}
    opened: list[ClientConnection] = []
    deadline = asyncio.get_running_loop().time() + 30
    while len(opened) < count:
        try:
            connection = await connect(
                f"ws://127.0.0.1:{port}/ws/room/",
                additional_headers=headers,
                ping_interval=None,
                compression=None,
            )
        except OSError:
            if opened or asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(0.1)  # the server is still starting
            continue
        await connection.send(json.dumps({"number": len(opened)}))
        await connection.recv()
        opened.append(connection)
    return opened


def _read_resident_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError(f"process {pid} has no VmRSS")


if __name__ == "__main__":
    main()
