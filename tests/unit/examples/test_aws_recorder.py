"""The recorder as boto3 meets it: a proxy, TLS with a certificate to trust, signed posts."""

import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path

import pytest

from hack.clients.ports import find_port
from hack.clients.waiting import eventually
from hack.examples.aws import certificate, recorder

HOST = "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com"
SIGNATURE = "AWS4-HMAC-SHA256 Credential=KEY/20260101/eu-west-1/execute-api/aws4_request, SignedHeaders=host, Signature=0"


@dataclass
class Running:
    port: int
    trust: ssl.SSLContext
    process: subprocess.Popen[str]

    def post(self, path: str, *, signature: str = SIGNATURE, body: str = "{}") -> tuple[int, str | None]:
        connection = HTTPSConnection("127.0.0.1", self.port, context=self.trust, timeout=10)
        connection.set_tunnel(HOST, 443)
        try:
            connection.request("POST", path, body=body, headers={"Authorization": signature})
            response = connection.getresponse()
            response.read()
            return response.status, response.getheader("x-amzn-ErrorType")
        finally:
            connection.close()


def start(port: int, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, recorder.__file__, str(port), str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[Running]:
    issued = certificate.issue("*.execute-api.eu-west-1.amazonaws.com")
    (tmp_path / "tls.crt").write_text(issued.certificate)
    (tmp_path / "tls.key").write_text(issued.key)
    port = find_port()
    process = start(port, tmp_path)

    def listens() -> bool:
        nonlocal port, process
        if process.poll() is not None:  # the port was free a moment ago, and is somebody else's now
            process.communicate()
            port = find_port()
            process = start(port, tmp_path)
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    try:
        eventually(listens, within=30, what="the recorder listens")
        yield Running(port=port, trust=ssl.create_default_context(cadata=issued.authority), process=process)
    finally:
        process.kill()
        process.communicate()


def test_post_to_a_connection_is_written_down(aws: Running) -> None:
    assert aws.post("/production/@connections/abc%3D", body='{"type": "echo"}') == (200, None)
    assert aws.process.stdout is not None
    assert json.loads(aws.process.stdout.readline()) == {
        "stage": "production",
        "connection": "abc=",
        "host": HOST,
        "signed": "eu-west-1/execute-api",
        "body": '{"type": "echo"}',
    }


def test_connection_that_is_gone_is_said_to_be(aws: Running) -> None:
    assert aws.post("/production/@connections/gone1=") == (410, "GoneException")


@pytest.mark.parametrize(
    ("path", "signature"),
    [("/production/@connections/abc=", "Bearer KEY"), ("/production/elsewhere", SIGNATURE)],
)
def test_what_aws_would_not_accept_is_refused(aws: Running, path: str, signature: str) -> None:
    assert aws.post(path, signature=signature) == (403, "ForbiddenException")


def test_nothing_gets_out_through_it(aws: Running) -> None:
    connection = HTTPConnection("127.0.0.1", aws.port, timeout=10)
    connection.set_tunnel("www.example.com", 443)
    with pytest.raises(OSError, match="Tunnel connection failed: 403"):
        connection.connect()
    connection.close()
