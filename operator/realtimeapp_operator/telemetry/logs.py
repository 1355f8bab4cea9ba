"""Logs: one JSON object per line for machines, or one readable line for a person at a terminal.

Extra fields given with `extra=` are kept (namespace, name, reason, ...). Anything that looks like a credential is
masked on its way out, as the last of several fences: no code here logs a Secret in the first place.
"""

from __future__ import annotations

import logging
import re
import sys
from datetime import UTC, datetime
from typing import Final, Literal, TextIO

import orjson

from realtimeapp_operator.telemetry.redaction import MASK, redact

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_NOISY: Final = {"kopf": logging.WARNING, "aiohttp.access": logging.WARNING, "asyncio": logging.WARNING}
"""kopf says `Handler ... succeeded.` at INFO for every event of every object."""
_SECRET_FIELD: Final = re.compile(r"(?i)(password|passwd|secret_?key|token|authorization|credential)")

Format = Literal["json", "text"]


def configure(*, level: str, style: Format, stream: TextIO | None = None) -> None:
    """Send all logs of the process to `stream` (standard error) in this `style`, from `level` (a name) on."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name, least in _NOISY.items():
        logging.getLogger(name).setLevel(max(least, root.level))
    logging.captureWarnings(capture=True)


class JsonFormatter(logging.Formatter):
    """One object per line: time (RFC 3339, UTC), level, logger, message, the extra fields, error with its trace."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without its newline."""
        line: dict[str, object] = {
            "time": _time(record).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        line.update((name, value) for name, value in _extra(record).items() if name not in line)
        if record.exc_info:
            line["error"] = redact(self.formatException(record.exc_info))
        return orjson.dumps(
            line, default=lambda value: redact(str(value)), option=orjson.OPT_NON_STR_KEYS
        ).decode()


class TextFormatter(logging.Formatter):
    """`12:34:56 WARNING message (namespace=a name=b)`, then the trace of an error."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, or lines, without the last newline."""
        extra = " ".join(f"{name}={value}" for name, value in _extra(record).items())
        line = f"{_time(record).astimezone():%H:%M:%S} {record.levelname:<7} {redact(record.getMessage())}"
        if extra:
            line += f" ({extra})"
        if record.exc_info:
            line += "\n" + redact(self.formatException(record.exc_info))
        return line


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _extra(record: logging.LogRecord) -> dict[str, object]:
    """Return the fields given with `extra=` that have a value, masked."""
    return {
        name: _safe(name, value)
        for name, value in vars(record).items()
        if name not in _STANDARD and value is not None and not name.startswith(("_", "k8s_", "settings"))
    }


def _safe(name: str, value: object) -> object:
    if _SECRET_FIELD.search(name):
        return MASK
    if isinstance(value, int | float | bool):
        return value
    if isinstance(value, dict):
        return {str(key): _safe(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_safe("", item) for item in value]
    return redact(str(value))
