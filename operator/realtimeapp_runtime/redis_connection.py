"""A redis-py connection that notices a silently lost Redis node instead of spinning on it.

On Python 3.11 and newer the kernel's ETIMEDOUT is the built-in TimeoutError, which redis-py takes for "no message yet": a pub/sub
reader then loops without ever yielding and the whole process stands still. Seen with redis-py 8.1; harmless elsewhere.
"""

from __future__ import annotations

from typing import Any

import redis.asyncio
from redis.exceptions import ConnectionError as RedisConnectionError


class Connection(redis.asyncio.Connection):
    """Raises redis' ConnectionError, so that the pool reconnects, when the stream is broken but the read says "nothing"."""

    async def read_response(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - redis-py's own signature differs by version
        """Return one reply of the server; None is a reply only while the stream is in order."""
        response = await super().read_response(*args, **kwargs)
        if response is None and self._reader is not None:
            error = self._reader.exception()
            if error is not None:
                await self.disconnect(nowait=True)
                raise RedisConnectionError(
                    f"the connection to Redis was lost: {type(error).__name__}"
                ) from error
        return response
