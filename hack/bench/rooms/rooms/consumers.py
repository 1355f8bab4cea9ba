"""A member of its own room: what is said comes back through Redis."""

from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer


class RoomConsumer(AsyncJsonWebsocketConsumer):
    """Joins a room of its own, so that a thousand sockets do not answer each other."""

    async def connect(self) -> None:
        """Join, then accept."""
        self.room = f"room-{id(self)}"
        await self.channel_layer.group_add(self.room, self.channel_name)
        await self.accept()

    async def disconnect(self, _code: int) -> None:
        """Leave."""
        await self.channel_layer.group_discard(self.room, self.channel_name)

    async def receive_json(self, content: Any, **_kwargs: Any) -> None:  # noqa: ANN401 - any JSON value
        """Say it to the room."""
        await self.channel_layer.group_send(self.room, {"type": "said", "text": content["say"]})

    async def said(self, event: dict[str, Any]) -> None:
        """Pass on what was said in the room."""
        await self.send_json({"said": event["text"]})
