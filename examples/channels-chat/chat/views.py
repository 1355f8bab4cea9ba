"""The door, where one says a name, and the page of a room."""

import platform

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from chat.models import Room


class DoorForm(forms.Form):
    """A name and a room."""

    name = forms.CharField(max_length=40)
    room = forms.SlugField(max_length=40, initial="lobby")


@require_http_methods(["GET", "HEAD", "POST"])
def door(request: HttpRequest) -> HttpResponse:
    """Remember the visitor's name in the session and show the room."""
    form = DoorForm(request.POST or None, initial={"name": request.session.get("name", "")})
    if request.method == "POST" and form.is_valid():
        request.session["name"] = form.cleaned_data["name"]
        return redirect("room", room=form.cleaned_data["room"])
    return render(request, "chat/door.html", {"form": form}, status=400 if form.errors else 200)


def room(request: HttpRequest, room: str) -> HttpResponse:
    """Show a room to somebody who has a name."""
    name = request.session.get("name")
    if not name:
        return redirect("door")
    return render(request, "chat/room.html", {"room": room, "name": name, "version": settings.APP_VERSION})


def tally(_request: HttpRequest, room: str) -> JsonResponse:
    """Return how many messages a room has and how many people wrote them, as the worker last counted."""
    found = Room.objects.filter(name=room).first()
    return JsonResponse(
        {
            "messages": found.last_number if found else 0,
            "authors": found.authors if found else 0,
            "version": settings.APP_VERSION,
            "hostname": platform.node(),
        },
    )
