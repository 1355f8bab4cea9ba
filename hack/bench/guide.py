"""What a reader of the frameworks' guides would write: the side everything of ours is compared with."""

from __future__ import annotations

from typing import Final

GUIDE_SETTINGS: Final = """\
from {module} import *

DEBUG = False
ALLOWED_HOSTS = ["{host}"]
SESSION_ENGINE = "django.contrib.sessions.backends.cache"
CACHES = {{
    "default": {{
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": "redis://{redis}/1?max_connections=100000",
    }}
}}
CHANNEL_LAYERS = {{
    "default": {{
        "BACKEND": "channels_redis.{layer}",
        "CONFIG": {{"hosts": ["redis://{redis}/2?socket_timeout=30&max_connections=100000"]}},
    }}
}}
DJUST_CONFIG = {{"STATE_BACKEND": "redis", "REDIS_URL": "redis://{redis}/0?max_connections=100000"}}
LIVEVIEW_CONFIG = {{"rate_limit": {{"max_connections_per_ip": {most}}}}}
"""


def guide_settings(*, module: str, framework: str, host: str, redis: str, most: int) -> str:
    """Return a settings module over `module`, with Redis at `redis` (host:port) for everything the framework keeps there.

    The limits are those without which a thousand idle sockets do not stay open; `most` is djust's per address.
    """
    layer = "pubsub.RedisPubSubChannelLayer" if framework == "Djust" else "core.RedisChannelLayer"
    return GUIDE_SETTINGS.format(module=module, host=host, redis=redis, layer=layer, most=most)
