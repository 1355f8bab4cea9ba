"""`manage clearchatsessions`: deleting what django-realtime-chat-messaging never deletes.

The package writes a row for every connect and removes none, neither on disconnect nor on reconnect. A row whose `last_seen` is old is
of no use to anybody: clients send a heartbeat at least once a minute.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from typing import TYPE_CHECKING, Any, Final

from realtimeapp_runtime.failure import COMMAND_EXIT_CODE, COMMAND_FAILED, StartupFailure

if TYPE_CHECKING:
    from collections.abc import Sequence

BATCH: Final = 1000
"""Rows per transaction: `last_seen` has no index, and a long delete would hold the table against every connect."""


def main(arguments: Sequence[str]) -> None:
    """Delete the sessions of the chat package not seen for `--max-age-seconds`, and say how many; raise StartupFailure."""
    parser = argparse.ArgumentParser(prog="clearchatsessions", description="Delete old sessions of the chat.")
    parser.add_argument("--max-age-seconds", type=int, required=True, metavar="N")
    age = parser.parse_args(arguments).max_age_seconds
    if age < 1:
        parser.error("--max-age-seconds must be at least 1")
    deleted = delete_sessions(_find_model(), dt.timedelta(seconds=age))
    sys.stdout.write(f"deleted {deleted} chat sessions not seen for {age} seconds\n")


def delete_sessions(model: Any, age: dt.timedelta) -> int:  # noqa: ANN401 - Django ships no types
    """Delete the rows of `model` whose `last_seen` is more than `age` ago, batch by batch; return how many went."""
    from django.utils import timezone  # noqa: PLC0415 - may be absent from the image

    old = model.objects.filter(last_seen__lt=timezone.now() - age)
    deleted = 0
    while True:
        keys = list(old.values_list("pk", flat=True)[:BATCH])
        if not keys:
            return deleted
        # the age is asked again: a session that was seen meanwhile stays
        count: int = old.filter(pk__in=keys).delete()[0]
        deleted += count


def _find_model() -> Any:  # noqa: ANN401 - Django ships no types
    """Return the package's session model, or the one the settings put in its place."""
    from django.apps import apps  # noqa: PLC0415 - may be absent from the image

    if not apps.is_installed("realtime_chat_messaging"):
        raise StartupFailure(
            COMMAND_FAILED,
            "clearchatsessions needs 'realtime_chat_messaging' in INSTALLED_APPS.",
            exit_code=COMMAND_EXIT_CODE,
        )
    from realtime_chat_messaging.conf import realtime_chat_settings  # noqa: PLC0415 - as above

    return apps.get_model(realtime_chat_settings.MODELS["Session"])
