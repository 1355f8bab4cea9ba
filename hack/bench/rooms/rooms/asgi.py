"""One room over the channel layer, behind the session middleware, as the Channels tutorial wires it."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rooms.settings")
pages = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402 - Django asks for this order
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402 - as above
from channels.sessions import SessionMiddlewareStack  # noqa: E402 - as above
from django.urls import path  # noqa: E402 - as above

from rooms.consumers import RoomConsumer  # noqa: E402 - as above

sockets = URLRouter([path("ws/room/", RoomConsumer.as_asgi())])
application = ProtocolTypeRouter(
    {"http": pages, "websocket": AllowedHostsOriginValidator(SessionMiddlewareStack(sockets))}
)
