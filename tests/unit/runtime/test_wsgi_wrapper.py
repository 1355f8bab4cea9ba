from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from realtimeapp_runtime import drain_flag, ledger, wsgi_wrapper
from realtimeapp_runtime.config import Drain
from realtimeapp_runtime.forwarded import TrustedProxies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

ONE_HOP = TrustedProxies.from_config(hops=1, cidrs=())
NOBODY = TrustedProxies.from_config(hops=None, cidrs=())


class File:
    """Like a server's own file wrapper: iterated or sent as it is, closed in any case."""

    def __init__(self, close: Callable[[], None]) -> None:
        self.close = close

    def __iter__(self) -> Iterator[bytes]:
        return iter((b"file",))


class Server:
    """Calls an application as a WSGI server does."""

    def __init__(self, application: Any, run_dir: Path, proxies: TrustedProxies = NOBODY) -> None:  # noqa: ANN401 - a WSGI callable
        drain = Drain(lag_seconds=0)
        self.run_dir = run_dir
        self.wrapper = wsgi_wrapper.Wrapper(application, drain=drain, proxies=proxies, run_dir=run_dir)
        self.status = ""
        self.headers: dict[str, str] = {}

    def request(self, path: str = "/", **environ: Any) -> Any:  # noqa: ANN401 - whatever the application returns
        def start_response(status: str, headers: list[tuple[str, str]], *_error: object) -> None:
            self.status, self.headers = status, dict(headers)

        base = {
            "PATH_INFO": path,
            "wsgi.url_scheme": "http",
            "REMOTE_ADDR": "10.0.0.9",
            "REMOTE_PORT": "4711",
            "wsgi.file_wrapper": File,
        }
        return self.wrapper({**base, **environ}, start_response)

    def cells(self) -> list[int]:
        return ledger.add_up([*ledger.read_all(self.run_dir), ledger.read_departed(self.run_dir)])


def answer(content_type: str, body: Iterable[bytes]) -> Callable[..., Iterable[bytes]]:
    def application(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", content_type)])
        return body

    return application


def test_a_request_is_in_flight_until_its_body_is_closed(tmp_path: Path) -> None:
    server = Server(answer("text/plain", [b"a", b"b"]), tmp_path)
    body = server.request()
    assert server.cells()[ledger.REQUESTS] == 1
    assert list(body) == [b"a", b"b"]
    assert server.cells()[ledger.REQUESTS] == 1, "the server may still be sending"
    body.close()
    body.close()
    assert server.cells()[ledger.REQUESTS] == 0


def test_an_application_that_raises_is_counted_out(tmp_path: Path) -> None:
    def application(_environ: dict[str, Any], _start_response: Callable[..., Any]) -> Iterable[bytes]:
        raise ZeroDivisionError

    server = Server(application, tmp_path)
    with pytest.raises(ZeroDivisionError):
        server.request()
    assert server.cells()[ledger.REQUESTS] == 0


def test_a_file_is_handed_to_the_server_as_it_is(tmp_path: Path) -> None:
    closed: list[str] = []
    file = File(lambda: closed.append("file"))
    server = Server(answer("image/png", file), tmp_path)
    body = server.request()
    assert body is file, "so that the server can send it without reading it"
    assert server.cells()[ledger.REQUESTS] == 1
    body.close()
    assert closed == ["file"]
    assert server.cells()[ledger.REQUESTS] == 0


def test_an_event_stream_is_counted_and_ends_between_two_events(tmp_path: Path) -> None:
    def events() -> Iterator[bytes]:
        while True:
            yield b"data: 1\n\n"

    stream = events()
    server = Server(answer("text/event-stream; charset=utf-8", stream), tmp_path)
    body = server.request()
    assert next(body) == b"data: 1\n\n"
    cells = server.cells()
    assert (cells[ledger.REQUESTS], cells[ledger.STREAMS]) == (0, 1)
    drain_flag.begin(tmp_path, 0.0)
    assert list(body) == []
    body.close()
    with pytest.raises(StopIteration):
        next(stream)  # the application's own body was closed as well
    cells = server.cells()
    assert cells[ledger.STREAMS] == 0
    for totals in (ledger.ACCEPTED, ledger.CLOSED, ledger.DRAINED):
        assert cells[totals["stream"]] == 1


def test_an_ordinary_answer_is_not_ended_by_a_drain(tmp_path: Path) -> None:
    server = Server(answer("text/csv", [b"1", b"2"]), tmp_path)
    body = server.request()
    drain_flag.begin(tmp_path, 0.0)
    assert list(body) == [b"1", b"2"]
    body.close()


def test_probes_do_not_reach_the_application(tmp_path: Path) -> None:
    server = Server(answer("text/plain", []), tmp_path)
    assert server.request("/.realtimeapp/readyz") == [b"ok\n"]
    assert (server.status, server.headers["content-length"]) == ("200 OK", "3")
    drain_flag.begin(tmp_path, 0.0)
    server.request("/.realtimeapp/readyz")
    assert server.status == "503 Service Unavailable"
    server.request("/.realtimeapp/readyz", HTTP_X_FORWARDED_FOR="203.0.113.7")
    assert server.status == "404 Not Found"
    (metrics,) = server.request("/.realtimeapp/metrics")
    assert b"realtimeapp_processes 1\n" in metrics


def test_the_environ_tells_one_truth_about_the_client() -> None:
    environ = {
        "wsgi.url_scheme": "http",
        "REMOTE_ADDR": "10.0.0.9",
        "REMOTE_PORT": "4711",
        "HTTP_HOST": "shop.example.com",
        "HTTP_X_FORWARDED_FOR": "6.6.6.6,203.0.113.7",
        "HTTP_X_FORWARDED_PROTO": "https",
        "HTTP_X_FORWARDED_PORT": "443",
        "HTTP_X_REAL_IP": "6.6.6.6",
        "HTTP_FORWARDED": "for=6.6.6.6",
    }
    untrusted = dict(environ)
    wsgi_wrapper.rewrite(environ, ONE_HOP)
    assert environ == {
        "wsgi.url_scheme": "https",
        "REMOTE_ADDR": "203.0.113.7",
        "REMOTE_PORT": "0",
        "HTTP_HOST": "shop.example.com",
        "HTTP_X_FORWARDED_FOR": "203.0.113.7",
        "HTTP_X_FORWARDED_PROTO": "https",
        "HTTP_X_FORWARDED_PORT": "443",
        "HTTP_X_REAL_IP": "203.0.113.7",
    }
    wsgi_wrapper.rewrite(untrusted, NOBODY)
    assert untrusted == {
        "wsgi.url_scheme": "http",
        "REMOTE_ADDR": "10.0.0.9",
        "REMOTE_PORT": "4711",
        "HTTP_HOST": "shop.example.com",
    }


def test_a_forked_worker_has_cells_of_its_own(tmp_path: Path) -> None:
    server = Server(answer("text/plain", [b"a"]), tmp_path)
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        server.request()
        os._exit(0 if len(ledger.read_all(tmp_path)) == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert [cells[ledger.REQUESTS] for cells in ledger.read_all(tmp_path)] == [0]
