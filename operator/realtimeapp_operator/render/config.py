"""The settings ConfigMap: what the runtime inside the pods is told, as JSON and without any secret.

It is immutable and named after its content: running pods keep the settings they started with, and a change of a
setting is a change of the pod template, so it is rolled out, paced and undone like any other.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from realtimeapp_operator import names
from realtimeapp_operator.api import defaults
from realtimeapp_operator.render.common import metadata
from realtimeapp_operator.render.environment import (
    DATABASE_URL_FILE,
    DIRECT_DATABASE_URL_FILE,
    REDIS_PASSWORD_FILE,
    SECRET_KEY_FILE,
)
from realtimeapp_operator.render.pacing import GRACEFUL_SECONDS, LAG_SECONDS, rate_per_second
from realtimeapp_operator.render.redis import host
from realtimeapp_operator.render.redis_config import PORT

if TYPE_CHECKING:
    from realtimeapp_operator.api.app import RealtimeApp, Spec
    from realtimeapp_operator.render.facts import Facts, Manifest

FORMAT_VERSION: Final = 1
"""Version of the file's format, checked by the runtime."""
DATABASES: Final = {"state": 0, "cache": 1, "channels": 2, "celery": 3}
"""Redis databases by use, so that clearing the cache leaves the rest alone."""


def build_settings(app: RealtimeApp, facts: Facts) -> Manifest:
    """The immutable settings ConfigMap; its name has the hash of its content."""
    content = json.dumps(settings(app, facts), indent=2, sort_keys=True) + "\n"
    name = names.settings_config(app.metadata.name, content)
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(app, name, component=names.COMPONENT_WEB),
        "immutable": True,
        "data": {names.SETTINGS_FILE: content},
    }


def settings(app: RealtimeApp, facts: Facts) -> dict[str, Any]:
    """Content of settings.json; every path is one inside the container."""
    spec = app.spec
    tls = spec.ingress is not None and spec.ingress.tls is not None
    return {
        "version": FORMAT_VERSION,
        "framework": spec.framework,
        "settingsModule": spec.django.settings_module,
        "asgiApplication": spec.django.asgi_application,
        "wsgiApplication": spec.django.wsgi_application,
        "server": {
            "name": defaults.server(spec),
            "processes": defaults.processes(spec),
            "pingIntervalSeconds": spec.web.ping_interval_seconds,
            "compression": defaults.compression(spec) == "Enabled",
            "gracefulSeconds": GRACEFUL_SECONDS,
        },
        "hosts": list(defaults.hosts(spec)),
        "csrfTrustedOrigins": _origins(app),
        "tls": tls,
        "secretKeyFile": f"{names.SECRETS_DIR}/{SECRET_KEY_FILE}",
        "redis": {
            "host": host(app),
            "port": PORT,
            "username": "default",
            "passwordFile": f"{names.SECRETS_DIR}/{REDIS_PASSWORD_FILE}",
            "keyPrefix": f"{app.metadata.namespace}:{app.metadata.name}:",
            "databases": DATABASES,
        },
        "channelLayer": _channel_layer(spec),
        "session": {
            "engine": defaults.session_engine(spec),
            "ttlSeconds": spec.session.ttl_seconds,
        },
        **_database(spec),
        "static": {"root": names.STATIC_DIR if spec.static.collect else None},
        "connections": {
            "maxPerPod": spec.web.connections.max_per_pod,
            "maxAgeSeconds": spec.web.connections.max_age_seconds,
            "rebalance": spec.web.connections.rebalance == "AfterScaleOut",
        },
        "drain": {
            "lagSeconds": LAG_SECONDS,
            "timeoutSeconds": spec.web.rollout.drain_timeout_seconds,
            "ratePerSecond": rate_per_second(spec),
            "fleetRatePerSecond": float(spec.web.rollout.max_reconnects_per_second),
            "closeCode": defaults.close_code(spec),
            "probed": True,
        },
        "affinity": {"cookieName": _cookie_name(spec)},
        "websocketPaths": list(defaults.websocket_paths(spec)) if defaults.holds_sockets(spec) else [],
        "trustedProxies": _trusted_proxies(app, facts),
    }


def _database(spec: Spec) -> dict[str, Any]:
    database = spec.database
    direct = database is not None and database.direct_url_secret_ref is not None
    return {
        "databaseUrlFile": f"{names.SECRETS_DIR}/{DATABASE_URL_FILE}" if database else None,
        "directDatabaseUrlFile": f"{names.SECRETS_DIR}/{DIRECT_DATABASE_URL_FILE}" if direct else None,
        "database": {"pooling": database.pooling if database else "None"},
    }


def _channel_layer(spec: Spec) -> dict[str, Any] | None:
    kind = defaults.channel_layer_type(spec)
    if kind is None:
        return None
    return {
        "type": kind,
        "capacity": spec.channel_layer.capacity,
        "expirySeconds": spec.channel_layer.expiry_seconds,
        "groupExpirySeconds": spec.channel_layer.group_expiry_seconds,
    }


def _cookie_name(spec: Spec) -> str | None:
    """The cookie that leads a client back to its pod, also where a controller we do not know is told by its owner."""
    if spec.ingress is None or defaults.affinity_type(spec) != "Cookie":
        return None
    return spec.ingress.affinity.cookie_name


def _origins(app: RealtimeApp) -> list[str]:
    """Origins whose forms Django accepts.

    Behind an ingress the scheme is known; without one TLS may end at a load balancer nobody told us about.
    """
    ingress = app.spec.ingress
    if ingress is None:
        return [f"{scheme}://{name}" for name in defaults.hosts(app.spec) for scheme in ("https", "http")]
    scheme = "https" if ingress.tls is not None else "http"
    return [f"{scheme}://{name}" for name in defaults.hosts(app.spec)]


def _trusted_proxies(app: RealtimeApp, facts: Facts) -> dict[str, Any]:
    """Whose word about the client is taken.

    Traefik replaces X-Forwarded-For, so its last entry is the client. Nothing is known about other controllers: one
    that appends what the client sent would let anybody choose an address.
    """
    trusted = app.spec.trusted_proxies
    cidrs = list(trusted.cidrs) if trusted is not None else []
    hops = trusted.hops if trusted is not None else None
    if not cidrs and hops is None and facts.edge == "Traefik":
        hops = 1
    return {"cidrs": cidrs, "hops": hops}
