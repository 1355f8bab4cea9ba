"""What is done beside the rooms: `manage.py runworker tally`."""

from typing import Any

from channels.consumer import AsyncConsumer
from channels.db import database_sync_to_async

from chat import history


class TallyConsumer(AsyncConsumer):
    """Keeps the number of people who have written in a room."""

    async def message_stored(self, event: dict[str, Any]) -> None:
        """Count from the messages again: a message to a worker may come twice, or not at all."""
        await database_sync_to_async(history.count_authors)(event["room"])
