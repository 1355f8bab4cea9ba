"""Rules between framework, server and what neither of them would honour.

Gunicorn's own workers serve WSGI: requests, no sockets. A field about sockets that is not at its default there would be
accepted and ignored, so it is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from realtimeapp_operator.api import defaults
from realtimeapp_operator.api.app import Spec
from realtimeapp_operator.api.edge import Affinity, Timeouts, WebSocketProbe
from realtimeapp_operator.api.frameworks import FRAMEWORKS, WITH_WEBSOCKETS, WITHOUT_WEBSOCKETS
from realtimeapp_operator.api.redis import ChannelLayer
from realtimeapp_operator.api.rules.base import Rule, cel_list
from realtimeapp_operator.api.servers import with_ability, without_ability
from realtimeapp_operator.api.web import Connections, Rollout, Web

if TYPE_CHECKING:
    from collections.abc import Callable

ASGI: Final = with_ability("websockets")
WSGI: Final = without_ability("websockets")

_WSGI_DEFAULT: Final = tuple(name for name, profile in FRAMEWORKS.items() if profile.server in WSGI)
HOLDS_SOCKETS_CEL: Final = (
    f"(has(self.web.server) ? !(self.web.server in {cel_list(WSGI)}) "
    f": !(self.framework in {cel_list(_WSGI_DEFAULT)}))"
)
"""CEL about a Spec: its server, written or by default, holds sockets."""
_WITHOUT_SOCKETS: Final = "under Gunicorn, which serves requests and no sockets"

_PING: Final = int(Web.model_fields["ping_interval_seconds"].default)
_CONNECTIONS: Final = Connections()
_ROLLOUT: Final = Rollout()
_TIMEOUTS: Final = Timeouts()
_AFFINITY: Final = Affinity()
_PROBE: Final = WebSocketProbe()
_COOKIE_DEFAULT: Final = tuple(name for name, profile in FRAMEWORKS.items() if profile.affinity == "Cookie")
_COOKIE_CEL: Final = (
    "(has(self.ingress.affinity.type) ? self.ingress.affinity.type == 'Cookie' "
    f": self.framework in {cel_list(_COOKIE_DEFAULT)})"
)
_LAYER: Final = ChannelLayer()
PLAIN_LAYER_CEL: Final = " && ".join(
    [
        "!has(self.channelLayer.type)",
        f"self.channelLayer.capacity == {_LAYER.capacity}",
        f"self.channelLayer.expirySeconds == {_LAYER.expiry_seconds}",
        f"self.channelLayer.groupExpirySeconds == {_LAYER.group_expiry_seconds}",
    ]
)
_PLAIN_ROLLOUT_CEL: Final = " && ".join(
    [
        f"self.web.rollout.strategy == '{_ROLLOUT.strategy}'",
        f"self.web.rollout.maxReconnectsPerSecond == {_ROLLOUT.max_reconnects_per_second}",
        "!has(self.web.rollout.closeCode)",
    ]
)


def _has_plain_rollout(spec: Spec) -> bool:
    rollout = spec.web.rollout
    kept = {"drain_timeout_seconds": rollout.drain_timeout_seconds, "paused": rollout.paused}
    return rollout == _ROLLOUT.model_copy(update=kept)


def _has_plain_paths(spec: Spec) -> bool:
    return spec.ingress is None or not spec.ingress.websocket_paths


def _has_plain_timeouts(spec: Spec) -> bool:
    return spec.ingress is None or spec.ingress.timeouts == _TIMEOUTS


def _has_plain_probe(spec: Spec) -> bool:
    return spec.ingress is None or spec.ingress.websocket_probe == _PROBE


def _uses_its_cookie(spec: Spec) -> bool:
    if spec.ingress is None or defaults.affinity_type(spec) == "Cookie":
        return True
    return spec.ingress.affinity == _AFFINITY.model_copy(update={"type": spec.ingress.affinity.type})


def _uses_its_layer(spec: Spec) -> bool:
    return spec.framework in WITH_WEBSOCKETS or spec.channel_layer == _LAYER


def _has_workers_for_its_layer(spec: Spec) -> bool:
    return spec.framework in WITH_WEBSOCKETS or all(
        worker.type != "ChannelsWorker" for worker in spec.workers
    )


def _only_with_sockets(blame: str, cel: str, holds: Callable[[Spec], bool], message: str) -> Rule:
    """A rule that holds wherever the server has sockets, and under Gunicorn when `holds`."""
    return Rule(
        on=Spec,
        blame=blame,
        cel=f"{HOLDS_SOCKETS_CEL} || ({cel})",
        holds=lambda spec: defaults.holds_sockets(spec) or holds(spec),
        message=message,
    )


RULES: Final = (
    Rule(
        on=Spec,
        blame="web.server",
        cel=f"{HOLDS_SOCKETS_CEL} || !(self.framework in {cel_list(WITH_WEBSOCKETS)})",
        holds=lambda spec: defaults.holds_sockets(spec) or spec.framework not in WITH_WEBSOCKETS,
        message=f"must be a server with WebSockets for {', '.join(WITH_WEBSOCKETS)}: {', '.join(ASGI)}",
    ),
    Rule(
        on=Spec,
        blame="django.wsgiApplication",
        cel=f"!has(self.django.wsgiApplication) || !{HOLDS_SOCKETS_CEL}",
        holds=lambda spec: spec.django.wsgi_application is None or not defaults.holds_sockets(spec),
        message="must be left out for a server of ASGI applications: use django.asgiApplication, "
        "or set web.server to Gunicorn",
    ),
    _only_with_sockets(
        "django.asgiApplication",
        "!has(self.django.asgiApplication)",
        lambda spec: spec.django.asgi_application is None,
        "must be left out under Gunicorn, which serves WSGI applications: use django.wsgiApplication, "
        f"or set web.server to {', '.join(ASGI)}",
    ),
    _only_with_sockets(
        "web.pingIntervalSeconds",
        f"self.web.pingIntervalSeconds == {_PING}",
        lambda spec: spec.web.ping_interval_seconds == _PING,
        f"must be left out {_WITHOUT_SOCKETS} to ping",
    ),
    _only_with_sockets(
        "web.connections",
        f"self.web.connections.maxPerPod == {_CONNECTIONS.max_per_pod} "
        f"&& self.web.connections.maxAgeSeconds == {_CONNECTIONS.max_age_seconds} "
        f"&& self.web.connections.rebalance == '{_CONNECTIONS.rebalance}' "
        "&& !has(self.web.connections.compression)",
        lambda spec: spec.web.connections == _CONNECTIONS,
        f"must be left out {_WITHOUT_SOCKETS} to limit, compress, age or rebalance",
    ),
    _only_with_sockets(
        "web.rollout",
        _PLAIN_ROLLOUT_CEL,
        _has_plain_rollout,
        f"must have nothing but drainTimeoutSeconds and paused {_WITHOUT_SOCKETS} to move",
    ),
    _only_with_sockets(
        "ingress.websocketPaths",
        "!has(self.ingress) || !has(self.ingress.websocketPaths) || self.ingress.websocketPaths.size() == 0",
        _has_plain_paths,
        f"must be left out {_WITHOUT_SOCKETS}: set web.server to {', '.join(ASGI)} for WebSockets",
    ),
    _only_with_sockets(
        "ingress.timeouts",
        f"!has(self.ingress) || self.ingress.timeouts.websocketSeconds == {_TIMEOUTS.websocket_seconds}",
        _has_plain_timeouts,
        f"must be left out {_WITHOUT_SOCKETS} to keep open",
    ),
    _only_with_sockets(
        "ingress.websocketProbe",
        f"!has(self.ingress) || (self.ingress.websocketProbe.mode == '{_PROBE.mode}' "
        "&& !has(self.ingress.websocketProbe.path))",
        _has_plain_probe,
        f"must be left out {_WITHOUT_SOCKETS} to open",
    ),
    Rule(
        on=Spec,
        blame="ingress.affinity",
        cel=f"!has(self.ingress) || {_COOKIE_CEL} "
        f"|| (self.ingress.affinity.cookieName == '{_AFFINITY.cookie_name}' && !has(self.ingress.affinity.ttlSeconds))",
        holds=_uses_its_cookie,
        message="must have the type Cookie where cookieName or ttlSeconds are set; by default only "
        f"{', '.join(_COOKIE_DEFAULT)} have it",
    ),
    Rule(
        on=Spec,
        blame="channelLayer",
        cel=f"self.framework in {cel_list(WITH_WEBSOCKETS)} || ({PLAIN_LAYER_CEL})",
        holds=_uses_its_layer,
        message=f"must be left out for {' and '.join(WITHOUT_WEBSOCKETS)}, which have no channel layer: "
        "an application that uses one has the framework Channels",
    ),
    Rule(
        on=Spec,
        blame="channelLayer.type",
        cel="self.framework != 'RealtimeChat' || !has(self.channelLayer.type) || self.channelLayer.type == 'Core'",
        holds=lambda spec: spec.framework != "RealtimeChat" or spec.channel_layer.type in {None, "Core"},
        message="must be Core for RealtimeChat: it adds other processes' channels to groups, which PubSub cannot",
    ),
    Rule(
        on=Spec,
        blame="workers",
        cel=f"self.framework in {cel_list(WITH_WEBSOCKETS)} || !has(self.workers) "
        "|| self.workers.all(worker, worker.type != 'ChannelsWorker')",
        holds=_has_workers_for_its_layer,
        message=f"must have no ChannelsWorker for {' and '.join(WITHOUT_WEBSOCKETS)}, which have no channel layer",
    ),
)
