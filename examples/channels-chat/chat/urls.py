"""Addresses of the chat."""

from django.urls import path

from chat.views import door, room, tally

urlpatterns = [
    path("", door, name="door"),
    path("rooms/<slug:room>/", room, name="room"),
    path("rooms/<slug:room>/tally/", tally, name="tally"),
]
