"""ASGI entry point: pages and static files over HTTP, LiveViews and one echo over WebSocket."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "counter.settings")

# The app registry has to be filled before anything below is imported; this call does it.
pages = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402 - see above
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402 - see above
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402 - see above
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler  # noqa: E402 - see above
from django.urls import path  # noqa: E402 - see above
from djust.websocket import LiveViewConsumer  # noqa: E402 - see above

from counter.consumers import WhoAmIConsumer  # noqa: E402 - see above

sockets = URLRouter(
    [
        path("ws/live/", LiveViewConsumer.as_asgi()),
        path("ws/whoami/", WhoAmIConsumer.as_asgi()),
    ],
)

application = ProtocolTypeRouter(
    {
        "http": ASGIStaticFilesHandler(pages),
        # Another site's page must not open a socket with a visitor's cookies.
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(sockets)),
    },
)
