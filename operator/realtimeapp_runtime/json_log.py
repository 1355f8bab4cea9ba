"""JSON lines on stderr for applications whose settings define no LOGGING.

One object per record: time (UTC), level, logger, message, the exception with its traceback, and what the caller passed in `extra`.
Every text goes through `failure.mask`, so a secret of the pod shows in no line.
"""

from __future__ import annotations

import json
import logging
import time
from typing import Any, Final

from realtimeapp_runtime import failure

LOGGING: Final[dict[str, Any]] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "realtimeapp_runtime.json_log.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
}
"""The value of the LOGGING setting. Servers configure their own loggers and keep their format."""

_ORDINARY: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON, whatever it holds."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without a newline."""
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": failure.mask(_read_message(record)),
        }
        for name, value in vars(record).items():
            if name not in _ORDINARY and name not in line:
                line[name] = _simplify(value)
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = failure.mask(self.formatException(record.exc_info))
        if record.stack_info:
            line["stack"] = failure.mask(self.formatStack(record.stack_info))
        return json.dumps(line)


def _read_message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):  # arguments that do not fit the text must not lose the line
        return f"{record.msg} {record.args!r}"


def _simplify(value: object) -> object:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    try:
        return failure.mask(str(value))
    except Exception:  # noqa: BLE001 - an object's own __str__ may raise anything
        return f"<{type(value).__name__}>"
