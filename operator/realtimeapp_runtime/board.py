"""The shared board: a hash in the application's Redis in which every server process of every web pod writes its row.

A daemon thread with a plain client reads and writes it, so that a Redis that is slow, away or never there costs the event loop
nothing. Without it everybody goes on at the pace of its own pod. What follows from it is decided in
share.py and balance.py.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from realtimeapp_runtime import balance, credentials, failure, fleet, ledger, log

if TYPE_CHECKING:
    from realtimeapp_runtime.config import Config

REPLY_SECONDS: Final = 1.0
KEY: Final = "fleet"
"""After the application's prefix, in the database of the state."""
KEPT_SECONDS: Final = 3600
"""How long the board outlives the last process that wrote to it."""
SWEPT_SECONDS: Final = 60
"""A row this old is removed by whoever sees it."""
MARK: Final = "rebalance"
"""The field of the mark; those of rows have a slash."""


class Board:
    """What this process has read last, and the thread that keeps it up to date."""

    def __init__(self, config: Config, book: ledger.Ledger, *, revision: str) -> None:
        self._config = config
        self._book = book
        self._pod = os.environ.get("HOSTNAME") or socket.gethostname()
        self._revision = revision
        self._client: Any = None
        self._ahead: float | None = None
        self._closes_from: float | None = None
        self._shedding = False
        self._wanted: fleet.Mark | None = None
        self._reached: bool | None = None
        self._awake = threading.Event()
        self.view: fleet.View | None = None

    def start(self) -> None:
        """Begin to read and write, where the application has a Redis."""
        if self._config.redis is not None:
            key = f"{self._config.redis.key_prefix}{KEY}"
            threading.Thread(target=self._run, args=(key,), name="realtimeapp-board", daemon=True).start()

    def announce_drain(self, closes_from: float) -> None:
        """Say at once that this process closes its connections from `closes_from` (monotonic) on; again when that changes."""
        if closes_from != self._closes_from:
            self._closes_from = closes_from
            self._awake.set()

    def announce_shedding(self, shedding: bool) -> None:  # noqa: FBT001 - the fact itself
        """Say from the next beat on whether this process gives connections away."""
        self._shedding = shedding

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
        marked = self.view is not None and self.view.mark is not None
        return fleet.BUSY_SECONDS if marked or self._closes_from is not None else fleet.REST_SECONDS

    def _beat(self, key: str) -> None:
        """Write the row and read everybody's, in one round trip."""
        if self._client is None:
            self._client = _connect(self._config)
        if self._ahead is None:
            self._ahead = _read_clock(self._client.time()) - time.monotonic()
        own = f"{self._pod}/{os.getpid()}"
        began = time.monotonic()
        row = self._describe(began, self._ahead)
        batch = self._client.pipeline(transaction=False)
        batch.time()
        batch.hset(key, own, fleet.encode(row))
        batch.expire(key, KEPT_SECONDS)
        batch.hgetall(key)
        clock, _, _, texts = batch.execute()
        ended = time.monotonic()
        now = _read_clock(clock)
        self._ahead = now - (began + ended) / 2
        decoded = ((name, fleet.decode(text)) for name, text in texts.items())
        found = {name: there for name, there in decoded if there is not None}
        rows = {**{name: there for name, there in found.items() if not there.is_gone(now)}, own: row}
        mark = fleet.decode_mark(texts.get(MARK))
        joins = self.view is None and self._config.rebalance
        view = fleet.View(own=own, rows=rows, read_at=ended, ahead=self._ahead, mark=mark)
        self.view = view
        self._keep_mark(key, view, now=now, joins=joins)
        forgotten = [name for name, there in found.items() if now - there.at > SWEPT_SECONDS]
        if forgotten:
            self._client.hdel(key, *forgotten)

    def _keep_mark(self, key: str, view: fleet.View, *, now: float, joins: bool) -> None:
        """Set the mark on joining, again if somebody who had not seen it removed an older one; remove it when it has served."""
        if joins:
            self._wanted = balance.begin(view, now)
            if self._wanted is not None:
                log.write(
                    f"rebalance: joined {len(balance.count_open(view.rows)) - 1} pods that serve already"
                )
        wanted = self._wanted
        if wanted is not None and now < wanted.begins:
            if view.mark is None or view.mark.until < wanted.until:
                self._client.hset(key, MARK, fleet.encode(wanted))
        elif view.mark is not None and balance.is_over(view, now):
            self._client.hdel(key, MARK)

    def _describe(self, now: float, ahead: float) -> fleet.Row:
        cells = self._book.cells
        return fleet.Row(
            pod=self._pod,
            revision=self._revision,
            open=cells[ledger.WEBSOCKETS] + cells[ledger.STREAMS],
            at=now + ahead,
            period=self._period,
            closes_from=None if self._closes_from is None else self._closes_from + ahead,
            shedding=self._shedding,
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
