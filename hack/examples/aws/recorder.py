"""Stands where AWS API Gateway's management API is, and writes down every message posted to a connection.

Runs in a pod, with nothing but Python's standard library, as the proxy boto3 is told to use (HTTPS_PROXY): a CONNECT to
the API's host is answered here, with a certificate boto3 is told to trust (AWS_CA_BUNDLE). It has no connections of its
own, so what is posted ends as one line of JSON on standard output. A connection whose id begins with GONE is gone, as
AWS says it. It refuses every other host: nothing gets out through it.
"""

from __future__ import annotations

import json
import re
import ssl
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

PORT = 8080
TLS = Path("/etc/recorder/tls")
IDLE_SECONDS = 120
GONE = "gone"
HOST = re.compile(r"^[a-z0-9]{10}\.execute-api\.[a-z0-9-]+\.amazonaws\.com:443$")
POST = re.compile(r"^/(?P<stage>[^/]+)/@connections/(?P<connection>[^/]+)$")
SCOPE = re.compile(r"^AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/(?P<scope>[a-z0-9-]+/[a-z0-9-]+)/aws4_request,")
"""Of a signature: region and service. The key's name before it is not kept."""


class Recorder(BaseHTTPRequestHandler):
    """One connection of boto3: CONNECT, then TLS, then posts."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    certificate: ssl.SSLContext
    host = ""

    def do_CONNECT(self) -> None:
        """Let the client believe it reached AWS."""
        if not HOST.match(self.path):
            self._answer(HTTPStatus.FORBIDDEN, {"message": "only hosts of API Gateway are played here"})
            return
        self.host = self.path.removesuffix(":443")
        self.send_response(HTTPStatus.OK)
        self.end_headers()
        self.connection = self.certificate.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)
        self.close_connection = False

    def do_POST(self) -> None:
        """Write down a message for a connection."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        found = POST.match(unquote(self.path))
        signed = SCOPE.match(self.headers.get("Authorization", ""))
        if not (self.host and found and signed):
            self._answer(HTTPStatus.FORBIDDEN, {"message": "Forbidden"}, error="ForbiddenException")
            return
        if found["connection"].startswith(GONE):
            self._answer(HTTPStatus.GONE, {"message": None}, error="GoneException")
            return
        record = {**found.groupdict(), "host": self.host, "signed": signed["scope"], "body": body.decode()}
        print(json.dumps(record), flush=True)
        self._answer(HTTPStatus.OK, {})

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
        """Keep standard output for the records."""
        print(format % arguments, file=sys.stderr, flush=True)

    def _answer(self, status: HTTPStatus, content: dict[str, object], *, error: str = "") -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        if error:
            self.send_header("x-amzn-ErrorType", error)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main(port: int = PORT, tls: Path = TLS) -> None:
    """Serve until the process is ended."""
    Recorder.certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    Recorder.certificate.load_cert_chain(tls / "tls.crt", tls / "tls.key")
    server = ThreadingHTTPServer(("", port), Recorder)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main(*(convert(value) for convert, value in zip((int, Path), sys.argv[1:], strict=False)))
