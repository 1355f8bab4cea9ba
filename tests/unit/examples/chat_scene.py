"""The rooms of examples/channels-chat with people in them, in a process of their own: Django is configured once in each.

chat_scene.py DATABASE     plays the scene and prints what everybody got, as JSON
"""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "examples" / "channels-chat"))
settings.configure(
    SECRET_KEY="made up for this scene",
    INSTALLED_APPS=["channels", "django.contrib.contenttypes", "chat"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[1]}},
    CHANNEL_LAYERS={"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
    APP_VERSION="1",
    CHAT_HISTORY_LENGTH=2,
)
django.setup()

from channels.layers import get_channel_layer  # noqa: E402 - needs the settings
from channels.testing import WebsocketCommunicator  # noqa: E402 - same
from chat.consumers import RoomConsumer  # type: ignore[import-not-found]  # noqa: E402 - found on the path above
from chat.models import Room  # type: ignore[import-not-found]  # noqa: E402 - same

Frame = dict[str, Any]


class Visitor:
    """One person's socket."""

    def __init__(self, name: str | None, *, after: str = "") -> None:
        self.socket = WebsocketCommunicator(RoomConsumer.as_asgi(), f"/ws/chat/lobby/{after}")
        self.socket.scope["session"] = {"name": name} if name else {}
        self.socket.scope["url_route"] = {"kwargs": {"room": "lobby"}}

    async def enter(self) -> bool:
        """Connect; whether the room let this person in."""
        accepted, _ = await self.socket.connect(timeout=10)
        return bool(accepted)

    async def say(self, text: str, key: uuid.UUID | None = None) -> None:
        """Say something under a key."""
        await self.socket.send_json_to({"type": "say", "key": str(key or uuid.uuid4()), "text": text})

    async def heard(self) -> list[Frame]:
        """Everything that comes until it is quiet."""
        frames = []
        while not await self.socket.receive_nothing(timeout=0.5):
            frames.append(await self.socket.receive_json_from())
        return frames


async def play() -> dict[str, Any]:
    """Say, repeat, miss, catch up, and send what nobody understands."""
    ann, ben = Visitor("Ann"), Visitor("Ben")
    told: dict[str, Any] = {"stranger": await Visitor(None).enter()}
    await ann.enter()
    await ben.enter()
    key = uuid.uuid4()
    for _ in range(2):
        await ann.say("hello", key)
    told["repeated"] = {"ann": await ann.heard(), "ben": await ben.heard()}
    await ben.socket.disconnect()
    for number in range(3):
        await ann.say(f"missed {number}")
    await ann.heard()
    back = Visitor("Ben", after="?after=1")
    await back.enter()
    told["caught up"] = await back.heard()
    newcomer = Visitor("Cara")
    await newcomer.enter()
    told["newcomer"] = await newcomer.heard()
    told["gap"] = await leave_a_gap(back)
    for nonsense in (
        "nonsense",
        "[]",
        '{"type": "say", "key": 1, "text": "x"}',
        f'{{"type": "say", "key": "{key}"}}',
    ):
        await back.socket.send_to(text_data=nonsense)
    told["nonsense"] = await back.heard()
    return told


async def leave_a_gap(visitor: Visitor) -> list[Frame]:
    """Store two messages and tell the room of the second alone, as when the first was over the layer's capacity."""
    room = await Room.objects.aget(name="lobby")
    for number in (5, 6):
        await room.messages.acreate(number=number, key=uuid.uuid4(), author="Ann", text=f"gap {number}")
    event = {"type": "room.message", "message": {"number": 6, "text": "gap 6"}}
    layer = get_channel_layer()
    for _ in range(2):  # and once more, late
        await layer.group_send(f"room-{room.pk}", event)
    return await visitor.heard()


if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    print(json.dumps(asyncio.run(play())))
