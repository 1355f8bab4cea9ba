"""A WebSocket that accepts and listens."""

from channels.generic.websocket import AsyncWebsocketConsumer


class Listener(AsyncWebsocketConsumer):
    """Answers nothing; its clients only care that it stays."""
