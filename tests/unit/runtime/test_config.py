from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from realtimeapp_runtime import config
from realtimeapp_runtime.failure import StartupFailure

if TYPE_CHECKING:
    from pathlib import Path

SMALLEST: dict[str, Any] = {"version": 1, "framework": "Channels", "settingsModule": "shop.settings"}


def test_the_smallest_file_has_the_defaults_of_the_contract() -> None:
    parsed = config.parse(SMALLEST)
    assert parsed.drain == config.Drain(
        lag_seconds=3, timeout_seconds=30, rate_per_second=100, close_code=1012
    )
    assert parsed.redis is None
    assert (parsed.max_per_pod, parsed.max_age_seconds, parsed.rebalance) == (2000, 0, True)
    assert (parsed.drain.fleet_rate_per_second, parsed.affinity_cookie, parsed.websocket_paths) == (
        100,
        None,
        (),
    )
    assert parsed.channel_layer is not None
    assert parsed.channel_layer.group_expiry_seconds == 604800
    assert (parsed.direct_database_url_file, parsed.pooling, parsed.static_root) == (None, "None", None)


@pytest.mark.parametrize("framework", ["ApiGatewayWebSockets", "Django"])
def test_an_application_without_sockets_has_no_channel_layer(framework: str) -> None:
    assert config.parse({**SMALLEST, "framework": framework, "channelLayer": None}).channel_layer is None


def test_everything_is_read() -> None:
    parsed = config.parse(
        {
            **SMALLEST,
            "hosts": ["a.example.com"],
            "redis": {
                "host": "redis",
                "port": 6380,
                "passwordFile": "/p",
                "keyPrefix": "n:a:",
                "databases": {"cache": 5},
            },
            "drain": {"lagSeconds": 0, "timeoutSeconds": 60, "ratePerSecond": 12.5, "closeCode": 4012},
            "connections": {"maxPerPod": 300, "maxAgeSeconds": 3600, "rebalance": False},
            "affinity": {"cookieName": "pod"},
            "websocketPaths": ["/ws/live/"],
            "trustedProxies": {"cidrs": ["10.0.0.0/8"], "hops": None},
            "session": {"engine": "CachedDatabase", "ttlSeconds": 60},
        }
    )
    assert parsed.redis is not None
    assert (parsed.redis.port, parsed.redis.username) == (6380, "default")
    assert parsed.redis.databases == {"state": 0, "cache": 5, "channels": 2, "celery": 3}
    assert parsed.drain.rate_per_second == 12.5
    assert (parsed.max_per_pod, parsed.max_age_seconds, parsed.rebalance) == (300, 3600, False)
    assert (parsed.affinity_cookie, parsed.websocket_paths) == ("pod", ("/ws/live/",))
    assert parsed.trusted_cidrs == ("10.0.0.0/8",)
    assert parsed.session.engine == "CachedDatabase"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"version": 2}, "version 2"),
        ({"settingsModule": None}, "settingsModule must be present"),
        ({"hosts": "a.example.com"}, "hosts must be list"),
        ({"hosts": [1]}, "hosts must be a list of strings"),
        ({"drain": {"lagSeconds": -1}}, "drain.lagSeconds must be a number of 0 or more"),
        ({"drain": {"closeCode": True}}, "drain.closeCode must be int"),
        ({"channelLayer": {"type": "Kafka"}}, "channelLayer.type must be PubSub or Core"),
        ({"redis": {"port": 6379}}, "redis.host must be present"),
    ],
)
def test_a_key_that_does_not_fit_is_named(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(StartupFailure) as refused:
        config.parse({**SMALLEST, **change})
    assert sentence in refused.value.message
    assert refused.value.reason == "SettingsInvalid"


def test_a_file_that_is_not_there_or_not_json(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.json", tmp_path / "broken.json"):
        (tmp_path / "broken.json").write_text("{", encoding="utf-8")
        with pytest.raises(StartupFailure) as refused:
            config.read(path)
        assert path.name in refused.value.message
