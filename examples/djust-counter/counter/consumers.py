"""What the server sees of a WebSocket client: the answer to "do the proxies in front tell the truth?"."""

import platform
from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer


class WhoAmIConsumer(AsyncJsonWebsocketConsumer):
    """Says who the client is, once after the handshake and again for every JSON message."""

    async def connect(self) -> None:
        """Accept and send the first answer."""
        await self.accept()
        await self.send_json(self.describe())

    async def receive_json(self, content: Any, **_kwargs: Any) -> None:  # noqa: ANN401 - any JSON value
        """Answer every message, with the message in it."""
        await self.send_json({**self.describe(), "echo": content})

    def describe(self) -> dict[str, Any]:
        """Return the client's address and scheme as the scope has them, and this server's host name."""
        headers = dict(self.scope["headers"])
        return {
            "client": self.scope["client"][0] if self.scope.get("client") else None,
            "scheme": self.scope.get("scheme", "ws"),
            "host": headers.get(b"host", b"").decode("latin-1"),
            "hostname": platform.node(),
        }
