"""A page everybody shares: who is here, and what others do, pushed by the server to pages on any process."""

import platform
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from djust import LiveView, push_to_view
from djust.decorators import event_handler
from djust.presence import PresenceMixin

NAME_LENGTH = 40
WAVES_KEPT = 5


class BoardView(PresenceMixin, LiveView):
    """Visitors wave; all the others see it."""

    template_name = "counter/board.html"
    login_required = False
    presence_key = "board"
    presence_unique_per_connection = True

    def mount(self, request: HttpRequest, **kwargs: Any) -> None:  # noqa: ANN401, ARG002 - djust checks these names
        """Join the others."""
        self.waves: list[str] = []
        self.online_count = 0
        self.track_presence()

    @event_handler()
    def wave(self, name: str = "", **_kwargs: Any) -> None:  # noqa: ANN401 - djust's signature
        """Push a wave to everybody; djust leaves out the page it came from."""
        sender = name.strip()[:NAME_LENGTH] or "Somebody"
        push_to_view("counter.board.BoardView", handler="handle_wave", payload={"name": sender})

    @event_handler()
    def handle_wave(self, name: str = "", **_kwargs: Any) -> None:  # noqa: ANN401 - djust's signature
        """Show somebody's wave."""
        self.waves = [name, *self.waves][:WAVES_KEPT]

    def get_context_data(self, **_kwargs: Any) -> dict[str, Any]:  # noqa: ANN401 - djust's signature
        """Add who is serving."""
        return {
            "waves": self.waves,
            "online_count": self.online_count,
            "hostname": platform.node(),
            "version": settings.APP_VERSION,
        }
