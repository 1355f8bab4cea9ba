"""Looks into an example's PostgreSQL from inside its pod, past the application and past the pooler."""

from __future__ import annotations

import asyncio
import csv
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hack.clients.kubectl import Kubectl

POD = "postgres-0"


async def query(kubectl: Kubectl, statement: str, **values: str | float) -> list[list[str]]:
    """Run one SQL statement as the server's administrator; the rows as text.

    `:'name'` in the statement is a value, quoted by psql. AssertionError with what psql said when it fails.
    """
    done = await asyncio.to_thread(
        kubectl.run,
        *("exec", "--stdin", POD, "--", "psql", "--no-psqlrc", "--quiet", "--csv", "--tuples-only"),
        *("--set=ON_ERROR_STOP=1", *(f"--set={name}={value}" for name, value in values.items())),
        *("--host=/run/postgresql", "--dbname=app"),
        stdin=statement,
    )
    return list(csv.reader(io.StringIO(done.stdout)))


async def query_number(kubectl: Kubectl, statement: str, **values: str | float) -> int:
    """Run a statement whose answer is one number."""
    ((number,),) = await query(kubectl, statement, **values)
    return int(number)
