"""Refused combinations of framework, server and what neither honours, and of what outlives a process."""

from __future__ import annotations

from typing import Final

from tests.support.refusals.table import Object, Refused, worker

_DJANGO: Final[Object] = {"spec.framework": "Django"}
_LEFT_OUT: Final = "must be left out under Gunicorn"
_LONGEST_TTL: Final = 31_536_000


def _under_gunicorn(path: str, value: object) -> Refused:
    """A field about sockets for an application that has none."""
    return Refused(change={**_DJANGO, path: value}, path=path, says=_LEFT_OUT)


SERVERS: Final = {
    **{
        f"gunicorn-{framework.lower()}": Refused(
            change={"spec.framework": framework, "spec.web.server": "Gunicorn"},
            path="spec.web.server",
            says="must be a server with WebSockets for Djust, Channels, RealtimeChat: Uvicorn, Daphne",
        )
        for framework in ("Djust", "Channels", "RealtimeChat")
    },
    "wsgi-under-asgi": Refused(
        change={"spec.django.wsgiApplication": "counter.wsgi:application"},
        path="spec.django.wsgiApplication",
        says="must be left out for a server of ASGI applications: use django.asgiApplication",
    ),
    "wsgi-under-chosen-asgi": Refused(
        change={
            **_DJANGO,
            "spec.web.server": "GunicornUvicorn",
            "spec.django.wsgiApplication": "counter.wsgi:application",
        },
        path="spec.django.wsgiApplication",
        says="must be left out for a server of ASGI applications",
    ),
    "wsgi-dots": Refused(
        change={**_DJANGO, "spec.django.wsgiApplication": "counter.wsgi.application"},
        path="spec.django.wsgiApplication",
        says="must be module:attribute",
    ),
    "gunicorn-asgi": _under_gunicorn("spec.django.asgiApplication", "counter.asgi:application"),
    "gunicorn-ping": _under_gunicorn("spec.web.pingIntervalSeconds", 10),
    "gunicorn-paths": _under_gunicorn("spec.ingress.websocketPaths", ["/ws/"]),
    "gunicorn-timeouts": _under_gunicorn("spec.ingress.timeouts", {"websocketSeconds": 60}),
    **{
        f"gunicorn-{field}": Refused(
            change={**_DJANGO, f"spec.web.connections.{field}": value},
            path="spec.web.connections",
            says=_LEFT_OUT,
        )
        for field, value in {"maxPerPod": 100, "compression": "Enabled"}.items()
    },
    **{
        f"gunicorn-{field}": Refused(
            change={**_DJANGO, f"spec.web.rollout.{field}": value},
            path="spec.web.rollout",
            says="must have nothing but drainTimeoutSeconds and paused under Gunicorn",
        )
        for field, value in {
            "strategy": "SurgeAll",
            "maxReconnectsPerSecond": 200,
            "closeCode": 4000,
        }.items()
    },
    "gunicorn-chosen": Refused(
        change={
            "spec.framework": "ApiGatewayWebSockets",
            "spec.web": {"server": "Gunicorn", "pingIntervalSeconds": 10},
        },
        path="spec.web.pingIntervalSeconds",
        says=_LEFT_OUT,
    ),
    "granian-compression": Refused(
        change={"spec.web": {"server": "Granian", "connections": {"compression": "Enabled"}}},
        path="spec.web.connections.compression",
        says="must be Disabled, except with Uvicorn",
    ),
    "cookie-of-django": Refused(
        change={**_DJANGO, "spec.ingress.affinity": {"cookieName": "pod"}},
        path="spec.ingress.affinity",
        says="must have the type Cookie where cookieName or ttlSeconds are set",
    ),
    "cookie-not-wanted": Refused(
        change={"spec.ingress.affinity": {"type": "None", "ttlSeconds": 60}},
        path="spec.ingress.affinity",
        says="must have the type Cookie where cookieName or ttlSeconds are set",
    ),
    "hypercorn-without-compression": Refused(
        change={"spec.web": {"server": "Hypercorn", "connections": {"compression": "Disabled"}}},
        path="spec.web.connections.compression",
        says="must be Enabled or left out with Hypercorn",
    ),
    "granian-ping": Refused(
        change={"spec.web": {"server": "Granian", "pingIntervalSeconds": 10}},
        path="spec.web.pingIntervalSeconds",
        says="must be left out with Granian and Gunicorn",
    ),
    "django-channel-layer": Refused(
        change={**_DJANGO, "spec.channelLayer.type": "Core"},
        path="spec.channelLayer",
        says="must be left out for ApiGatewayWebSockets and Django",
    ),
    "django-channel-layer-on-asgi": Refused(
        change={**_DJANGO, "spec.web.server": "Uvicorn", "spec.channelLayer.capacity": 500},
        path="spec.channelLayer",
        says="must be left out for ApiGatewayWebSockets and Django",
    ),
    "django-channels-worker": Refused(
        change={**_DJANGO, **worker("ChannelsWorker", channels=["thumbnails"])},
        path="spec.workers",
        says="must have no ChannelsWorker for ApiGatewayWebSockets and Django",
    ),
    "chat-pubsub": Refused(
        change={"spec.framework": "RealtimeChat", "spec.channelLayer.type": "PubSub"},
        path="spec.channelLayer.type",
        says="must be Core for RealtimeChat",
    ),
}

STATE: Final = {
    "pooler-without-direct-url": Refused(
        change={
            "spec.database": {"urlSecretRef": {"name": "db", "key": "url"}, "pooling": "TransactionPooler"}
        },
        path="spec.database.directUrlSecretRef",
        says="must be set with database.pooling TransactionPooler",
    ),
    "pooling-unknown": Refused(
        change={"spec.database": {"urlSecretRef": {"name": "db", "key": "url"}, "pooling": "PgBouncer"}},
        path="spec.database.pooling",
        says="must be one of None, TransactionPooler",
        server="supported values",
    ),
    "session-shorter-than-drain": Refused(
        change={"spec.session.ttlSeconds": 29},
        path="spec.session.ttlSeconds",
        says="must be at least web.rollout.drainTimeoutSeconds",
    ),
    "groups-shorter-than-session": Refused(
        change={"spec.framework": "Channels", "spec.session.ttlSeconds": 604_801},
        path="spec.channelLayer.groupExpirySeconds",
        says="must be at least session.ttlSeconds with the channel layer Core",
    ),
    "groups-shorter-than-session-by-choice": Refused(
        change={
            "spec.channelLayer": {"type": "Core", "groupExpirySeconds": 3600},
            "spec.session.ttlSeconds": _LONGEST_TTL,
        },
        path="spec.channelLayer.groupExpirySeconds",
        says="must be at least session.ttlSeconds with the channel layer Core",
    ),
    "overlay-pooling": Refused(
        change={
            "spec.django.overlay": "Disabled",
            "spec.database": {
                "urlSecretRef": {"name": "db", "key": "url"},
                "directUrlSecretRef": {"name": "db", "key": "direct"},
                "pooling": "TransactionPooler",
            },
        },
        path="spec.django.overlay",
        says="must be Enabled",
    ),
    "overlay-static": Refused(
        change={"spec.django.overlay": "Disabled", "spec.static.collect": True},
        path="spec.django.overlay",
        says="must be Enabled",
    ),
}

_SERVERS: Final = ("Uvicorn", "Daphne", "Hypercorn", "Granian", "GunicornUvicorn")
_FRAMEWORKS: Final = ("Djust", "Channels", "RealtimeChat", "ApiGatewayWebSockets", "Django")

ACCEPTED: Final[dict[str, Object]] = {
    **{
        f"{framework}-on-{server}".lower(): {"spec.framework": framework, "spec.web.server": server}
        for framework in _FRAMEWORKS
        for server in _SERVERS
    },
    **{
        f"{framework}-on-gunicorn".lower(): {
            "spec.framework": framework,
            "spec.web": {"server": "Gunicorn", "processesPerPod": 5},
            "spec.django.wsgiApplication": "counter.wsgi:application",
            "spec.ingress.websocketPaths": [],
        }
        for framework in ("ApiGatewayWebSockets", "Django")
    },
    **{
        f"processes-{server}".lower(): {"spec.web": {"server": server, "processesPerPod": 2}}
        for server in _SERVERS
        if server != "Daphne"
    },
    **{
        f"close-code-{server}".lower(): {"spec.web": {"server": server, "rollout": {"closeCode": 1012}}}
        for server in _SERVERS
        if server != "Daphne"
    },
    "smallest-django": _DJANGO,
    "smallest-api-gateway": {"spec.framework": "ApiGatewayWebSockets"},
    "django-with-sockets": {
        **_DJANGO,
        "spec.web": {
            "server": "Uvicorn",
            "pingIntervalSeconds": 10,
            "connections": {"maxPerPod": 500, "compression": "Enabled"},
            "rollout": {"strategy": "SurgeAll", "drainTimeoutSeconds": 60, "closeCode": 4000},
        },
        "spec.django.asgiApplication": "counter.asgi:application",
        "spec.ingress.websocketPaths": ["/events/"],
        "spec.ingress.timeouts": {"websocketSeconds": 60},
    },
    **{
        f"compression-{server}".lower(): {
            "spec.web": {"server": server, "connections": {"compression": "Enabled"}}
        }
        for server in ("Uvicorn", "Hypercorn", "GunicornUvicorn")
    },
    "gunicorn-long-requests": {**_DJANGO, "spec.web.rollout.drainTimeoutSeconds": 300},
    "gunicorn-short-requests": {**_DJANGO, "spec.web.rollout.drainTimeoutSeconds": 5},
    "django-with-short-sessions": {**_DJANGO, "spec.session.ttlSeconds": 1},
    "django-with-affinity": {
        **_DJANGO,
        "spec.ingress.affinity": {"type": "Cookie", "cookieName": "pod", "ttlSeconds": 60},
    },
    "no-affinity": {"spec.ingress.affinity.type": "None"},
    "chat-core": {"spec.framework": "RealtimeChat", "spec.channelLayer": {"type": "Core", "capacity": 500}},
    "groups-as-long-as-sessions": {"spec.framework": "Channels", "spec.session.ttlSeconds": 604_800},
    "longest-sessions-without-groups": {"spec.session.ttlSeconds": _LONGEST_TTL},
    "session-as-long-as-drain": {"spec.session.ttlSeconds": 30},
    "pooler": {
        "spec.database": {
            "urlSecretRef": {"name": "db", "key": "url"},
            "directUrlSecretRef": {"name": "db", "key": "direct"},
            "pooling": "TransactionPooler",
        }
    },
    "pooler-migrated-by-somebody-else": {
        "spec.database": {"urlSecretRef": {"name": "db", "key": "url"}, "pooling": "TransactionPooler"},
        "spec.migrations.policy": "Manual",
    },
    "direct-url-alone": {
        "spec.database": {
            "urlSecretRef": {"name": "db", "key": "url"},
            "directUrlSecretRef": {"name": "db", "key": "direct"},
        },
        "spec.django.overlay": "Disabled",
    },
    "camel-case-command": {
        "spec.cleanup": [{"name": "a", "schedule": "@daily", "command": ["cleanupWebSocketTokens"]}]
    },
}
