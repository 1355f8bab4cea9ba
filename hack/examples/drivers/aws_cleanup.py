"""Lets the notice board's clean-ups run in the CronJobs' own pods: what must go is gone, what must stay is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hack.examples.drivers.cleanup import run_cronjob
from hack.examples.drivers.database import query, query_number
from hack.examples.drivers.expect import expect

if TYPE_CHECKING:
    from hack.examples.driver import Target

TOKENS = "django_aws_api_gateway_websockets_websockettoken"
ATTEMPTS = "django_aws_api_gateway_websockets_connectionratelimit"
SESSIONS = "django_aws_api_gateway_websockets_websocketsession"


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Rows of one table a clean-up sees to."""

    what: str
    cronjob: str
    """Without the application's name."""
    spoil: str
    """Makes one row such that it must go; returns its key."""
    remains: str
    """Counts the row with the key `:'key'`."""
    live: str
    """Counts rows that must stay."""


def list_rows() -> tuple[Rows, ...]:
    """All that is cleaned up but for the sockets' own rows."""
    return (
        Rows(
            what="token that is older than five minutes",
            cronjob="websocket-tokens",
            spoil=_age(TOKENS, "created_at", "6 minutes"),
            remains=_find(TOKENS),
            live=_count(TOKENS, "created_at > now() - interval '4 minutes'"),
        ),
        Rows(
            what="connection attempt that is older than a week",
            cronjob="websocket-tokens",
            spoil=_age(ATTEMPTS, "attempt_time", "8 days"),
            remains=_find(ATTEMPTS),
            live=_count(ATTEMPTS, "attempt_time > now() - interval '6 days'"),
        ),
        Rows(
            what="login that has expired",
            cronjob="clearsessions",
            spoil="UPDATE django_session SET expire_date = now() - interval '1 hour' WHERE session_key ="
            " (SELECT max(session_key) FROM django_session) RETURNING session_key",
            remains="SELECT count(*) FROM django_session WHERE session_key = :'key'",
            live="SELECT count(*) FROM django_session WHERE expire_date > now()",
        ),
    )


async def clean_up(target: Target, *, open_connection: str, closed_connection: str) -> None:
    """Run each clean-up on rows of both kinds; ExampleError where one goes that must stay, or stays that must go."""
    spoiled = []
    for rows in list_rows():
        ((key,),) = await query(target.kubectl, rows.spoil)
        live = await query_number(target.kubectl, rows.live)
        expect(live > 0, f"beside the {rows.what} there is none that could be spared")
        spoiled.append((rows, key, live))
    for cronjob in dict.fromkeys(rows.cronjob for rows, _, _ in spoiled):
        await run_cronjob(target.kubectl, f"{target.app}-{cronjob}")
    for rows, key, live in spoiled:
        expect(
            await query_number(target.kubectl, rows.remains, key=key) == 0, f"a {rows.what} is still there"
        )
        left = await query_number(target.kubectl, rows.live)
        expect(left == live, f"beside the {rows.what}, {left} of {live} rows that must stay are left")
    await run_cronjob(target.kubectl, f"{target.app}-websocket-sessions")
    found = await query(
        target.kubectl,
        f"SELECT connection_id FROM {SESSIONS} WHERE connection_id IN (:'open', :'closed')",  # noqa: S608 - a constant
        open=open_connection,
        closed=closed_connection,
    )
    expect(found == [[open_connection]], f"after websocket-sessions these of two sessions are left: {found}")


def _age(table: str, column: str, interval: str) -> str:
    return (
        f"UPDATE {table} SET {column} = now() - interval '{interval}'"  # noqa: S608 - constants of this module
        f" WHERE id = (SELECT min(id) FROM {table}) RETURNING id"
    )


def _find(table: str) -> str:
    return f"SELECT count(*) FROM {table} WHERE id = :'key'"  # noqa: S608 - constants of this module


def _count(table: str, where: str) -> str:
    return f"SELECT count(*) FROM {table} WHERE {where}"  # noqa: S608 - constants of this module
