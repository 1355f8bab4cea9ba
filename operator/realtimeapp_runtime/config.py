"""settings.json as typed values: what the operator decided for this application, without any secret.

The file is written by the operator and validated there; a file that does not fit is refused here as a whole, with the key.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from realtimeapp_runtime import servers
from realtimeapp_runtime.failure import SETTINGS_INVALID, StartupFailure

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

VERSION: Final = 1
FRAMEWORKS: Final = ("Djust", "Channels", "RealtimeChat", "ApiGatewayWebSockets", "Django")
LAYERED: Final = FRAMEWORKS[:3]
"""Frameworks whose pods share state and messages through Redis; the other two keep no connection open."""

_T = TypeVar("_T")


@dataclass(frozen=True)
class Redis:
    """Where Redis is and which database number serves what (`state`, `cache`, `channels`, `celery`)."""

    host: str
    port: int
    username: str
    password_file: str | None
    key_prefix: str
    databases: Mapping[str, int]


@dataclass(frozen=True)
class ChannelLayer:
    """`type` is PubSub or Core; expiries in seconds, capacity in messages per channel."""

    type: str = "PubSub"
    capacity: int = 100
    expiry_seconds: int = 60
    group_expiry_seconds: int = 604800


@dataclass(frozen=True)
class Session:
    """`engine` is Cache, CachedDatabase or Database; the lifetime is in seconds, at least 1."""

    engine: str = "Cache"
    ttl_seconds: int = 7200


@dataclass(frozen=True)
class Drain:
    """Seconds, closes per second of this pod alone and of all pods together, and the WebSocket close code.

    `is_probed`: the kubelet asks for readiness, so a drain can see when it was told.
    """

    lag_seconds: float = 3.0
    timeout_seconds: float = 30.0
    rate_per_second: float = 100.0
    fleet_rate_per_second: float = 100.0
    close_code: int = 1012
    is_probed: bool = False


@dataclass(frozen=True)
class Server:
    """The server of the web pods and what it is told; seconds."""

    name: str = "Uvicorn"
    processes: int = 1
    ping_interval_seconds: float = 20.0
    compression: bool = False
    graceful_seconds: float = 10.0


@dataclass(frozen=True)
class Config:
    """Everything the runtime is told; see the module docstring.

    A connection is closed at `max_age_seconds`, give or take a tenth; 0 is never.
    `pooling` is None or TransactionPooler; without a `channel_layer` the application keeps its own CHANNEL_LAYERS.
    """

    framework: str
    settings_module: str
    asgi_application: str | None = None
    wsgi_application: str | None = None
    server: Server = field(default_factory=Server)
    hosts: tuple[str, ...] = ()
    csrf_trusted_origins: tuple[str, ...] = ()
    tls: bool = False
    secret_key_file: str | None = None
    database_url_file: str | None = None
    direct_database_url_file: str | None = None
    pooling: str = "None"
    static_root: str | None = None
    redis: Redis | None = None
    channel_layer: ChannelLayer | None = field(default_factory=ChannelLayer)
    session: Session = field(default_factory=Session)
    max_per_pod: int = 2000
    max_age_seconds: int = 0
    rebalance: bool = True
    affinity_cookie: str | None = None
    websocket_paths: tuple[str, ...] = ()
    drain: Drain = field(default_factory=Drain)
    trusted_cidrs: tuple[str, ...] = ()
    trusted_hops: int | None = None


def read(path: Path) -> Config:
    """Return the configuration in `path`; raise StartupFailure when it is absent or not what the operator writes."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StartupFailure(
            SETTINGS_INVALID,
            f"{path} cannot be read ({error.strerror}): the operator mounts it; it is also named by REALTIMEAPP_CONFIG.",
        ) from error
    except ValueError as error:
        raise StartupFailure(SETTINGS_INVALID, f"{path} is not JSON: {error}.") from error
    return parse(document)


def parse(document: object) -> Config:
    """Return the configuration in a decoded settings.json; raise StartupFailure that names the key that does not fit."""
    root = _Section(document, "")
    version = root.take("version", int)
    if version != VERSION:
        raise StartupFailure(
            SETTINGS_INVALID, f"settings.json has version {version}; this runtime reads version {VERSION}."
        )
    drain, session, proxies = root.section("drain"), root.section("session"), root.section("trustedProxies")
    connections = root.section("connections")
    framework = root.choice("framework", FRAMEWORKS)
    return Config(
        framework=framework,
        settings_module=root.take("settingsModule", str),
        asgi_application=root.take("asgiApplication", str, None),
        wsgi_application=root.take("wsgiApplication", str, None),
        server=_parse_server(root.section("server")),
        hosts=root.strings("hosts"),
        csrf_trusted_origins=root.strings("csrfTrustedOrigins"),
        tls=root.take("tls", bool, default=False),
        secret_key_file=root.take("secretKeyFile", str, None),
        database_url_file=root.take("databaseUrlFile", str, None),
        direct_database_url_file=root.take("directDatabaseUrlFile", str, None),
        pooling=root.section("database").choice("pooling", ("None", "TransactionPooler"), "None"),
        static_root=root.section("static").take("root", str, None),
        redis=_parse_redis(root),
        channel_layer=_parse_layer(root) if framework in LAYERED else None,
        session=Session(
            engine=session.choice("engine", ("Cache", "CachedDatabase", "Database"), "Cache"),
            ttl_seconds=max(1, session.take("ttlSeconds", int, 7200)),
        ),
        max_per_pod=connections.take("maxPerPod", int, 2000),
        max_age_seconds=max(0, connections.take("maxAgeSeconds", int, 0)),
        rebalance=connections.take("rebalance", bool, default=True),
        affinity_cookie=root.section("affinity").take("cookieName", str, None),
        websocket_paths=root.strings("websocketPaths"),
        drain=Drain(
            lag_seconds=drain.number("lagSeconds", 3.0),
            timeout_seconds=drain.number("timeoutSeconds", 30.0),
            rate_per_second=max(0.1, drain.number("ratePerSecond", 100.0)),
            fleet_rate_per_second=max(
                0.1, drain.number("fleetRatePerSecond", drain.number("ratePerSecond", 100.0))
            ),
            close_code=drain.take("closeCode", int, 1012),
            is_probed=drain.take("probed", bool, default=False),
        ),
        trusted_cidrs=proxies.strings("cidrs"),
        trusted_hops=proxies.take("hops", int, None),
    )


def _parse_layer(root: _Section) -> ChannelLayer:
    layer = root.section("channelLayer")
    return ChannelLayer(
        type=layer.choice("type", ("PubSub", "Core"), "PubSub"),
        capacity=layer.take("capacity", int, 100),
        expiry_seconds=layer.take("expirySeconds", int, 60),
        group_expiry_seconds=layer.take("groupExpirySeconds", int, 604800),
    )


def _parse_server(server: _Section) -> Server:
    return Server(
        name=server.choice("name", servers.NAMES, "Uvicorn"),
        processes=server.take("processes", int, 1),
        ping_interval_seconds=server.number("pingIntervalSeconds", 20.0),
        compression=server.take("compression", bool, default=False),
        graceful_seconds=server.number("gracefulSeconds", 10.0),
    )


def _parse_redis(root: _Section) -> Redis | None:
    if root.take("redis", dict, None) is None:
        return None
    redis = root.section("redis")
    databases = redis.section("databases")
    return Redis(
        host=redis.take("host", str),
        port=redis.take("port", int, 6379),
        username=redis.take("username", str, "default"),
        password_file=redis.take("passwordFile", str, None),
        key_prefix=redis.take("keyPrefix", str, ""),
        databases={
            use: databases.take(use, int, number)
            for use, number in (("state", 0), ("cache", 1), ("channels", 2), ("celery", 3))
        },
    )


_REQUIRED: Final[Any] = object()


class _Section:
    """One object of settings.json, read key by key with the path in every refusal."""

    def __init__(self, document: object, path: str) -> None:
        if not isinstance(document, dict):
            raise _refusal(path or "the file", "an object")
        self._document = cast("dict[str, object]", document)
        self._path = path

    def section(self, key: str) -> _Section:
        return _Section(self._document.get(key) or {}, self._name(key))

    def take(self, key: str, kind: type[_T], default: _T | Any | None = _REQUIRED) -> Any:  # noqa: ANN401 - typed by `kind` at the call
        value = self._document.get(key)
        if value is None:
            if default is _REQUIRED:
                raise _refusal(self._name(key), f"present, as {kind.__name__}")
            return default
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise _refusal(self._name(key), kind.__name__)
        return value

    def number(self, key: str, default: float) -> float:
        value = self._document.get(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
            raise _refusal(self._name(key), "a number of 0 or more")
        return float(value)

    def choice(self, key: str, accepted: tuple[str, ...], default: str = _REQUIRED) -> str:
        value: str = self.take(key, str, default)
        if value not in accepted:
            raise _refusal(self._name(key), " or ".join(accepted))
        return value

    def strings(self, key: str) -> tuple[str, ...]:
        values = self.take(key, list, [])
        if not all(isinstance(value, str) for value in values):
            raise _refusal(self._name(key), "a list of strings")
        return tuple(values)

    def _name(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key


def _refusal(name: str, accepted: str) -> StartupFailure:
    return StartupFailure(SETTINGS_INVALID, f"settings.json: {name} must be {accepted}.")
