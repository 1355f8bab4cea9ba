from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import redis

from realtimeapp_runtime import config, overlay, redis_options
from realtimeapp_runtime.credentials import Credentials
from realtimeapp_runtime.redispool import SharedPool

REDIS = config.Redis(
    host="shop-redis.shop.svc",
    port=6379,
    username="default",
    password_file=None,
    key_prefix="shop:web:",
    databases={"state": 0, "cache": 1, "channels": 2, "celery": 3},
)
CONFIG = config.Config(
    framework="Djust", settings_module="shop.settings", redis=REDIS, hosts=("shop.example.com",)
)
SECRETS = Credentials(secret_key="k", redis_password="p@ss/w:rd#%? é;,", database_url=None)


def build(user: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - the fields of Config
    pod_ip = changes.pop("pod_ip", None)
    return overlay.build(
        user or {}, config=dataclasses.replace(CONFIG, **changes), credentials=SECRETS, pod_ip=pod_ip
    )


def test_production_is_not_debug() -> None:
    assert build({"DEBUG": True})["DEBUG"] is False


@pytest.mark.parametrize(
    ("pod_ip", "hosts"),
    [
        (None, ["shop.example.com"]),
        ("10.1.2.3", ["shop.example.com", "10.1.2.3"]),
        ("fd00::1", ["shop.example.com", "[fd00::1]"]),
        ("*", ["shop.example.com"]),
    ],
)
def test_hosts_are_exact(pod_ip: str | None, hosts: list[str]) -> None:
    assert build({"ALLOWED_HOSTS": ["*"]}, pod_ip=pod_ip)["ALLOWED_HOSTS"] == hosts


def test_without_hosts_the_user_s_stay() -> None:
    assert "ALLOWED_HOSTS" not in build(hosts=())


def test_secure_cookies_only_with_tls() -> None:
    assert build(tls=True)["SESSION_COOKIE_SECURE"] is True
    assert "SESSION_COOKIE_SECURE" not in build(tls=False), (
        "an edge in front of ours may have the certificate"
    )


def test_origins_are_added_to_the_user_s() -> None:
    origins = build(
        {"CSRF_TRUSTED_ORIGINS": ["https://a", "https://b"]}, csrf_trusted_origins=("https://b", "https://c")
    )
    assert origins["CSRF_TRUSTED_ORIGINS"] == ["https://b", "https://c", "https://a"]


@pytest.mark.parametrize(
    ("engine", "module"), [("Cache", "cache"), ("CachedDatabase", "cached_db"), ("Database", "db")]
)
def test_sessions(engine: str, module: str) -> None:
    changes = build(session=config.Session(engine=engine, ttl_seconds=90))
    assert changes["SESSION_ENGINE"].endswith(f".{module}")
    assert changes["SESSION_COOKIE_AGE"] == changes["DJUST_CONFIG"]["SESSION_TTL"] == 90


def test_every_url_gives_redis_py_the_password_back() -> None:
    changes = build({"CELERY_RESULT_BACKEND": "redis://localhost/0"})
    urls = {
        0: changes["DJUST_CONFIG"]["REDIS_URL"],
        1: changes["CACHES"]["default"]["LOCATION"][0],
        3: changes["CELERY_BROKER_URL"],
    }
    assert changes["CELERY_RESULT_BACKEND"] == urls[3]
    for number, url in urls.items():
        arguments = redis.ConnectionPool.from_url(url).connection_kwargs
        assert arguments["password"] == SECRETS.redis_password
        assert (arguments["host"], arguments["db"]) == ("shop-redis.shop.svc", number)


def test_other_caches_layers_and_brokers_are_the_user_s() -> None:
    changes = build(
        {
            "CACHES": {"default": {"BACKEND": "x"}, "files": {"BACKEND": "y"}},
            "CHANNEL_LAYERS": {"default": {"BACKEND": "x"}, "other": {"BACKEND": "y"}},
            "CELERY_BROKER_URL": "amqp://rabbit",
        }
    )
    assert changes["CACHES"]["files"] == changes["CHANNEL_LAYERS"]["other"] == {"BACKEND": "y"}
    assert "CELERY_BROKER_URL" not in changes


def test_the_channel_layer_survives_idle_hours_and_restarts() -> None:
    layer = redis_options.build_channel_layer(config.ChannelLayer(type="Core"), REDIS, "p@ss")
    (host,) = layer["CONFIG"]["hosts"]
    assert host["password"] == "p@ss"
    assert host["socket_timeout"] > 5, "longer than the layer's blocking read"
    assert host["max_connections"] == 1000
    assert host["retry"].get_retries() == 12
    assert redis.exceptions.ConnectionError in host["retry_on_error"]
    assert layer["CONFIG"]["group_expiry"] == 604800
    pubsub = redis_options.build_channel_layer(config.ChannelLayer(type="PubSub"), REDIS, None)
    assert "group_expiry" not in pubsub["CONFIG"]
    assert "password" not in pubsub["CONFIG"]["hosts"][0]


def test_djust_s_limit_per_address_bites_only_where_addresses_are_true() -> None:
    assert build()["LIVEVIEW_CONFIG"]["rate_limit"]["max_connections_per_ip"] == 2000
    kept = build({"LIVEVIEW_CONFIG": {"rate_limit": {"max_connections_per_ip": 50, "rate": 7}, "x": 1}})
    assert kept["LIVEVIEW_CONFIG"] == {"rate_limit": {"max_connections_per_ip": 50, "rate": 7}, "x": 1}
    assert "LIVEVIEW_CONFIG" not in build(trusted_hops=1)
    assert build({"DJUST_TRUSTED_PROXY_COUNT": 2})["DJUST_TRUSTED_PROXY_COUNT"] == 0


def test_channels_applications_have_no_djust_settings() -> None:
    assert not [name for name in build(framework="Channels") if "DJUST" in name or "LIVEVIEW" in name]


def test_nothing_shows_the_secrets_by_accident() -> None:
    assert "p@ss" not in repr(SECRETS)


def test_one_pool_serves_all_cache_clients_of_a_process() -> None:
    location, options = "redis://127.0.0.1:1/1", {"socket_timeout": 5}
    assert SharedPool.from_url(location, **options) is SharedPool.from_url(location, **options)
    assert SharedPool.from_url(location) is not SharedPool.from_url(location, **options)
