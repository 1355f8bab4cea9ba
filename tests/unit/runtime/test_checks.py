"""Each rule with settings it must speak about and settings it must be silent about."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from realtimeapp_runtime import checks, checks_registry, config, overlay
from realtimeapp_runtime.checks import Facts
from realtimeapp_runtime.credentials import Credentials

REDIS = config.Redis(
    host="shop-redis",
    port=6379,
    username="default",
    password_file=None,
    key_prefix="shop:web:",
    databases={"state": 0, "cache": 1, "channels": 2, "celery": 3},
)
BASE = config.Config(framework="Djust", settings_module="shop.settings", redis=REDIS, trusted_hops=1)
OWN_REDIS = "redis://default:p@shop-redis:6379/3"
FACTS = Facts(
    versions={"redis": "8.1.0", "channels-redis": "4.3.0"},
    settings_variable="realtimeapp_runtime.settings",
    redis_urls=(OWN_REDIS,),
)
GOOD: dict[str, Any] = {"DATABASES": {"default": {"ENGINE": "django.db.backends.postgresql"}}}
CORE = "channels_redis.core.RedisChannelLayer"
PUBSUB = "channels_redis.pubsub.RedisPubSubChannelLayer"
LOCAL = "django.core.cache.backends.locmem.LocMemCache"
POSTGRES = "django.db.backends.postgresql"
SQLITE = "django.db.backends.sqlite3"
URL = "postgres://u:p@db.example.com/shop"


def layer(*hosts: object, backend: str = CORE, alias: str = "default", **options: object) -> dict[str, Any]:
    return {"CHANNEL_LAYERS": {alias: {"BACKEND": backend, "CONFIG": {"hosts": list(hosts), **options}}}}


def database(**entry: object) -> dict[str, Any]:
    return {"DATABASES": {"default": {"ENGINE": POSTGRES, **entry}}}


def address_limit(limit: int) -> dict[str, Any]:
    return {"LIVEVIEW_CONFIG": {"rate_limit": {"max_connections_per_ip": limit}}}


def web(name: str = "Uvicorn", processes: int = 1) -> dict[str, Any]:
    return {"server": config.Server(name=name, processes=processes)}


CACHE_SESSIONS = {"SESSION_ENGINE": "django.contrib.sessions.backends.cache"}
SHORT = "redis://h:6379/0"
LONG = "redis://h:6379/0?socket_timeout=30&max_connections=1000"
CHAT = {"framework": "RealtimeChat"}
DJANGO = {"framework": "Django"}
AWS = {"framework": "ApiGatewayWebSockets"}
POOLED = {"pooling": "TransactionPooler"}
COLLECTED = {"static_root": "/run/static", **DJANGO}
OVERLAY = {"REALTIMEAPP_OVERLAY": True}
WHITENOISE = {"MIDDLEWARE": ["whitenoise.middleware.WhiteNoiseMiddleware"]}

Case = tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]
"""Number of the rule, settings, changes of the configuration, changes of the facts."""

FOUND: list[Case] = [
    ("E001", {"CHANNEL_LAYERS": {}}, {}, {}),
    ("E001", {"CHANNEL_LAYERS": {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}}, {}, {}),
    ("E002", layer(SHORT), {}, {}),
    ("E002", layer({"address": SHORT, "socket_timeout": 5}), {}, {}),
    ("E002", layer(LONG, ("h", 6379), alias="other"), DJANGO, {}),
    ("E003", layer(LONG, backend=PUBSUB), CHAT, {}),
    ("E010", {}, {}, {}),
    ("E010", {"DJUST_CONFIG": {"STATE_BACKEND": "Redis"}}, {}, {}),
    ("E011", {"SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies"}, {}, {}),
    ("E012", CACHE_SESSIONS, DJANGO, {}),
    ("E012", {**CACHE_SESSIONS, "CACHES": {"default": {"BACKEND": LOCAL}}}, {}, {}),
    ("E013", {"CACHES": {"default": {"BACKEND": LOCAL}}}, CHAT, {}),
    (
        "E013",
        {"CACHES": {"default": {"BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache"}}},
        CHAT,
        {},
    ),
    ("E020", {"ALLOWED_HOSTS": ["*"]}, AWS, {}),
    ("E020", {"ALLOWED_HOSTS": ["a.example.com", ".example.com"]}, AWS, {}),
    ("E021", {"SECURE_SSL_REDIRECT": True}, {"trusted_hops": None}, {}),
    ("E022", {"INSTALLED_APPS": []}, COLLECTED, {}),
    ("E030", database(ENGINE=SQLITE), {}, {"database_url": URL}),
    ("E030", {"DATABASES": {}}, {}, {"database_url": "mysql://db/shop"}),
    ("E031", database(), POOLED, {}),
    ("E031", database(DISABLE_SERVER_SIDE_CURSORS=True, CONN_MAX_AGE=60), POOLED, {}),
    ("E040", {"DEBUG": True}, {}, {}),
    ("W001", layer({"address": SHORT, "socket_timeout": 30}), {}, {}),
    ("W001", layer(SHORT, backend=PUBSUB), {}, {}),
    ("W002", layer(LONG, group_expiry=3600), {}, {}),
    ("W002", layer(LONG), {"session": config.Session(ttl_seconds=86401)}, {}),
    ("W003", {"CHANNEL_LAYERS": {"other": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}}, {}, {}),
    ("W010", {"DJUST_CONFIG": {"STATE_BACKEND": "redis"}}, {}, {}),
    ("W011", {}, DJANGO, {}),
    ("W012", OVERLAY, DJANGO, {"versions": {}}),
    ("W013", {"SESSION_COOKIE_AGE": 60}, DJANGO, {}),
    ("W013", {"SESSION_COOKIE_AGE": 7200, "DJUST_CONFIG": {"SESSION_TTL": 0}}, {}, {}),
    ("W020", {}, {"trusted_hops": None}, {}),
    ("W020", address_limit(50), {"trusted_hops": None}, {}),
    ("W021", {"DJUST_TRUSTED_PROXY_COUNT": 1}, {}, {}),
    ("W022", {}, web(processes=2), {"has_event_streams": True}),
    ("W023", {"STATIC_URL": "/static/"}, COLLECTED, {}),
    ("W024", {**WHITENOISE, "STATIC_ROOT": "/app/static"}, DJANGO, {}),
    ("W030", database(HOST="other", NAME="shop"), {}, {"database_url": URL}),
    ("W030", database(HOST="db.example.com", NAME="test"), {}, {"database_url": URL}),
    ("W031", database(ENGINE=SQLITE), {}, {}),
    ("W032", database(CONN_MAX_AGE=60), {}, {}),
    ("W032", database(CONN_MAX_AGE=None), DJANGO, {}),
    ("W033", {}, POOLED, {}),
    ("W040", OVERLAY, {}, {"settings_variable": "shop.settings"}),
    ("W041", {"DEBUG": False}, {}, {"imported_with_debug": True}),
    ("W042", {"INSTALLED_APPS": ["debug_toolbar"]}, {}, {}),
    ("W043", {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}, {}, {}),
    ("W044", {}, DJANGO, {"broker": "amqp://guest@rabbit"}),
    ("W044", {}, DJANGO, {"broker": "redis://elsewhere:6379/0"}),
    ("W045", {}, DJANGO, {"result_backend": "file:///tmp/results"}),
    ("W046", {"CELERY_TASK_ALWAYS_EAGER": True}, DJANGO, {}),
    ("W090", {"LIVEVIEW_CONFIG": {"rate_limit": "low"}}, {"trusted_hops": None}, {}),
]

SILENT: list[Case] = [
    ("E001", {}, DJANGO, {}),
    ("E001", layer(SHORT), {}, {}),
    ("E002", layer(LONG), {}, {}),
    ("E002", layer({"address": SHORT, "socket_timeout": 30}), {}, {}),
    ("E002", layer(SHORT), {}, {"versions": {"redis": "7.4.1"}}),
    ("E002", layer(SHORT, backend=PUBSUB), {}, {}),
    ("E003", layer(LONG), CHAT, {}),
    ("E003", layer(LONG, backend=PUBSUB), {}, {}),
    ("E010", {"DJUST_STATE_BACKEND": "redis://h/0"}, {}, {}),
    ("E010", {}, DJANGO, {}),
    ("E011", {"SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies"}, DJANGO, {}),
    ("E012", {"SESSION_ENGINE": "django.contrib.sessions.backends.db"}, {}, {}),
    ("E013", {"CACHES": {"default": {"BACKEND": LOCAL}}}, DJANGO, {}),
    ("E020", {"ALLOWED_HOSTS": ["a.example.com"]}, AWS, {}),
    ("E020", {"ALLOWED_HOSTS": ["*"]}, DJANGO, {}),
    ("E021", {"SECURE_SSL_REDIRECT": True}, {"trusted_cidrs": ("10.0.0.0/8",), "trusted_hops": None}, {}),
    ("E022", {"INSTALLED_APPS": ["django.contrib.staticfiles"]}, COLLECTED, {}),
    ("E030", database(ENGINE="django.contrib.gis.db.backends.postgis"), {}, {"database_url": URL}),
    ("E030", database(ENGINE=SQLITE), {}, {"database_url": "oracle://db/shop"}),
    ("E030", database(ENGINE=SQLITE), {}, {"database_url": "postgres://[broken"}),
    ("E031", database(DISABLE_SERVER_SIDE_CURSORS=True, CONN_MAX_AGE=0), POOLED, {}),
    ("W001", layer(LONG), {}, {}),
    ("W002", layer(LONG, group_expiry=604800), {}, {}),
    ("W003", {"CHANNEL_LAYERS": {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}}, {}, {}),
    ("W010", {"DJUST_CONFIG": {"PRESENCE_BACKEND": "tenant_redis"}}, {}, {}),
    ("W011", OVERLAY, DJANGO, {"versions": {}}),
    ("W012", OVERLAY, DJANGO, {}),
    ("W020", address_limit(2000), {"trusted_hops": None}, {}),
    ("W020", address_limit(5), {}, {}),
    ("W022", {}, web(), {"has_event_streams": True}),
    ("W022", {}, web(processes=2), {}),
    ("W023", {"STATIC_URL": "https://cdn.example.com/"}, COLLECTED, {}),
    ("W023", {"STATIC_URL": "/static/"}, COLLECTED, {"serves_static": True}),
    ("W024", WHITENOISE, COLLECTED, {}),
    ("W024", WHITENOISE, DJANGO, {"has_collected_files": True}),
    ("W030", database(HOST="DB.example.com", NAME="shop"), {}, {"database_url": URL}),
    ("W030", database(), {}, {"database_url": URL}),
    ("W031", database(ENGINE=SQLITE), {}, {"database_url": URL}),
    ("W032", database(CONN_MAX_AGE=60), web("Gunicorn"), {}),
    ("W033", {"DJUST_NOTIFY_DATABASE_URL": URL}, POOLED, {}),
    ("W041", {"DEBUG": True}, {}, {"imported_with_debug": True}),
    ("W044", {}, DJANGO, {"broker": OWN_REDIS}),
    ("W045", {}, DJANGO, {"result_backend": "django-db"}),
]


def find(settings: dict[str, Any], changes: dict[str, Any], facts: dict[str, Any]) -> dict[str, str]:
    """Numbers of the rules that speak -> the first sentence of each."""
    findings = checks_registry.find_problems(
        {**GOOD, **settings}, dataclasses.replace(BASE, **changes), dataclasses.replace(FACTS, **facts)
    )
    return {finding.rule.number: finding.message for finding in reversed(findings)}


@pytest.mark.parametrize("case", FOUND, ids=lambda case: case[0])
def test_a_rule_speaks(case: Case) -> None:
    number, settings, changes, facts = case
    assert find(settings, changes, facts)[number].endswith(".")


@pytest.mark.parametrize("case", SILENT, ids=lambda case: case[0])
def test_a_rule_is_silent(case: Case) -> None:
    number, settings, changes, facts = case
    assert number not in find(settings, changes, facts)


def test_every_rule_is_tested() -> None:
    assert {case[0] for case in FOUND} == {rule.number for rule in checks_registry.RULES}


@pytest.mark.parametrize("framework", config.FRAMEWORKS)
def test_the_overlay_leaves_nothing_to_find(framework: str) -> None:
    """A developer's settings under the overlay, with a database and a trusted proxy: no rule but those about the image speaks."""
    layered = framework in config.LAYERED
    configured = dataclasses.replace(
        BASE,
        framework=framework,
        hosts=("shop.example.com",),
        channel_layer=config.ChannelLayer(type="Core") if layered else None,
        pooling="TransactionPooler",
        tls=True,
    )
    user: dict[str, Any] = {
        "DEBUG": True,
        "ALLOWED_HOSTS": ["*"],
        "DATABASES": {"default": {"ENGINE": POSTGRES, "CONN_MAX_AGE": 60}},
        "CHANNEL_LAYERS": {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}},
        "SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies",
        "CELERY_BROKER_URL": "redis://localhost/0",
    }
    secrets = Credentials(redis_password="p", database_url=URL, direct_database_url=URL)
    changes = overlay.build(user, config=configured, credentials=secrets, pod_ip=None)
    facts = dataclasses.replace(FACTS, broker=changes["CELERY_BROKER_URL"], database_url=URL)
    assert not checks_registry.find_problems({**user, **changes}, configured, facts)


def test_an_odd_value_hides_no_other_finding() -> None:
    found = find({"CHANNEL_LAYERS": "none", "DEBUG": True}, {}, {})
    assert {"E040", "W090"} <= set(found)


def test_ids_and_levels() -> None:
    numbers = [rule.number for rule in checks_registry.RULES]
    assert len(set(numbers)) == len(numbers)
    for rule in checks_registry.RULES:
        assert rule.id == f"realtimeapp.{rule.number}"
        assert rule.level == (checks.ERROR if rule.number[0] == "E" else checks.WARNING)


def test_the_page_names_every_rule() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "checks.md").read_text(encoding="utf-8")
    for rule in checks_registry.RULES:
        assert f"`{rule.id}` | {rule.meaning} | {rule.remedy} |" in page


def test_no_finding_shows_a_credential() -> None:
    found = find(
        {}, DJANGO, {"broker": "redis://u:hunter2@elsewhere/0", "database_url": "postgres://u:hunter2@h/x"}
    )
    assert found
    assert "hunter2" not in str(found)
