"""ASGI entry point: pages, and a WebSocket that stays open."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ledger.settings")
pages = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path

from ledger.consumers import Listener

application = ProtocolTypeRouter(
    {"http": pages, "websocket": URLRouter([path("ws/listen/", Listener.as_asgi())])}
)
