"""ASGI entry point: pages over HTTP, the chat package's events over WebSocket."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messenger.settings")
django.setup()

from channels.auth import AuthMiddlewareStack  # noqa: E402 - the package's models need django.setup() first
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402 - see above
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402 - see above
from django.core.asgi import get_asgi_application  # noqa: E402 - see above
from realtime_chat_messaging.routing import websocket_urlpatterns  # noqa: E402 - see above

application = ProtocolTypeRouter(
    {
        "http": get_asgi_application(),
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
    },
)
