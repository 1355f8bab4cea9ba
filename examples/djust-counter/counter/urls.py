"""Addresses of the counter."""

from django.urls import include, path
from djust.sse import sse_urlpatterns

from counter.board import BoardView
from counter.views import CounterView, ticks, whoami

urlpatterns = [
    path("", CounterView.as_view(), name="index"),
    path("board/", BoardView.as_view(), name="board"),
    # Where a WebSocket does not get through, djust's client uses server-sent events.
    path("djust/", include(sse_urlpatterns)),
    path("ticks/", ticks, name="ticks"),
    path("whoami/", whoami, name="whoami"),
]
