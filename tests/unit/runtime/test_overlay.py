from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import redis

from realtimeapp_runtime import config, overlay, overlay_celery, redis_options
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
    pod_ip, missing = changes.pop("pod_ip", None), changes.pop("missing", ())
    credentials = changes.pop("credentials", SECRETS)
    return overlay.build(
        user or {},
        config=dataclasses.replace(CONFIG, **changes),
        credentials=credentials,
        pod_ip=pod_ip,
        missing=missing,
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
    layer = redis_options.build_channel_layer(config.ChannelLayer(type="Core"), REDIS, "p@ss", {})
    (host,) = layer["CONFIG"]["hosts"]
    assert host["password"] == "p@ss"
    assert host["socket_timeout"] > 5, "longer than the layer's blocking read"
    assert host["max_connections"] == 1000
    assert host["retry"].get_retries() == 12
    assert redis.exceptions.ConnectionError in host["retry_on_error"]
    assert layer["CONFIG"]["group_expiry"] == 604800
    pubsub = redis_options.build_channel_layer(config.ChannelLayer(type="PubSub"), REDIS, None, {})
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


HEADERS = {
    "SECURE_CONTENT_TYPE_NOSNIFF": False,
    "SECURE_REFERRER_POLICY": "origin",
    "X_FRAME_OPTIONS": "SAMEORIGIN",
    "SESSION_COOKIE_HTTPONLY": False,
    "SESSION_COOKIE_SAMESITE": "None",
    "CSRF_COOKIE_SAMESITE": "Strict",
    "SECURE_HSTS_SECONDS": 0,
    "SECURE_SSL_REDIRECT": False,
    "LOGGING": {"version": 1},
    "DJUST_NOTIFY_DATABASE_URL": "postgres://theirs",
}


def test_headers_are_set_only_where_the_settings_say_nothing() -> None:
    ours = build(tls=True, trusted_hops=1, credentials=dataclasses.replace(SECRETS, direct_database_url="d"))
    assert not HEADERS.keys() - ours.keys()
    assert not HEADERS.keys() & build(HEADERS, tls=True, trusted_hops=1).keys()


@pytest.mark.parametrize(
    ("tls", "hops", "redirects", "hsts"),
    [(True, 1, True, True), (True, None, False, True), (False, 1, False, False)],
)
def test_a_redirect_to_https_needs_somebody_who_says_what_is_https(
    tls: bool,  # noqa: FBT001 - one column of the table
    hops: int | None,
    redirects: bool,  # noqa: FBT001 - as above
    hsts: bool,  # noqa: FBT001 - as above
) -> None:
    changes = build(tls=tls, trusted_hops=hops)
    assert ("SECURE_SSL_REDIRECT" in changes) is redirects, "it would redirect for ever"
    assert ("SECURE_HSTS_SECONDS" in changes) is hsts


@pytest.mark.parametrize(
    ("engine", "database", "expected"),
    [
        ("Cache", None, None),
        ("Cache", "/db", "django.contrib.sessions.backends.db"),
        ("CachedDatabase", "/db", "django.contrib.sessions.backends.db"),
        ("Database", "/db", "django.contrib.sessions.backends.db"),
    ],
)
@pytest.mark.parametrize("framework", ["Django", "ApiGatewayWebSockets"])
def test_without_the_redis_package_the_settings_rule(
    framework: str, engine: str, database: str | None, expected: str | None
) -> None:
    changes = build(
        framework=framework,
        channel_layer=None,
        missing=("redis",),
        session=config.Session(engine=engine),
        database_url_file=database,
    )
    assert "CACHES" not in changes
    assert changes.get("SESSION_ENGINE") == expected


def test_only_shared_state_makes_packages_mandatory() -> None:
    assert set(overlay.list_packages(CONFIG)) == {"redis", "channels_redis"}
    assert not overlay.list_packages(dataclasses.replace(CONFIG, framework="Django", channel_layer=None))


def test_an_application_without_sockets_keeps_its_own_channel_layers() -> None:
    changes = build(framework="Django", channel_layer=None)
    assert "CHANNEL_LAYERS" not in changes
    assert changes["CACHES"]["default"]["OPTIONS"]["pool_class"] == redis_options.POOL_CLASS


def test_how_long_the_cache_keeps_a_key_is_the_application_s_business() -> None:
    user = {"CACHES": {"default": {"BACKEND": "x", "TIMEOUT": None, "VERSION": 2, "LOCATION": "old"}}}
    cache = build(user, framework="RealtimeChat")["CACHES"]["default"]
    assert (cache["TIMEOUT"], cache["VERSION"]) == (None, 2)
    assert cache["BACKEND"].endswith("RedisCache")
    assert cache["LOCATION"] != "old"
    assert "TIMEOUT" not in build(framework="RealtimeChat")["CACHES"]["default"]


def test_code_written_for_django_redis_keeps_its_backend() -> None:
    options = {
        "PASSWORD": "theirs",
        "CONNECTION_FACTORY": "django_redis.pool.SentinelConnectionFactory",
        "SERIALIZER": "django_redis.serializers.json.JSONSerializer",
        "CONNECTION_POOL_KWARGS": {"max_connections": 5, "client_name": "shop"},
    }
    user = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://theirs", "OPTIONS": options}
    cache = build({"CACHES": {"default": user}})["CACHES"]["default"]
    assert cache["BACKEND"] == "django_redis.cache.RedisCache"
    assert cache["LOCATION"] == build()["CACHES"]["default"]["LOCATION"]
    assert set(cache["OPTIONS"]) == {"SERIALIZER", "CONNECTION_POOL_KWARGS"}
    assert cache["OPTIONS"]["CONNECTION_POOL_KWARGS"]["client_name"] == "shop"
    assert cache["OPTIONS"]["CONNECTION_POOL_KWARGS"]["max_connections"] == 1000


def test_a_layer_keeps_what_says_nothing_about_the_server() -> None:
    stated = {"hosts": ["redis://theirs"], "prefix": "x", "symmetric_encryption_keys": ["k"], "capacity": 5}
    user = {
        "CHANNEL_LAYERS": {"default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": stated}}
    }
    layer = build(user, channel_layer=config.ChannelLayer(type="Core"))["CHANNEL_LAYERS"]["default"]["CONFIG"]
    assert layer["symmetric_encryption_keys"] == ["k"]
    assert (layer["prefix"], layer["capacity"]) == ("shop:web:asgi", 100)
    assert layer["hosts"][0]["host"] == "shop-redis.shop.svc"


@pytest.mark.parametrize(
    "name", ["REALTIME_CHAT_MESSAGING", "WEBSOCKETS", "STORAGES", "INSTALLED_APPS", "MIDDLEWARE"]
)
@pytest.mark.parametrize("framework", config.FRAMEWORKS)
def test_what_only_the_application_knows_is_never_touched(framework: str, name: str) -> None:
    assert name not in build({name: {}}, framework=framework, static_root="/static", tls=True)


def test_a_transaction_pooler_rules_every_postgresql_and_nothing_else() -> None:
    user = {
        "DATABASES": {
            "default": {"ENGINE": "django.db.backends.postgresql", "CONN_MAX_AGE": 60, "PASSWORD": "p"},
            "places": {"ENGINE": "django.contrib.gis.db.backends.postgis"},
            "local": {"ENGINE": "django.db.backends.sqlite3", "CONN_MAX_AGE": 60},
        }
    }
    databases = build(user, pooling="TransactionPooler")["DATABASES"]
    assert databases["default"] == {
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": 0,
        "PASSWORD": "p",
        "DISABLE_SERVER_SIDE_CURSORS": True,
    }
    assert databases["places"]["DISABLE_SERVER_SIDE_CURSORS"] is True
    assert databases["local"] == user["DATABASES"]["local"]
    assert "DATABASES" not in build(user)


def test_collected_files_have_a_place_only_when_they_are_collected() -> None:
    assert build({"STATIC_ROOT": "mine"}, static_root="/run/static")["STATIC_ROOT"] == "/run/static"
    assert "STATIC_ROOT" not in build({"STATIC_ROOT": "mine"})


def test_djust_s_lifetimes_follow_the_session() -> None:
    changes = build(session=config.Session(ttl_seconds=90))
    assert changes["DJUST_STATE_SNAPSHOT_MAX_AGE"] == 90
    assert build({"DJUST_CONFIG": {"PRESENCE_BACKEND": "tenant_memory"}})["DJUST_CONFIG"][
        "PRESENCE_BACKEND"
    ] == ("tenant_redis")


def test_djust_s_limits_may_also_stand_in_the_other_dictionary() -> None:
    changes = build({"DJUST_CONFIG": {"rate_limit": {"rate": 7, "max_connections_per_ip": 50}}})
    assert changes["LIVEVIEW_CONFIG"] == {"rate_limit": {"rate": 7, "max_connections_per_ip": 50}}


def test_listening_goes_around_the_pooler() -> None:
    direct = dataclasses.replace(SECRETS, direct_database_url="postgres://direct")
    assert build(credentials=direct)["DJUST_NOTIFY_DATABASE_URL"] == "postgres://direct"
    assert "DJUST_NOTIFY_DATABASE_URL" not in build()


def test_celery_notices_a_redis_that_vanished() -> None:
    user = {"CELERY_BROKER_TRANSPORT_OPTIONS": {"visibility_timeout": 60, "socket_connect_timeout": 1}}
    options = build(user)["CELERY_BROKER_TRANSPORT_OPTIONS"]
    assert options == {"visibility_timeout": 60, "socket_connect_timeout": 1, "socket_keepalive": True}
    assert "CELERY_BROKER_TRANSPORT_OPTIONS" not in build({"CELERY_BROKER_URL": "amqp://rabbit"})


@pytest.mark.parametrize(
    ("url", "replaced"),
    [
        ("redis://localhost:6379/0", True),
        ("redis://redis:6379/0", True),
        ("redis://127.0.0.1", True),
        ("redis://broker.prod.example.com:6379/0", False),
        ("amqp://localhost", False),
        ("", False),
    ],
)
def test_a_developer_s_broker_in_the_environment_is_not_meant(url: str, replaced: bool) -> None:  # noqa: FBT001 - one column of the table
    found = overlay_celery.list_replaced_variables({"CELERY_BROKER_URL": url})
    assert found == (["CELERY_BROKER_URL"] if replaced else [])
