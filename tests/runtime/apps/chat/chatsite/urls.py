import asyncio
import gc
import hashlib
import os

from django.conf import settings
from django.core.cache import cache
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from chatsite.origin import describe_origin


async def slow(request):
    await asyncio.sleep(float(request.GET["seconds"]))
    return HttpResponse("done")


async def events(request):
    async def produce():
        number = 0
        while True:
            yield f"data: {number} {os.getpid()}\n\n"
            number += 1
            await asyncio.sleep(0.2)

    return StreamingHttpResponse(produce(), content_type="text/event-stream")


def origin(request):
    described = describe_origin(request.scope)
    return JsonResponse({**described, "secure": request.is_secure(), "remote": request.META["REMOTE_ADDR"]})


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def facts(_request):
    cache.set("seen", "yes")
    layer = settings.CHANNEL_LAYERS["default"]
    return JsonResponse(
        {
            "settings_module": settings.SETTINGS_MODULE,
            "debug": settings.DEBUG,
            "hosts": settings.ALLOWED_HOSTS,
            "origins": settings.CSRF_TRUSTED_ORIGINS,
            "session_cookie_secure": settings.SESSION_COOKIE_SECURE,
            "csrf_cookie_secure": settings.CSRF_COOKIE_SECURE,
            "session_engine": settings.SESSION_ENGINE,
            "session_age": settings.SESSION_COOKIE_AGE,
            "layer": layer["BACKEND"],
            "layer_prefix": layer["CONFIG"]["prefix"],
            "layer_timeout": layer["CONFIG"]["hosts"][0]["socket_timeout"],
            "secret_key_sha": sha(settings.SECRET_KEY),
            "env_secret_key_sha": sha(os.environ["SECRET_KEY"]),
            "seen_database_url_sha": sha(settings.SEEN_DATABASE_URL),
            "seen_redis_url": bool(settings.SEEN_REDIS_URL),
            "broker_database": settings.CELERY_BROKER_URL.rpartition("/")[2],
            "result_backend": settings.CELERY_RESULT_BACKEND,
            "cache": cache.get("seen"),
        }
    )


ballast = []


def collect(_request):
    """Make a pass of the collector that goes through a million objects; say how many were set aside by it."""
    if not ballast:
        ballast.extend([number] for number in range(1_000_000))
    before = gc.get_freeze_count()
    gc.collect()
    return JsonResponse({"set_aside": gc.get_freeze_count() - before})


urlpatterns = [
    path("", lambda _request: HttpResponse("hello")),
    path("slow/", slow),
    path("events/", csrf_exempt(events)),
    path("origin/", origin),
    path("facts/", facts),
    path("collect/", collect),
]
