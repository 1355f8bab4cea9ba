"""The WSGI application gunicorn runs: probes first, then the truth about the client, then the user's application, counted.

A WSGI process holds no connection beyond the request it answers, so a drain has nothing to close here: readiness fails, and the
hook waits until no process of the pod has a request in flight. An event stream is a request that would never end; it ends
between two events once the drain's lag is over.
"""

from __future__ import annotations

import os
import threading
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from realtimeapp_runtime import drain_flag, forwarded, ledger, log, probes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from realtimeapp_runtime.config import Drain

    Environ = dict[str, Any]
    Headers = list[tuple[str, str]]
    StartResponse = Callable[..., Any]
    Application = Callable[[Environ, StartResponse], Iterable[bytes]]

_HEADER: Final = "HTTP_"
_EVENT_STREAM: Final = "text/event-stream"


class Wrapper:
    """Callable as WSGI; one per server process, used by one thread or by several."""

    def __init__(
        self, application: Application, *, drain: Drain, proxies: forwarded.TrustedProxies, run_dir: Path
    ) -> None:
        self._application = application
        self._drain = drain
        self._proxies = proxies
        self._run_dir = run_dir
        self._lock = threading.Lock()
        self._join()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        if self._process != os.getpid():  # the application was loaded before the workers were forked
            self._join()
        path = environ.get("PATH_INFO", "")
        if path.startswith(probes.PREFIX):
            return _answer_probe(path, environ, start_response, self._run_dir)
        rewrite(environ, self._proxies)
        return self._serve(environ, start_response)

    def count(self, cell: int, change: int) -> None:
        """Change one cell of this process; threads may do so at the same time."""
        with self._lock:
            self._book.cells[cell] += change

    def must_end_stream(self) -> bool:
        """Tell whether the drain has come so far that event streams end."""
        began = drain_flag.read(self._run_dir)
        return began is not None and time.monotonic() >= began + self._drain.lag_seconds

    def _join(self) -> None:
        self._process = os.getpid()
        self._book = ledger.Ledger(self._run_dir)
        self._book.open(phase=ledger.PHASE_NOTHING_TO_CLOSE)
        log.write("serving requests, no long-lived connections")

    def _serve(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        exchange = Exchange(self, start_response)
        try:
            body = self._application(environ, exchange.start_response)
        except BaseException:
            exchange.end()
            raise
        wrapper = environ.get("wsgi.file_wrapper")
        if isinstance(wrapper, type) and isinstance(body, wrapper):
            exchange.follow_file(body)  # the server sends a file itself, if it is handed over as it is
            return body
        return Body(body, exchange)


class Exchange:
    """One request and its response: in flight, or an event stream."""

    __slots__ = ("_ended", "_start_response", "_wrapper", "is_stream")

    def __init__(self, wrapper: Wrapper, start_response: StartResponse) -> None:
        self._wrapper = wrapper
        self._start_response = start_response
        self._ended = False
        self.is_stream = False
        wrapper.count(ledger.REQUESTS, 1)

    def start_response(self, status: str, headers: Headers, *error: Any) -> Any:  # noqa: ANN401 - WSGI's own signature
        """Pass the head of the response on; here shows what it is."""
        if not self.is_stream and any(
            name.lower() == "content-type" and value.lower().startswith(_EVENT_STREAM)
            for name, value in headers
        ):
            self.is_stream = True
            self._wrapper.count(ledger.REQUESTS, -1)
            self._wrapper.count(ledger.STREAMS, 1)
            self._wrapper.count(ledger.ACCEPTED["stream"], 1)
        return self._start_response(status, headers, *error)

    def must_end(self) -> bool:
        """Tell whether the response ends here, although there may be more of it."""
        if not self.is_stream or self._ended or not self._wrapper.must_end_stream():
            return False
        self._wrapper.count(ledger.DRAINED["stream"], 1)
        return True

    def end(self) -> None:
        """Give back every count."""
        if self._ended:
            return
        self._ended = True
        if self.is_stream:
            self._wrapper.count(ledger.STREAMS, -1)
            self._wrapper.count(ledger.CLOSED["stream"], 1)
        else:
            self._wrapper.count(ledger.REQUESTS, -1)

    def follow_file(self, body: Any) -> None:  # noqa: ANN401 - the server's own class
        """End when the server closes `body`."""
        close = getattr(body, "close", None)

        def close_and_end() -> None:
            try:
                if close is not None:
                    close()
            finally:
                self.end()

        body.close = close_and_end


class Body:
    """The response's body as the server reads it."""

    __slots__ = ("_body", "_exchange", "_parts")

    def __init__(self, body: Iterable[bytes], exchange: Exchange) -> None:
        self._body = body
        self._parts: Iterator[bytes] | None = None
        self._exchange = exchange

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._parts is None:
            self._parts = iter(self._body)
        if self._exchange.must_end():
            raise StopIteration
        return next(self._parts)

    def close(self) -> None:
        """End the exchange: the server calls this however the response ended."""
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            self._exchange.end()


def rewrite(environ: Environ, proxies: forwarded.TrustedProxies) -> None:
    """Make `environ` tell the truth about the client, in place; see forwarded.py."""
    claims = [key for key in environ if key.startswith(_HEADER) and forwarded.is_forwarding(_to_name(key))]
    if not claims:
        return
    scope = {
        "type": "http",
        "scheme": environ["wsgi.url_scheme"],
        "client": (environ.get("REMOTE_ADDR", ""), environ.get("REMOTE_PORT", "0")),
        "headers": [(_to_name(key), environ.pop(key).encode("latin-1")) for key in claims],
    }
    proxies.rewrite(scope)
    environ["wsgi.url_scheme"] = scope["scheme"]
    address, port = scope["client"]
    environ.update(REMOTE_ADDR=address, REMOTE_PORT=str(port))
    for name, value in scope["headers"]:
        environ[_HEADER + name.decode("latin-1").upper().replace("-", "_")] = value.decode("latin-1")


def _to_name(key: str) -> bytes:
    return key[len(_HEADER) :].lower().replace("_", "-").encode("latin-1")


def _answer_probe(
    path: str, environ: Environ, start_response: StartResponse, run_dir: Path
) -> Iterable[bytes]:
    sent = [(_to_name(key), b"") for key in environ if key.startswith(_HEADER)]
    found = probes.find_answer(path, sent, run_dir)
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in found.headers]
    start_response(f"{found.status} {HTTPStatus(found.status).phrase}", headers)
    return [found.body]
