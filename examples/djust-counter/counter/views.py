"""The counter page, a stream of ticks, and what the server sees of its client."""

import asyncio
import platform
from collections.abc import AsyncIterator
from typing import Any

from django.conf import settings
from django.http import HttpRequest, JsonResponse, StreamingHttpResponse
from djust import LiveView
from djust.decorators import event_handler

NOTES_KEPT = 5
NOTE_LENGTH = 60


class CounterView(LiveView):
    """A count and a few notes, kept by the server for each browser session."""

    template_name = "counter/index.html"
    login_required = False
    # The state outlives its WebSocket: after a reconnect the view continues, on whatever process answers.
    enable_state_snapshot = True

    def mount(self, request: HttpRequest, **kwargs: Any) -> None:  # noqa: ANN401, ARG002 - djust checks these names
        """Start a new visitor at zero."""
        self.count = 0
        self.notes: list[str] = []

    @event_handler()
    def increment(self, **_kwargs: Any) -> None:  # noqa: ANN401 - djust's signature
        """Add one."""
        self.count += 1

    @event_handler()
    def decrement(self, **_kwargs: Any) -> None:  # noqa: ANN401 - djust's signature
        """Take one away."""
        self.count -= 1

    @event_handler()
    def reset(self, **_kwargs: Any) -> None:  # noqa: ANN401 - djust's signature
        """Return to zero and forget the notes."""
        self.count = 0
        self.notes = []

    @event_handler()
    def refresh(self, **_kwargs: Any) -> None:  # noqa: ANN401 - djust's signature
        """Render again: after a reconnect the page asks for it, to show which server it talks to now."""

    @event_handler()
    def add_note(self, text: str = "", **_kwargs: Any) -> None:  # noqa: ANN401 - djust's signature
        """Put a note on top of the list."""
        if text.strip():
            self.notes = [text.strip()[:NOTE_LENGTH], *self.notes][:NOTES_KEPT]

    def get_context_data(self, **_kwargs: Any) -> dict[str, Any]:  # noqa: ANN401 - djust's signature
        """Add who is serving: computed, not state, so that it is right after moving to another server."""
        return {
            "count": self.count,
            "notes": self.notes,
            "hostname": platform.node(),
            "version": settings.APP_VERSION,
        }


async def ticks(_request: HttpRequest) -> StreamingHttpResponse:
    """Stream one server-sent event a second, for ever: a response that lives as long as a socket does."""

    async def stream() -> AsyncIterator[str]:
        number = 0
        while True:
            yield f"id: {number}\ndata: {number} {platform.node()}\n\n"
            number += 1
            await asyncio.sleep(1)

    return StreamingHttpResponse(
        stream(),
        content_type="text/event-stream",
        headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
    )


async def whoami(request: HttpRequest) -> JsonResponse:
    """Return what the server believes about this request's client, and who the server is."""
    return JsonResponse(
        {
            "remoteAddr": request.META.get("REMOTE_ADDR"),
            "scheme": request.scheme,
            "secure": request.is_secure(),
            "host": request.get_host(),
            "hostname": platform.node(),
            "version": settings.APP_VERSION,
        },
    )
