"""As many projects have it: the settings module is assigned, not defaulted, which must not win over the overlay."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "chatsite.settings"

from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.urls import path

from chatsite.consumers import RoomConsumer

application = ProtocolTypeRouter(
    {
        "http": django_application,
        "websocket": AllowedHostsOriginValidator(URLRouter([path("ws/room/", RoomConsumer.as_asgi())])),
    }
)
