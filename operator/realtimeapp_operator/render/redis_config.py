"""What the Redis server is told: its configuration file, its users, and how it is asked whether it lives.

The configuration is one constant: nothing a user writes gets into it. `maxmemory`, the only figure a user chooses, is
an argument of the server, so that a change of it, and nothing else, replaces the pod.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from realtimeapp_operator import names
from realtimeapp_operator.render.common import metadata

if TYPE_CHECKING:
    from realtimeapp_operator.api.app import RealtimeApp
    from realtimeapp_operator.render.facts import Manifest

PORT: Final = 6379
DATA_DIR: Final = "/data"
# Not below /etc/redis: distributions ship that folder closed to everybody but their own redis user.
CONFIG_DIR: Final = "/etc/realtimeapp/redis/config"
CONFIG_FILE: Final = "redis.conf"
ACL_DIR: Final = "/etc/realtimeapp/redis/acl"
PROBE_DIR: Final = "/etc/realtimeapp/redis/probe"
PROBE_USER: Final = "probe"

CONFIGURATION: Final = f"""\
# Written by {names.MANAGED_BY}.
port {PORT}
dir {DATA_DIR}
aclfile {ACL_DIR}/{names.REDIS_ACL_KEY}

# State, sessions and group membership are not a cache: a full server refuses writes, it never forgets.
maxmemory-policy noeviction

# At most one second of writes is lost in a crash; a torn last record does not keep the server from starting.
appendonly yes
appendfsync everysec
aof-load-truncated yes
save ""

# One connection for each live socket in the worst case, over all pods.
maxclients 10000
tcp-keepalive 60
timeout 0

# FLUSHDB, which is Django's cache.clear(), must not stall the sockets.
lazyfree-lazy-user-flush yes
"""

# INFO and FLUSHDB are what djust, Celery's transport and Django's cache.clear() send; KEYS and SORT are what
# applications send to their own Redis. What administers the server, or takes it away, stays out.
_CLIENT_COMMANDS: Final = "+@all -@admin -@dangerous +info +flushdb +keys +sort +sort_ro"


def acl(*, password_hash: str, probe_hash: str) -> str:
    """Content of the ACL file; the hashes are SHA-256 in hexadecimal.

    `default` is the application: all keys and channels, no administration. `probe` may say PING and nothing else.
    """
    return (
        f"user default reset on #{password_hash} ~* &* {_CLIENT_COMMANDS}\n"
        f"user {PROBE_USER} reset on #{probe_hash} -@all +ping\n"
    )


def build_config(app: RealtimeApp) -> Manifest:
    """ConfigMap with the configuration file."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(app, names.redis(app.metadata.name), component=names.COMPONENT_REDIS),
        "data": {CONFIG_FILE: CONFIGURATION},
    }


# The password goes from its file into the environment of redis-cli alone: it is in no argument list.
_ASK: Final = (
    f'REDISCLI_AUTH="$(cat {PROBE_DIR}/{names.REDIS_PROBE_PASSWORD_KEY})" '
    f"redis-cli -h 127.0.0.1 -p {PORT} --user {PROBE_USER} ping"
)
READY_SCRIPT: Final = f'test "$({_ASK})" = PONG'
"""Ready: the data is loaded and writes are accepted."""
ALIVE_SCRIPT: Final = f'test -n "$({_ASK})"'
"""Alive: any answer. A server that refuses because its disk is full must not be restarted for it; one that hangs must."""


def build_probes() -> dict[str, Any]:
    """Startup, readiness and liveness probe of the Redis container.

    A hang becomes a restart after 3 * 5 s: until the connection is reset, a subscriber of a hung server waits in vain.
    """
    return {
        # Up to 10 minutes for loading the log.
        "startupProbe": _probe(READY_SCRIPT, period=1, timeout=3, failures=600),
        "readinessProbe": _probe(READY_SCRIPT, period=5, timeout=3, failures=1),
        "livenessProbe": _probe(ALIVE_SCRIPT, period=5, timeout=4, failures=3),
    }


def _probe(script: str, *, period: int, timeout: int, failures: int) -> dict[str, Any]:
    return {
        "exec": {"command": ["sh", "-c", script]},
        "periodSeconds": period,
        "timeoutSeconds": timeout,
        "failureThreshold": failures,
    }
