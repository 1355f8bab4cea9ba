"""Redis, the channel layer and sessions of a RealtimeApp."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from realtimeapp_operator.api.base import Model, ObjectName, Quantity
from realtimeapp_operator.api.pods import Resources


class Storage(Model):
    """The volume of a Redis server."""

    size: Quantity = Field(default="1Gi", description="Size of the volume; cannot be changed afterwards.")
    class_name: ObjectName | None = Field(
        default=None, description="StorageClass; default: the cluster's default."
    )
    reclaim: Literal["Retain", "Delete"] = Field(
        default="Retain", description="What becomes of the volume when the RealtimeApp is deleted."
    )


class StandaloneRedis(Model):
    """One Redis server with a volume and a password, never evicting."""

    storage: Storage = Field(default_factory=Storage, description="The volume.")
    max_memory: Quantity = Field(
        default="256Mi",
        description="Redis `maxmemory`; the container's limit is twice as much, for rewrites of the log.",
    )
    resources: Resources | None = Field(
        default=None, description="Requests and limits instead of the derived ones."
    )


class Redis(Model):
    """Where state, cache and channel layer live."""

    standalone: StandaloneRedis = Field(
        default_factory=StandaloneRedis, description="One server run by the operator."
    )


class ChannelLayer(Model):
    """How messages travel between processes."""

    type: Literal["PubSub", "Core"] | None = Field(
        default=None,
        description="Default: `PubSub` for Djust, `Core` for Channels and RealtimeChat, none for the others; "
        "Core keeps group membership in Redis.",
    )
    group_expiry_seconds: Annotated[int, Field(ge=3600, le=31_536_000)] = Field(
        default=604_800,
        description="Core: age at which a socket leaves its groups; above the longest connection, at least `session.ttlSeconds`.",
    )
    capacity: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=100, description="Core: messages kept per channel before new ones are dropped."
    )
    expiry_seconds: Annotated[int, Field(ge=1, le=86_400)] = Field(
        default=60, description="Core: age at which an undelivered message is dropped."
    )


class Session(Model):
    """Django sessions and the state tied to them."""

    ttl_seconds: Annotated[int, Field(ge=1, le=31_536_000)] = Field(
        default=7200,
        description="Lifetime of sessions, of live state and, by default, of the affinity cookie; at least as long as a "
        "drain.",
    )
    engine: Literal["CachedDatabase", "Database", "Cache"] | None = Field(
        default=None, description="Default: `CachedDatabase` with `spec.database`, else `Cache`."
    )
