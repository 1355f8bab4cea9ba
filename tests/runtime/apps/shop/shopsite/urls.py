import os
import time
from pathlib import Path

from django.conf import settings
from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path


def slow(request):
    time.sleep(float(request.GET["seconds"]))
    return HttpResponse("done")


def parts(request):
    """An answer that is still being sent after the view has returned."""

    def produce():
        for number in range(int(request.GET["count"])):
            yield f"{number}\n"
            time.sleep(0.5)

    return StreamingHttpResponse(produce(), content_type="text/plain")


def events(_request):
    def produce():
        number = 0
        while True:
            yield f"data: {number}\n\n"
            number += 1
            time.sleep(0.2)

    return StreamingHttpResponse(produce(), content_type="text/event-stream")


def origin(request):
    headers = {}
    for name, value in request.headers.items():
        if name.lower().startswith("x-forwarded") or name.lower() in ("forwarded", "x-real-ip"):
            headers[name.lower()] = [value]
    return JsonResponse(
        {
            "client": request.META["REMOTE_ADDR"],
            "remote": request.META["REMOTE_ADDR"],
            "scheme": request.scheme,
            "secure": request.is_secure(),
            "headers": headers,
        }
    )


def facts(_request):
    return JsonResponse(
        {"pid": os.getpid(), "settings_module": settings.SETTINGS_MODULE, "debug": settings.DEBUG}
    )


urlpatterns = [
    path("", lambda _request: HttpResponse("hello")),
    path("slow/", slow),
    path("parts/", parts),
    path("events/", events),
    path("origin/", origin),
    path("facts/", facts),
    path("file/", lambda _request: FileResponse(Path(__file__).open("rb"))),  # noqa: SIM115 - Django closes it
]
