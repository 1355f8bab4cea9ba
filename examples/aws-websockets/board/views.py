"""The board's page, and what happens to messages that API Gateway hands on."""

import platform
from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import UserCreationForm
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django_aws_api_gateway_websockets.models import WebSocketSession
from django_aws_api_gateway_websockets.views import WebSocketView

from board.models import Notice

LATEST = 20
CHANNEL = "board"


@login_required
def index(request: HttpRequest) -> HttpResponse:
    """Show the latest notices; the page then asks for a token and opens its WebSocket at the gateway."""
    return render(
        request,
        "board/index.html",
        {
            "notices": Notice.objects.select_related("author")[:LATEST],
            "websocket_url": settings.WEBSOCKET_URL,
            "channel": CHANNEL,
            "version": settings.APP_VERSION,
            "hostname": platform.node(),
        },
    )


def sign_up(request: HttpRequest) -> HttpResponse:
    """Let anybody have an account."""
    form = UserCreationForm(request.POST or None)
    if form.is_valid():
        login(request, form.save())
        return redirect("index")
    return render(request, "registration/login.html", {"form": form, "button": "Sign up"})


class BoardSocketView(WebSocketView):
    """The connections of the board: each event of API Gateway is one request."""

    ALLOWED_HANDLERS = frozenset({"default", "pin"})
    ALLOW_UNLISTED_CHANNELS = False
    CHECK_PERMISSIONS_ON_CONNECT = True

    def default(self, _request: HttpRequest, *_args: Any, **_kwargs: Any) -> JsonResponse:  # noqa: ANN401 - the package's signature
        """Answer the sender alone, on its connection."""
        self.websocket_session.send_message(
            {"type": "echo", "message": self.body.get("message"), "version": settings.APP_VERSION}
        )
        return JsonResponse({"ok": True})

    def pin(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> JsonResponse:  # noqa: ANN401 - the package's signature
        """Pin a notice and tell everybody who has the board open."""
        text = str(self.body.get("text", ""))[:200]
        notice = Notice.objects.create(author=request.user, text=text)
        WebSocketSession.objects.filter(channel_name=CHANNEL, connected=True).send_message(
            {"type": "notice", "id": notice.pk, "text": notice.text, "author": request.user.get_username()}
        )
        return JsonResponse({"notice": notice.pk})
