"""Views over HTTP and an echo over WebSocket."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "echo.settings")

from django.core.asgi import get_asgi_application

pages = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.urls import path

from echo.consumers import EchoConsumer

application = ProtocolTypeRouter(
    {
        "http": pages,
        "websocket": AllowedHostsOriginValidator(URLRouter([path("ws/echo/", EchoConsumer.as_asgi())])),
    }
)
