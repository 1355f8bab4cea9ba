from django.conf import settings
from django.http import JsonResponse
from django.urls import path
from djust import LiveView
from djust.decorators import event_handler
from djust.state_backend import get_backend


class CounterView(LiveView):
    template_name = "counter.html"
    login_required = False
    enable_state_snapshot = True

    def mount(self, request, **_options):
        self.count = 0

    @event_handler()
    def increment(self, **_options):
        self.count += 1


def facts(_request):
    return JsonResponse(
        {
            "state": type(get_backend()).__name__,
            "presence": settings.DJUST_CONFIG["PRESENCE_BACKEND"],
            "ttl": settings.DJUST_CONFIG["SESSION_TTL"],
            "prefix": settings.DJUST_CONFIG["REDIS_KEY_PREFIX"],
            "per_address": settings.LIVEVIEW_CONFIG["rate_limit"]["max_connections_per_ip"],
            "layer": settings.CHANNEL_LAYERS["default"]["BACKEND"],
        }
    )


urlpatterns = [path("", CounterView.as_view()), path("facts/", facts)]
