"""One person in one room, over one WebSocket.

A client connects with the number of the last message it has seen and gets everything after it, in order and once. What
it says carries a key of its own choice, so it may say it again when a connection ended before the answer came.
"""

import contextlib
import json
import platform
import uuid
from typing import Any
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from channels.exceptions import ChannelFull
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.conf import settings

from chat import history

TEXT_LENGTH = 500


class RoomConsumer(AsyncJsonWebsocketConsumer):
    """Frames to the client: welcome, message, stored, refused. Frames from it: say."""

    async def connect(self) -> None:
        """Let in who has a name, and give them what they missed."""
        self.author = await database_sync_to_async(self.scope["session"].get)("name")
        if not self.author:
            await self.close()  # before the handshake is answered: the client sees status 403
            return
        self.room = await database_sync_to_async(history.enter_room)(
            self.scope["url_route"]["kwargs"]["room"]
        )
        self.group = f"room-{self.room.pk}"
        self.seen = self.read_position()
        # The group first: a message that is stored meanwhile then comes twice, and the second is left out by number.
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()
        await self.send_json(
            {
                "type": "welcome",
                "name": self.author,
                "room": self.room.name,
                "after": self.seen,
                "version": settings.APP_VERSION,
                "hostname": platform.node(),
            },
        )
        await self.catch_up()

    async def disconnect(self, _code: int) -> None:
        """Leave the group."""
        if hasattr(self, "group"):
            await self.channel_layer.group_discard(self.group, self.channel_name)

    @classmethod
    async def decode_json(cls, text_data: str) -> Any:  # noqa: ANN401 - any JSON value
        """Return the value; what is not JSON is refused like any other frame nobody understands."""
        try:
            return json.loads(text_data)
        except ValueError:
            return None

    async def receive_json(self, content: Any, **_kwargs: Any) -> None:  # noqa: ANN401 - any JSON value
        """Store what is said, tell the room, then tell the sender its number."""
        try:
            key, text = read_say(content)
        except ValueError as error:
            await self.send_json({"type": "refused", "reason": str(error)})
            return
        message = await database_sync_to_async(history.store_message)(
            room=self.room,
            key=key,
            author=self.author,
            text=text,
        )
        # Also for one that was stored before: the process that stored it may have ended before it told the room.
        await self.channel_layer.group_send(self.group, {"type": "room.message", "message": message})
        with contextlib.suppress(
            ChannelFull
        ):  # no worker keeps up, or none runs: the next message counts again
            await self.channel_layer.send("tally", {"type": "message.stored", "room": self.room.name})
        await self.send_json({"type": "stored", "key": message["key"], "number": message["number"]})

    async def room_message(self, event: dict[str, Any]) -> None:
        """Pass on the next message; fetch what is missing before one that is further ahead."""
        message = event["message"]
        if message["number"] == self.seen + 1:
            await self.deliver(message)
        elif message["number"] > self.seen:
            await self.catch_up()

    async def catch_up(self) -> None:
        """Send everything after the last message this client was sent."""
        while missed := await database_sync_to_async(history.read_messages)(room=self.room, after=self.seen):
            for message in missed:
                await self.deliver(message)

    async def deliver(self, message: dict[str, Any]) -> None:
        """Send one message and remember how far this client is."""
        await self.send_json({"type": "message", **message})
        self.seen = message["number"]

    def read_position(self) -> int:
        """Return the number after which this client wants messages; without one it gets the latest few."""
        given = parse_qs(self.scope["query_string"].decode("latin-1")).get("after", [""])[0]
        if given.isascii() and given.isdigit():
            return min(int(given), self.room.last_number)
        return max(0, self.room.last_number - settings.CHAT_HISTORY_LENGTH)


def read_say(content: Any) -> tuple[uuid.UUID, str]:  # noqa: ANN401 - any JSON value
    """Return key and text of a `say` frame; ValueError says what is accepted."""
    if not isinstance(content, dict) or content.get("type") != "say":
        raise ValueError('Accepted is {"type": "say", "key": UUID, "text": TEXT}.')
    try:
        key = uuid.UUID(str(content.get("key")))
    except ValueError:
        raise ValueError("`key` has to be a UUID of your own choice.") from None
    text = content.get("text")
    if not isinstance(text, str) or not 0 < len(text.strip()) <= TEXT_LENGTH:
        raise ValueError(f"`text` has to have 1 to {TEXT_LENGTH} characters.")
    return key, text.strip()
