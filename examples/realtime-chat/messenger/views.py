"""Signing up, the page with the chat, and the directory of the people one can write to."""

import platform

from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import UserCreationForm
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods
from guardian.utils import get_anonymous_user


@require_http_methods(["GET", "HEAD", "POST"])
def signup(request: HttpRequest) -> HttpResponse:
    """Make an account and log its owner in."""
    form = UserCreationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        login(request, form.save(), backend="django.contrib.auth.backends.ModelBackend")
        return redirect("index")
    return render(request, "registration/signup.html", {"form": form}, status=400 if form.errors else 200)


@login_required
def index(request: HttpRequest) -> HttpResponse:
    """Show the chat."""
    return render(request, "messenger/index.html", {"version": settings.APP_VERSION})


@login_required
def people(_request: HttpRequest) -> JsonResponse:
    """Return everybody's id by name."""
    users = get_user_model().objects.filter(is_active=True).exclude(pk=get_anonymous_user().pk)
    return JsonResponse({"people": dict(users.values_list("username", "pk"))})


@login_required
def whoami(request: HttpRequest) -> JsonResponse:
    """Return who is logged in, and who is serving."""
    return JsonResponse(
        {
            "id": request.user.pk,
            "username": request.user.get_username(),
            "version": settings.APP_VERSION,
            "hostname": platform.node(),
        },
    )
