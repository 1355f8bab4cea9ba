"""What is stored of a room and read from it. Plain functions of the ORM; consumers call them in a thread."""

import uuid
from typing import Any

from django.db import transaction

from chat.models import Message, Room

PAGE = 200
"""Messages read at once; whoever missed more asks again."""


def enter_room(name: str) -> Room:
    """Return the room of that name, a new one if there is none."""
    room, _ = Room.objects.get_or_create(name=name)
    return room


@transaction.atomic
def store_message(*, room: Room, key: uuid.UUID, author: str, text: str) -> dict[str, Any]:
    """Store a message and return it; one whose key the room has already is returned as it is stored.

    The room's row is locked until the commit, so numbers become visible in their order and without gaps: somebody who
    has seen number 7 and asks for what came after it misses nothing.
    """
    locked = Room.objects.select_for_update().get(pk=room.pk)
    known = Message.objects.filter(room=locked, key=key).first()
    if known is not None:
        return describe(known)
    locked.last_number += 1
    locked.save(update_fields=["last_number"])
    return describe(
        Message.objects.create(room=locked, number=locked.last_number, key=key, author=author, text=text),
    )


def read_messages(*, room: Room, after: int) -> list[dict[str, Any]]:
    """Return the first PAGE messages with a number above `after`, in order."""
    found = Message.objects.filter(room=room, number__gt=after).order_by("number")[:PAGE]
    return [describe(message) for message in found]


def count_authors(room: str) -> int:
    """Count again how many people have written in a room, note it and return it."""
    authors = Message.objects.filter(room__name=room).values("author").distinct().count()
    Room.objects.filter(name=room).update(authors=authors)
    return authors


def describe(message: Message) -> dict[str, Any]:
    """Return a message as clients get it."""
    return {
        "number": message.number,
        "key": str(message.key),
        "author": message.author,
        "text": message.text,
        "sentAt": message.sent_at.isoformat(),
    }
