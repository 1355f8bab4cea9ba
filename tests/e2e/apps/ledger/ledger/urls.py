"""Addresses of the ledger."""

from django.conf import settings
from django.http import HttpResponse
from django.urls import path


def version(request):
    """Which version answers; asks nobody else."""
    return HttpResponse(settings.APP_VERSION)


def visits(request):
    """Count this visitor's visits in the session."""
    request.session["visits"] = request.session.get("visits", 0) + 1
    return HttpResponse(request.session["visits"])


urlpatterns = [path("", version), path("visits/", visits)]
