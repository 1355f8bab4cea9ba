"""Rooms and what was said in them."""

from django.db import models


class Room(models.Model):
    """A room; it comes into being when somebody enters it."""

    name = models.SlugField(max_length=40, unique=True)
    last_number = models.PositiveBigIntegerField(default=0)
    authors = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        """Return the name."""
        return self.name


class Message(models.Model):
    """One message. `number` counts up by one within its room; `key` was chosen by the client that sent it."""

    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="messages")
    number = models.PositiveBigIntegerField()
    key = models.UUIDField()
    author = models.CharField(max_length=40)
    text = models.CharField(max_length=500)
    sent_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """A message is in its room once, whatever a client repeats."""

        ordering = ("number",)
        constraints = (
            models.UniqueConstraint(fields=["room", "number"], name="one_message_per_number"),
            models.UniqueConstraint(fields=["room", "key"], name="one_message_per_key"),
        )

    def __str__(self) -> str:
        """Return number and text."""
        return f"{self.number}: {self.text}"
