from __future__ import annotations

import json
import logging
import logging.config
from typing import Any

import pytest

from realtimeapp_runtime import failure, json_log

PASSWORD = "p@ss/w:rd"


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failure, "_secrets", set())
    failure.keep_secret(PASSWORD)


def write(message: str, *arguments: object, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - what logging takes
    """One record through the formatter, read back."""
    record = logging.getLogger("shop").makeRecord(
        "shop",
        logging.ERROR,
        "f.py",
        1,
        message,
        arguments,
        options.get("exc_info"),
        extra=options.get("extra"),
    )
    line = json_log.JsonFormatter().format(record)
    assert "\n" not in line
    assert PASSWORD not in line
    fields: dict[str, Any] = json.loads(line)
    return fields


def test_a_record_is_one_object() -> None:
    fields = write("paid %s\n%d", "order", 7, extra={"status_code": 200, "request": object})
    assert fields["message"] == "paid order\n7"
    assert (fields["level"], fields["logger"], fields["status_code"]) == ("ERROR", "shop", 200)
    assert fields["time"].endswith("Z")
    assert isinstance(fields["request"], str)


def test_an_exception_is_in_the_line_and_no_secret_is() -> None:
    try:
        int(PASSWORD)
    except ValueError as error:
        fields = write("failed: %s", error, exc_info=(ValueError, error, error.__traceback__))
    assert fields["message"] == "failed: invalid literal for int() with base 10: '***'"
    assert "Traceback" in fields["exception"]
    assert "test_json_log.py" in fields["exception"]


def test_urls_lose_their_credentials() -> None:
    assert write("at redis://user:other@h/0")["message"] == "at redis://***@h/0"


def test_a_careless_call_loses_no_line() -> None:
    assert "1 and 2" in write("only one: %s", "1 and 2", "three")["message"]


def test_an_object_that_cannot_be_shown_is_named() -> None:
    class Shy:
        def __str__(self) -> str:
            raise RuntimeError

    assert write("x", extra={"who": Shy()})["who"] == "<Shy>"


def test_the_setting_configures_the_root_logger(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        logging.config.dictConfig(json_log.LOGGING)
        logging.getLogger("shop.orders").info("seen")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    assert json.loads(capsys.readouterr().err)["message"] == "seen"
