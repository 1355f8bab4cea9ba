"""Lets the messenger's clean-ups run in the CronJobs' own pods: what must go is gone, what must stay is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hack.examples.drivers.cleanup import run_cronjob
from hack.examples.drivers.database import query, query_number
from hack.examples.drivers.tools import expect_found

if TYPE_CHECKING:
    from hack.examples.driver import Target

AGED = {
    "chat-sessions": "UPDATE realtime_chat_messaging_session SET last_seen = now() - interval '2 days'"
    " WHERE id = (SELECT min(id) FROM realtime_chat_messaging_session) RETURNING id",
    "clearsessions": "UPDATE django_session SET expire_date = now() - interval '1 hour'"
    " WHERE session_key = (SELECT min(session_key) FROM django_session) RETURNING session_key",
}
"""By clean-up: makes one row such that it must go, and returns its key. The package never deletes a row of its own."""
COUNTS = {
    "chat-sessions": "SELECT count(*) FROM realtime_chat_messaging_session",
    "clearsessions": "SELECT count(*) FROM django_session",
}
REMAINS = {
    "chat-sessions": f"{COUNTS['chat-sessions']} WHERE id::text = :'key'",
    "clearsessions": f"{COUNTS['clearsessions']} WHERE session_key = :'key'",
}


async def clean_up(target: Target) -> None:
    """Run each clean-up on rows of both kinds; ExampleError where one goes that must stay, or stays that must go.

    Nobody may be connecting meanwhile: a connection is a new row.
    """
    for cleanup, age in AGED.items():
        before = await query_number(target.kubectl, COUNTS[cleanup])
        expect_found(before > 1, f"{cleanup}: rows that must stay beside one that must go", before)
        ((key,),) = await query(target.kubectl, age)
        await run_cronjob(target.kubectl, f"{target.app}-{cleanup}")
        remains = await query_number(target.kubectl, REMAINS[cleanup], key=key)
        expect_found(remains == 0, f"{cleanup}: the old row is gone", remains)
        after = await query_number(target.kubectl, COUNTS[cleanup])
        expect_found(after == before - 1, f"{cleanup}: the other {before - 1} rows are left", after)
