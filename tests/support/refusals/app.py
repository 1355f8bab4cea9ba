"""Refused names, images, Django projects and Redis servers."""

from __future__ import annotations

from typing import Final

from tests.support.refusals.table import ABSENT, Refused

_NAME = "metadata.name must have at most 40 characters"
_BELOW = "should be greater than or equal to"

APP: Final = {
    "name-long": Refused(
        change={"metadata.name": "a" * 41}, path="metadata.name", server_path="<nil>", says=_NAME
    ),
    "name-digit": Refused(
        change={"metadata.name": "1counter"}, path="metadata.name", server_path="<nil>", says=_NAME
    ),
    "name-dot": Refused(
        change={"metadata.name": "counter.x"}, path="metadata.name", server_path="<nil>", says=_NAME
    ),
    "image": Refused(
        change={"spec.image": "registry.example.com/a b"},
        path="spec.image",
        says="must be an image reference",
    ),
    "image-option": Refused(
        change={"spec.image": "--privileged"}, path="spec.image", says="must be an image reference"
    ),
    "image-missing": Refused(
        change={"spec.image": ABSENT}, path="spec.image", says="must be set", server="Required value"
    ),
    "settings-path": Refused(
        change={"spec.django.settingsModule": "counter/settings.py"},
        path="spec.django.settingsModule",
        says="must be a Python module with dots",
    ),
    "asgi-dots": Refused(
        change={"spec.django.asgiApplication": "counter.asgi.application"},
        path="spec.django.asgiApplication",
        says="must be module:attribute",
    ),
    "overlay-hosts": Refused(
        change={"spec.django.overlay": "Disabled", "spec.django.allowedHosts": ["shop.example.com"]},
        path="spec.django.overlay",
        says="must be Enabled",
    ),
    "overlay-session": Refused(
        change={"spec.django.overlay": "Disabled", "spec.session": {"engine": "Database"}},
        path="spec.django.overlay",
        says="must be Enabled",
    ),
    "overlay-channel-layer": Refused(
        change={"spec.django.overlay": "Disabled", "spec.channelLayer": {"capacity": 500}},
        path="spec.django.overlay",
        says="must be Enabled",
    ),
    "framework-unknown": Refused(
        change={"spec.framework": "Flask"},
        path="spec.framework",
        says="must be one of Djust, Channels, RealtimeChat, ApiGatewayWebSockets, Django",
        server="supported values",
    ),
    "field-unknown": Refused(
        change={"spec.replica": 2},
        path="spec.replica",
        says="must be left out, the API has no such field",
        server='unknown field "spec.replica"',
    ),
    "restart-without-zone": Refused(
        change={"spec.restartedAt": "2026-11-20T12:00:00"},
        path="spec.restartedAt",
        says="must be a time with its zone",
        server="must be of type date-time",
    ),
    "suspend-text": Refused(
        change={"spec.suspend": "yes"},
        path="spec.suspend",
        says="must be true or false",
        server="must be of type boolean",
    ),
    "workers-text": Refused(
        change={"spec.workers": "beat"},
        path="spec.workers",
        says="must be a list",
        server="must be of type array",
    ),
    "pull-secret-namespace": Refused(
        change={"spec.imagePullSecrets": [{"name": "a", "namespace": "b"}]},
        path="spec.imagePullSecrets[0].namespace",
        says="must be left out, the API has no such field",
        server='unknown field "spec.imagePullSecrets[0].namespace"',
    ),
}

REDIS: Final = {
    "memory-small": Refused(
        change={"spec.redis.standalone.maxMemory": "8Mi"},
        path="spec.redis.standalone.maxMemory",
        says="must be between 16Mi and 1Ti",
    ),
    "memory-huge": Refused(
        change={"spec.redis.standalone": {"maxMemory": "2Ti", "storage": {"size": "8Ti"}}},
        path="spec.redis.standalone.maxMemory",
        says="must be between 16Mi and 1Ti",
    ),
    "memory-text": Refused(
        change={"spec.redis.standalone.maxMemory": "256Mi\ndir /etc"},
        path="spec.redis.standalone.maxMemory",
        says="must be a quantity",
    ),
    "volume-small": Refused(
        change={"spec.redis.standalone.storage.size": "300Mi"},
        path="spec.redis.standalone.storage.size",
        says="must be at least twice redis.standalone.maxMemory",
    ),
    "volume-huge": Refused(
        change={"spec.redis.standalone.storage.size": "65Ti"},
        path="spec.redis.standalone.storage.size",
        says="must be between 64Mi and 64Ti",
    ),
    "memory-limit": Refused(
        change={"spec.redis.standalone.resources": {"limits": {"memory": "256Mi"}}},
        path="spec.redis.standalone.resources",
        says="must have a memory limit above maxMemory",
    ),
    "eviction-policy": Refused(
        change={"spec.redis.standalone.evictionPolicy": "allkeys-lru"},
        path="spec.redis.standalone.evictionPolicy",
        says="must be left out, the API has no such field",
        server='unknown field "spec.redis.standalone.evictionPolicy"',
    ),
    "session-ttl-none": Refused(
        change={"spec.session.ttlSeconds": 0},
        path="spec.session.ttlSeconds",
        says="must be at least 1",
        server=_BELOW,
    ),
    "channel-layer-unknown": Refused(
        change={"spec.channelLayer.type": "InMemory"},
        path="spec.channelLayer.type",
        says="must be one of PubSub, Core",
        server="supported values",
    ),
    "group-expiry": Refused(
        change={"spec.channelLayer.groupExpirySeconds": 60},
        path="spec.channelLayer.groupExpirySeconds",
        says="must be at least 3600",
        server=_BELOW,
    ),
}

UNCHANGEABLE: Final[dict[str, Refused]] = {
    "volume-size": Refused(
        change={"spec.redis.standalone.storage.size": "2Gi"},
        path="spec.redis.standalone.storage.size",
        says="must stay as it was created",
    ),
    "volume-class": Refused(
        change={"spec.redis.standalone.storage.className": "fast"},
        path="spec.redis.standalone.storage",
        says="must keep className as it was created",
    ),
}
"""Changes of an existing RealtimeApp that are refused; a new one may have them."""
