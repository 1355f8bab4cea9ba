"""The frameworks an application may be built with, and the defaults each of them chooses.

One table: effective defaults, rules and documentation read it. What a default is for is said where it is used.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from realtimeapp_operator.api.servers import Server

Framework = Literal["Djust", "Channels", "RealtimeChat", "ApiGatewayWebSockets", "Django"]
Layer = Literal["PubSub", "Core"]
AffinityType = Literal["Cookie", "None"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Profile:
    """What one framework chooses where the manifest says nothing."""

    server: Server
    websocket_paths: tuple[str, ...]
    channel_layer: Layer | None
    """None: the framework has no channel layer."""
    channel_layers: tuple[Layer, ...]
    """What a manifest may choose."""
    affinity: AffinityType

    @property
    def needs_websockets(self) -> bool:
        """Whether the framework is nothing without WebSockets in its pods."""
        return bool(self.websocket_paths)


_PLAIN: Final = Profile(
    server="Gunicorn", websocket_paths=(), channel_layer=None, channel_layers=(), affinity="None"
)

FRAMEWORKS: Final[Mapping[Framework, Profile]] = {
    # PubSub has nothing to evict and resubscribes by itself; djust's client has its path built in.
    "Djust": Profile(
        server="Uvicorn",
        websocket_paths=("/ws/live/",),
        channel_layer="PubSub",
        channel_layers=("PubSub", "Core"),
        affinity="Cookie",
    ),
    "Channels": Profile(
        server="Uvicorn",
        websocket_paths=("/ws/",),
        channel_layer="Core",
        channel_layers=("PubSub", "Core"),
        affinity="Cookie",
    ),
    # It adds channels of other processes to groups, which PubSub cannot do.
    "RealtimeChat": Profile(
        server="Uvicorn",
        websocket_paths=("/messaging/",),
        channel_layer="Core",
        channel_layers=("Core",),
        affinity="Cookie",
    ),
    # Its sockets end at AWS, which sends every message as an HTTP request.
    "ApiGatewayWebSockets": _PLAIN,
    "Django": _PLAIN,
}

WITH_WEBSOCKETS: Final = tuple(name for name, profile in FRAMEWORKS.items() if profile.needs_websockets)
"""Frameworks that are nothing without WebSockets in their pods, and have a channel layer."""
WITHOUT_WEBSOCKETS: Final = tuple(name for name in FRAMEWORKS if name not in WITH_WEBSOCKETS)
