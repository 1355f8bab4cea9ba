"""Rules about the way to the users: hosts, proxies, redirects, static files, event streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from realtimeapp_runtime.checks import Facts, Settings, rule
from realtimeapp_runtime.overlay_edge import trusts_proxies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from realtimeapp_runtime.config import Config

DJUST_ADDRESS_LIMIT: Final = 10
"""djust's default for sockets of one address and process."""


@rule(
    "E020",
    meaning="The AWS package compares the Host header with ALLOWED_HOSTS literally: a pattern never matches and every connect gets 400.",
    remedy="Name the exact hosts in spec.ingress.hosts, or in ALLOWED_HOSTS where the overlay is off.",
)
def find_host_patterns(settings: Settings, config: Config, _facts: Facts) -> Iterator[str]:
    """ApiGatewayWebSockets only."""
    if config.framework != "ApiGatewayWebSockets":
        return
    patterns = [host for host in settings.get("ALLOWED_HOSTS") or () if host.startswith(("*", "."))]
    if patterns:
        yield f"ALLOWED_HOSTS has the pattern {', '.join(map(repr, patterns))}."


@rule(
    "E021",
    meaning="SECURE_SSL_REDIRECT is on, but no proxy is trusted to say that a request came over https: every page redirects for ever.",
    remedy="Set spec.trustedProxies, or SECURE_SSL_REDIRECT = False and redirect at the edge.",
)
def find_endless_redirects(settings: Settings, config: Config, _facts: Facts) -> Iterator[str]:
    """Untrusted forwarding headers are removed before Django sees them, so SECURE_PROXY_SSL_HEADER does not help."""
    if settings.get("SECURE_SSL_REDIRECT") and not trusts_proxies(config):
        yield "SECURE_SSL_REDIRECT is on and spec.trustedProxies names nobody."


@rule(
    "E022",
    meaning="Static files are to be collected, but the command collectstatic is not there.",
    remedy="Add 'django.contrib.staticfiles' to INSTALLED_APPS, or set spec.static.collect to false.",
)
def find_no_collectstatic(settings: Settings, config: Config, _facts: Facts) -> Iterator[str]:
    """The init container would fail."""
    if config.static_root is not None and not _has_app(settings, "django.contrib.staticfiles"):
        yield "'django.contrib.staticfiles' is not in INSTALLED_APPS."


@rule(
    "W020",
    meaning="djust refuses the sockets of one client address above a limit, and no proxy is trusted: all users have the edge's address.",
    remedy="Set spec.trustedProxies so that addresses are true, or raise LIVEVIEW_CONFIG['rate_limit']['max_connections_per_ip'].",
)
def find_shared_address_limit(settings: Settings, config: Config, _facts: Facts) -> Iterator[str]:
    """The overlay lifts the limit only where the settings name none."""
    if config.framework != "Djust" or trusts_proxies(config):
        return
    rate = (settings.get("LIVEVIEW_CONFIG") or {}).get("rate_limit") or {}
    limit = rate.get("max_connections_per_ip", DJUST_ADDRESS_LIMIT)
    if limit < config.max_per_pod:
        yield f"At most {limit} sockets of all users together are served by a process."


@rule(
    "W021",
    meaning="djust is told to skip addresses in X-Forwarded-For, but the runtime already did: it then takes a wrong address for the client.",
    remedy="Set DJUST_TRUSTED_PROXY_COUNT = 0, or leave it to the overlay.",
)
def find_proxies_counted_twice(settings: Settings, config: Config, _facts: Facts) -> Iterator[str]:
    """For `overlay: Disabled`: the ASGI wrapper works all the same."""
    count = settings.get("DJUST_TRUSTED_PROXY_COUNT", 0)
    if config.framework == "Djust" and count:
        yield f"DJUST_TRUSTED_PROXY_COUNT is {count}."


@rule(
    "W022",
    meaning="djust's fallback over server-sent events keeps its sessions in one process; with several in a pod, its requests meet the wrong one.",
    remedy="Set spec.web.processesPerPod to 1 and scale by replicas; the edge's cookie keeps a client on its pod.",
)
def find_streams_of_many_processes(_settings: Settings, config: Config, facts: Facts) -> Iterator[str]:
    """Only where the application's URLs have djust's event streams."""
    if config.framework == "Djust" and facts.has_event_streams and config.server.processes > 1:
        yield f"The URLs have djust's event streams, and a pod runs {config.server.processes} processes."


@rule(
    "W023",
    meaning="Static files are collected, but nothing in the application serves them.",
    remedy="Add WhiteNoise to the image and its middleware to MIDDLEWARE, or set STATIC_URL to the server that has the files.",
)
def find_unserved_files(settings: Settings, config: Config, facts: Facts) -> Iterator[str]:
    """A STATIC_URL with a host is somebody else's to serve."""
    if config.static_root is None or facts.serves_static:
        return
    url = str(settings.get("STATIC_URL") or "")
    if not url.startswith(("http://", "https://", "//")):
        yield f"No middleware and no URL serves {url or 'STATIC_URL'}."


@rule(
    "W024",
    meaning="WhiteNoise serves STATIC_ROOT, but nothing collects files into it, neither the image nor the operator.",
    remedy="Set spec.static.collect to true, or run collectstatic while the image is built.",
)
def find_uncollected_files(settings: Settings, config: Config, facts: Facts) -> Iterator[str]:
    """Not where WhiteNoise looks the files up itself."""
    served = any("whitenoise" in name.lower() for name in settings.get("MIDDLEWARE") or ())
    collected = config.static_root is not None or facts.has_collected_files
    if served and not collected and not settings.get("WHITENOISE_USE_FINDERS"):
        yield f"STATIC_ROOT ({settings.get('STATIC_ROOT')}) has no file."


def _has_app(settings: Settings, name: str) -> bool:
    return any(str(app).startswith(name) for app in settings.get("INSTALLED_APPS") or ())


RULES: Final = (
    find_host_patterns,
    find_endless_redirects,
    find_no_collectstatic,
    find_shared_address_limit,
    find_proxies_counted_twice,
    find_streams_of_many_processes,
    find_unserved_files,
    find_uncollected_files,
)
