"""gunicorn's configuration (`--config python:realtimeapp_runtime.gunicorn_settings`), in place of a gunicorn.conf.py of the image.

Here is what a user may change with GUNICORN_CMD_ARGS and what older releases of gunicorn do not know: gunicorn skips names of
this module that are no settings of it, but refuses unknown arguments. What must hold is on the command line, which comes last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from logging import LogRecord

timeout = 60
"""Seconds a sync worker has for one request, and an event loop may stand still, before the worker is killed and replaced.

gunicorn's own 30 is less than what edges usually wait for an answer.
"""
accesslog = None
"""It would hold every path with its query string, tokens included."""
control_socket_disable = True
"""Since gunicorn 25 a socket for commands is made in the home directory, which cannot be written to here."""
secure_scheme_headers: dict[str, str] = {}
"""The wrapper finds out the scheme, for every server alike; gunicorn would refuse requests whose headers disagree."""


def on_starting(server: Any) -> None:  # noqa: ANN401 - gunicorn ships no types
    """Add the filter where every process, forked later, has it."""
    server.log.error_log.addFilter(cut_query)


def cut_query(record: LogRecord) -> bool:
    """Take the query string off a path gunicorn is about to log, as it does for a request that was killed half-way."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            argument.partition("?")[0] if isinstance(argument, str) and argument.startswith("/") else argument
            for argument in record.args
        )
    return True
