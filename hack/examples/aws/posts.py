"""What the recorder has written down."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hack.examples.aws.objects import NAME

if TYPE_CHECKING:
    from hack.clients.kubectl import Kubectl


@dataclass(frozen=True, kw_only=True)
class Post:
    """One message the application posted to a connection."""

    connection: str
    host: str
    stage: str
    signed: str
    """Region and service of the signature."""
    message: dict[str, Any]


async def read_posts(kubectl: Kubectl) -> list[Post]:
    """All posts so far, the oldest first."""
    done = await asyncio.to_thread(kubectl.run, "logs", f"deployment/{NAME}", "--tail=-1")
    records = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"')]
    return [
        Post(
            connection=record["connection"],
            host=record["host"],
            stage=record["stage"],
            signed=record["signed"],
            message=json.loads(record["body"]),
        )
        for record in records
    ]
