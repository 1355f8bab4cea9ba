"""ASGI entry point: pages over HTTP, rooms over WebSocket, and the consumer of a worker."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chat.settings")

# The app registry has to be filled before anything below is imported; this call does it.
pages = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402 - see above
from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter  # noqa: E402 - see above
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402 - see above
from django.urls import path  # noqa: E402 - see above

from chat.consumers import RoomConsumer  # noqa: E402 - see above
from chat.workers import TallyConsumer  # noqa: E402 - see above

application = ProtocolTypeRouter(
    {
        "http": pages,
        # Another site's page must not open a socket with a visitor's cookies.
        "websocket": AllowedHostsOriginValidator(
            AuthMiddlewareStack(URLRouter([path("ws/chat/<slug:room>/", RoomConsumer.as_asgi())])),
        ),
        "channel": ChannelNameRouter({"tally": TallyConsumer.as_asgi()}),
    },
)
