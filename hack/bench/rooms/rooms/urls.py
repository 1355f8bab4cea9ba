"""One page, for servers without sockets."""

from django.http import HttpRequest, HttpResponse
from django.urls import path


def index(_request: HttpRequest) -> HttpResponse:
    """Say something short."""
    return HttpResponse("rooms")


urlpatterns = [path("", index)]
