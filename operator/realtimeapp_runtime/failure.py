"""Why the container could not start, in one sentence a person can act on.

The kubelet copies /dev/termination-log into the pod's status, and the operator turns its JSON into a condition. Nothing here may
carry a credential: every text passes `mask` first.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import sys
import traceback
from typing import TYPE_CHECKING, Final, NoReturn
from urllib.parse import quote

from realtimeapp_runtime import paths

if TYPE_CHECKING:
    from pathlib import Path

EXIT_CODE: Final = 78
"""EX_CONFIG of sysexits.h: restarting will not help until something is changed. A Job is not tried again."""
COMMAND_EXIT_CODE: Final = 1
"""A management command that ran and failed: the database may only be away for a moment, so a Job is tried again."""
WORKER_EXIT_CODE: Final = 3
"""The exit code by which a worker of uvicorn or gunicorn tells its supervisor not to start it again; the others stop at any."""

SETTINGS_MODULE_NOT_FOUND: Final = "SettingsModuleNotFound"
SETTINGS_INVALID: Final = "SettingsInvalid"
ASGI_APPLICATION_NOT_FOUND: Final = "AsgiApplicationNotFound"
WSGI_APPLICATION_NOT_FOUND: Final = "WsgiApplicationNotFound"
PACKAGE_MISSING: Final = "PackageMissing"
COMMAND_FAILED: Final = "CommandFailed"

MESSAGE_LIMIT: Final = 1024
"""Characters kept of a message; the kubelet cuts the whole file at 4096 bytes."""

_MARKER: Final = "failed"
_URL_CREDENTIALS: Final = re.compile(r"(?<=://)[^\s'\"]*@")
_secrets: Final[set[str]] = set()
_main_process: int | None = None


class StartupFailure(Exception):
    """The process cannot go on; `reason` is CamelCase for the condition, `message` a sentence for a person."""

    def __init__(self, reason: str, message: str, *, exit_code: int = EXIT_CODE) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.exit_code = exit_code


def keep_secret(value: str) -> None:
    """Remember `value`, so that no message or traceback written through this module shows it."""
    if value:
        _secrets.update((value, quote(value, safe="")))


def mask(text: str) -> str:
    """Return `text` without the credentials of any URL and without any value given to `keep_secret`."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return _URL_CREDENTIALS.sub("***@", text)


def describe(error: BaseException) -> str:
    """Return the last line of `error`'s traceback (type and message) on one line, masked."""
    return " ".join(mask("".join(traceback.format_exception_only(type(error), error))).split())


def locate(error: BaseException) -> str:
    """Return `file:line` of the innermost frame of `error` that lies in a file, or an empty string."""
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<")
    ]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""


def write_report(failure: StartupFailure) -> None:
    """Write the termination message, and the same sentence and the masked traceback of the cause to stderr."""
    message = mask(failure.message)[:MESSAGE_LIMIT]
    if failure.__cause__ is not None:
        cause = failure.__cause__
        sys.stderr.write(mask("".join(traceback.format_exception(type(cause), cause, cause.__traceback__))))
    sys.stderr.write(f"realtimeapp: {failure.reason}: {message}\n")
    sys.stderr.flush()
    write_document(failure.reason, message)
    _write_line(paths.run_dir() / _MARKER, failure.reason)


def write_document(reason: str, message: str, **details: list[str]) -> None:
    """Write the termination message: one line of JSON with `reason`, `message` and whatever else the operator reads."""
    text = mask(message)[:MESSAGE_LIMIT]
    _write_line(paths.termination_log(), json.dumps({"reason": reason, "message": text, **details}))


def _write_line(target: Path, line: str) -> None:
    try:
        target.write_text(f"{line}\n", encoding="utf-8")
    except OSError as error:  # outside a pod there is no such file; the sentence is on stderr anyway
        sys.stderr.write(f"realtimeapp: {target} cannot be written: {error.strerror}\n")


def was_reported() -> bool:
    """Tell whether any process of this container reported a failure since the server was started."""
    return (paths.run_dir() / _MARKER).exists()


def note_main_process() -> None:
    """Remember that this process is the container's own: its exit code is the container's, that of a child is not."""
    global _main_process  # noqa: PLW0603 - there is one per process, and forked workers must inherit it
    _main_process = os.getpid()


def is_worker() -> bool:
    """Tell whether this is a child of the container's own process, forked or spawned."""
    forked = _main_process is not None and _main_process != os.getpid()
    return forked or multiprocessing.parent_process() is not None


def exit_with(failure: StartupFailure) -> NoReturn:
    """Report `failure` and leave: with its exit code, or from a server's worker with the one that stops its supervisor."""
    write_report(failure)
    raise SystemExit(WORKER_EXIT_CODE if is_worker() else failure.exit_code)
