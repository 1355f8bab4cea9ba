"""Rules about what outlives a process: the database behind a pooler, sessions, groups."""

from __future__ import annotations

from typing import Final

from realtimeapp_operator.api import defaults
from realtimeapp_operator.api.app import Spec
from realtimeapp_operator.api.frameworks import FRAMEWORKS
from realtimeapp_operator.api.rules.base import Rule, cel_list
from realtimeapp_operator.api.rules.servers import HOLDS_SOCKETS_CEL

MIGRATING: Final = ("BeforeRollout", "AfterRollout")
"""Policies with which the operator runs `migrate`."""
_CORE_DEFAULT: Final = tuple(name for name, profile in FRAMEWORKS.items() if profile.channel_layer == "Core")
_CORE_CEL: Final = (
    "(has(self.channelLayer.type) ? self.channelLayer.type == 'Core' "
    f": self.framework in {cel_list(_CORE_DEFAULT)})"
)


def _migrates_past_the_pooler(spec: Spec) -> bool:
    database = spec.database
    if database is None or database.pooling == "None" or spec.migrations.policy not in MIGRATING:
        return True
    return database.direct_url_secret_ref is not None


def _outlives_a_drain(spec: Spec) -> bool:
    return not defaults.holds_sockets(spec) or (
        spec.session.ttl_seconds >= spec.web.rollout.drain_timeout_seconds
    )


def _groups_outlive_sessions(spec: Spec) -> bool:
    return defaults.channel_layer_type(spec) != "Core" or (
        spec.channel_layer.group_expiry_seconds >= spec.session.ttl_seconds
    )


RULES: Final = (
    Rule(
        on=Spec,
        blame="database.directUrlSecretRef",
        cel="!has(self.database) || self.database.pooling == 'None' || has(self.database.directUrlSecretRef) "
        f"|| !(self.migrations.policy in {cel_list(MIGRATING)})",
        holds=_migrates_past_the_pooler,
        message="must be set with database.pooling TransactionPooler: migrations need a connection of their own; "
        "or set migrations.policy to Manual or Disabled",
    ),
    Rule(
        on=Spec,
        blame="session.ttlSeconds",
        cel=f"!{HOLDS_SOCKETS_CEL} || self.session.ttlSeconds >= self.web.rollout.drainTimeoutSeconds",
        holds=_outlives_a_drain,
        message="must be at least web.rollout.drainTimeoutSeconds: a client that is moved would find its state gone",
    ),
    Rule(
        on=Spec,
        blame="channelLayer.groupExpirySeconds",
        cel=f"!{_CORE_CEL} || self.channelLayer.groupExpirySeconds >= self.session.ttlSeconds",
        holds=_groups_outlive_sessions,
        message="must be at least session.ttlSeconds with the channel layer Core: "
        "a socket would leave its groups within its session",
    ),
)
