from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING

import pytest

from realtimeapp_operator.telemetry.logs import configure
from realtimeapp_operator.telemetry.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _untouched_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def test_one_json_object_per_line_with_its_extra_fields() -> None:
    stream = io.StringIO()
    configure(level="INFO", style="json", stream=stream)
    logging.getLogger("a.b").warning(
        "two\nlines of %s", "text", extra={"namespace": "ns", "app": "counter", "count": 3}
    )
    [line] = stream.getvalue().splitlines()
    record = json.loads(line)
    assert record["time"].endswith("Z")
    assert record["time"][10] == "T"
    assert record["message"] == "two\nlines of text"
    assert (record["level"], record["logger"]) == ("warning", "a.b")
    assert (record["namespace"], record["app"], record["count"]) == ("ns", "counter", 3)
    assert set(record) == {"time", "level", "logger", "message", "namespace", "app", "count"}


def test_an_error_keeps_its_trace_on_the_same_line() -> None:
    stream = io.StringIO()
    configure(level="INFO", style="json", stream=stream)
    try:
        int("redis://default:hunter2@redis:6379/0")
    except ValueError:
        logging.getLogger().exception("failed")
    [line] = stream.getvalue().splitlines()
    assert "Traceback" in json.loads(line)["error"]
    assert "hunter2" not in line


@pytest.mark.parametrize(
    "text",
    [
        "connecting to postgres://shop:hunter2@db:5432/shop",
        "connecting to redis://:hunter2@redis:6379",
        "connecting to postgres://shop:a/hunter2@db/shop",
        "connecting to postgres://shop:a@hunter2@db/shop",
        "connecting to redis://hunter2@redis:6379",
        "header Authorization: Bearer hunter2hunter2",
        "bearer hunter2hunter2hunter2",
        'body {"password": "hunter2", "a": 1}',
        "SECRET_KEY=hunter2",
        "api_key='hunter2'",
        "--token=hunter2",
        "redis-password: hunter2",
    ],
)
def test_what_looks_like_a_credential_is_masked(text: str) -> None:
    assert "hunter2" not in redact(text)
    assert "***" in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "secret shop/counter-django has no key secret-key",
        "the Secret counter-redis was created",
        "GET https://example.test:443/path?limit=500",
        "serving on 0.0.0.0:8080",
    ],
)
def test_ordinary_sentences_stay_as_they_are(text: str) -> None:
    assert redact(text) == text


def test_secret_fields_are_masked_in_both_styles() -> None:
    for style in ("json", "text"):
        stream = io.StringIO()
        configure(level="INFO", style=style, stream=stream)
        logging.getLogger().info(
            "x", extra={"password": "hunter2", "data": {"token": "hunter2"}, "urls": ["a://b:hunter2@c"]}
        )
        assert "hunter2" not in stream.getvalue()
        assert "***" in stream.getvalue()


def test_a_person_reads_a_short_line() -> None:
    stream = io.StringIO()
    configure(level="INFO", style="text", stream=stream)
    logging.getLogger("a").info("image changed", extra={"namespace": "ns", "app": "counter"})
    assert stream.getvalue().endswith("INFO    image changed (namespace=ns app=counter)\n")


def test_kopf_speaks_only_when_something_is_wrong() -> None:
    stream = io.StringIO()
    configure(level="INFO", style="json", stream=stream)
    logging.getLogger("kopf.objects").info("Handler 'x' succeeded.")
    assert stream.getvalue() == ""
    logging.getLogger("kopf.objects").warning("trouble")
    assert "trouble" in stream.getvalue()
