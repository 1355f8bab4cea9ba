"""One Redis connection pool per process and URL for Django's cache.

Django keeps its cache clients in an asgiref Local, so under ASGI every WebSocket consumer gets a client and a pool of its own:
one Redis connection per live WebSocket with cached sessions, still open after the socket closed.
"""

from __future__ import annotations

import threading
from typing import Any, Final

import redis

_pools: Final[dict[tuple[str, str], redis.ConnectionPool]] = {}
_lock: Final = threading.Lock()


class SharedPool(redis.ConnectionPool):
    """A ConnectionPool whose `from_url` gives the same pool for the same arguments."""

    @classmethod
    def from_url(cls, url: str, **options: Any) -> redis.ConnectionPool:  # type: ignore[override]  # noqa: ANN401 - redis-py's own options
        """Return this process' pool for `url` and `options`."""
        key = (url, repr(sorted(options.items(), key=lambda item: item[0])))
        with _lock:
            if key not in _pools:
                _pools[key] = super().from_url(url, **options)
            return _pools[key]
