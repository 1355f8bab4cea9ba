"""The shared board: a hash in the application's Redis in which every server process of every web pod writes its row.

A daemon thread with a plain client reads and writes it, so that a Redis that is slow, away or never there costs the event loop
nothing. Without it everybody goes on at the pace of its own pod. Nothing here decides anything; see share.py.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from realtimeapp_runtime import credentials, failure, fleet, ledger, log

if TYPE_CHECKING:
    from realtimeapp_runtime.config import Config

REPLY_SECONDS: Final = 1.0
KEY: Final = "fleet"
"""After the application's prefix, in the database of the state."""
KEPT_SECONDS: Final = 3600
"""How long the board outlives the last process that wrote to it."""
SWEPT_SECONDS: Final = 60
"""A row this old is removed by whoever sees it."""
REVISION_VARIABLE: Final = "REALTIMEAPP_REVISION"


class Board:
    """What this process has read last, and the thread that keeps it up to date."""

    def __init__(self, config: Config, book: ledger.Ledger) -> None:
        self._config = config
        self._book = book
        self._pod = os.environ.get("HOSTNAME") or socket.gethostname()
        self._revision = os.environ.get(REVISION_VARIABLE, "")
        self._client: Any = None
        self._ahead: float | None = None
        self._closes_from: float | None = None
        self._reached: bool | None = None
        self._awake = threading.Event()
        self.view: fleet.View | None = None

    def start(self) -> None:
        """Begin to read and write, where the application has a Redis."""
        if self._config.redis is not None:
            key = f"{self._config.redis.key_prefix}{KEY}"
            threading.Thread(target=self._run, args=(key,), name="realtimeapp-board", daemon=True).start()

    def announce_drain(self, closes_from: float) -> None:
        """Say at once that this process closes its connections from `closes_from` (monotonic) on."""
        self._closes_from = closes_from
        self._awake.set()

    def find_fresh_view(self) -> fleet.View | None:
        """Return the board, unless Redis has been silent for so long that others may have changed their minds."""
        view = self.view
        return view if view is not None and view.is_fresh(time.monotonic()) else None

    def _run(self, key: str) -> None:
        try:
            import redis  # noqa: F401, PLC0415 - may be absent from the image
        except ImportError:
            log.write("board: the image has no package redis; this pod drains at its own pace")
            return
        while True:
            self._awake.clear()
            try:
                self._beat(key)
            except Exception as error:  # noqa: BLE001 - a thread that ends would silently leave the fleet
                self._note_reached(error)
                self._client = None
            else:
                self._note_reached(None)
            self._awake.wait(self._period)

    @property
    def _period(self) -> float:
        return fleet.REST_SECONDS if self._closes_from is None else fleet.BUSY_SECONDS

    def _beat(self, key: str) -> None:
        """Write the row and read everybody's, in one round trip."""
        if self._client is None:
            self._client = _connect(self._config)
        if self._ahead is None:
            self._ahead = _read_clock(self._client.time()) - time.monotonic()
        own = f"{self._pod}/{os.getpid()}"
        began = time.monotonic()
        batch = self._client.pipeline(transaction=False)
        batch.time()
        batch.hset(key, own, fleet.encode(self._describe(began, self._ahead)))
        batch.expire(key, KEPT_SECONDS)
        batch.hgetall(key)
        clock, _, _, texts = batch.execute()
        ended = time.monotonic()
        now = _read_clock(clock)
        self._ahead = now - (began + ended) / 2
        decoded = ((name, fleet.decode(text)) for name, text in texts.items())
        found = {name: row for name, row in decoded if row is not None}
        rows = {name: row for name, row in found.items() if not row.is_gone(now)}
        self.view = fleet.View(own=own, rows=rows, read_at=ended, ahead=self._ahead)
        forgotten = [name for name, row in found.items() if now - row.at > SWEPT_SECONDS]
        if forgotten:
            self._client.hdel(key, *forgotten)

    def _describe(self, now: float, ahead: float) -> fleet.Row:
        cells = self._book.cells
        return fleet.Row(
            pod=self._pod,
            revision=self._revision,
            open=cells[ledger.WEBSOCKETS] + cells[ledger.STREAMS],
            at=now + ahead,
            period=self._period,
            closes_from=None if self._closes_from is None else self._closes_from + ahead,
        )

    def _note_reached(self, error: Exception | None) -> None:
        """Log it when Redis goes or comes back, not every time it is not there."""
        before, self._reached = self._reached, error is None
        if error is None and before is False:
            log.write("board: Redis is back; the pods share the pace again")
        elif error is not None and before is not False:
            log.write(
                f"board: Redis cannot be asked ({failure.describe(error)}); until it can, this pod drains at its own pace"
            )


def _connect(config: Config) -> Any:  # noqa: ANN401 - a redis.Redis
    """Return a client that gives up at once: the next beat is its next attempt. The password is read again every time."""
    import redis  # noqa: PLC0415 - as above
    from redis.backoff import NoBackoff  # noqa: PLC0415 - as above
    from redis.retry import Retry  # noqa: PLC0415 - as above

    server = config.redis
    if server is None:
        raise ValueError("the application has no Redis")
    login = {}
    password = credentials.read(config).redis_password
    if password is not None:
        login = {"username": server.username, "password": password}
    return redis.Redis(
        host=server.host,
        port=server.port,
        db=server.databases["state"],
        socket_timeout=REPLY_SECONDS,
        socket_connect_timeout=REPLY_SECONDS,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
        **login,  # type: ignore[arg-type]  # the two texts above
    )


def _read_clock(answer: tuple[int, int]) -> float:
    """Return the answer of TIME in seconds."""
    seconds, microseconds = answer
    return seconds + microseconds / 1e6
