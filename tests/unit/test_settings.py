from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from realtimeapp_operator.settings import SettingsError, build_parser, read_settings

if TYPE_CHECKING:
    from pathlib import Path

ENOUGH = {
    "REALTIMEAPP_RUNTIME_IMAGE": "localhost/operator:dev",
    "REALTIMEAPP_REDIS_IMAGE": "localhost/redis:dev",
    "POD_NAMESPACE": "system",
    "POD_NAME": "pod-0",
}


def test_the_environment_alone_is_enough_in_a_pod() -> None:
    settings = read_settings([], ENOUGH)
    assert settings.namespaces == ()
    assert settings.port == 8080
    assert (settings.workers, settings.log_level, settings.log_format) == (8, "INFO", "json")
    assert (settings.lease_namespace, settings.identity) == ("system", "pod-0")


def test_a_flag_wins_over_its_variable() -> None:
    settings = read_settings(
        ["--namespaces", "b, a,b", "--workers=3"], {**ENOUGH, "REALTIMEAPP_NAMESPACES": "x"}
    )
    assert settings.namespaces == ("b", "a")
    assert settings.workers == 3


def test_connections_are_counted_twice_a_minute_or_as_told() -> None:
    assert read_settings([], ENOUGH).sample_seconds == 30
    assert read_settings(["--sample-seconds=0"], ENOUGH).sample_seconds == 0
    assert read_settings([], {**ENOUGH, "REALTIMEAPP_SAMPLE_SECONDS": "300"}).sample_seconds == 300


def test_an_empty_flag_means_the_whole_cluster_whatever_the_variable_says() -> None:
    assert read_settings(["--namespaces", ""], {**ENOUGH, "REALTIMEAPP_NAMESPACES": "x"}).namespaces == ()


def test_every_address_is_listened_on_unless_one_is_given() -> None:
    assert (read_settings([], ENOUGH).host, read_settings(["--listen", ":9000"], ENOUGH).host) == ("", "")
    assert read_settings(["--listen", "[::]:9000"], ENOUGH).host == "::"
    assert read_settings(["--listen", "10.0.0.7:9000"], ENOUGH).host == "10.0.0.7"


def test_ipv6_listens() -> None:
    settings = read_settings(["--listen", "[::1]:0", "--log-level", "debug"], ENOUGH)
    assert (settings.host, settings.port, settings.log_level) == ("::1", 0, "DEBUG")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--namespaces", "Bad_Name"], "'Bad_Name' is not a namespace"),
        (["--runtime-image", "a b"], "'a b' is not an image reference"),
        (["--redis-image", ""], "--redis-image .* is required"),
        (["--image-pull-policy", "Sometimes"], "not one of Always, IfNotPresent, Never"),
        (["--workers", "0"], "not a whole number from 1 to 64"),
        (["--workers", "many"], "not a whole number from 1 to 64"),
        (["--sample-seconds", "4"], "neither 0 nor a whole number from 5 to 300"),
        (["--sample-seconds", "301"], "neither 0 nor a whole number from 5 to 300"),
        (["--sample-seconds", "often"], "neither 0 nor a whole number from 5 to 300"),
        (["--listen", "8080"], "not an address and port such as 10.0.0.7:8080"),
        (["--listen", "fd00::7"], "not an address and port"),
        (["--listen", "fd00::7:8080"], "not an address and port"),
        (["--listen", "0.0.0.0:99999"], "not an address and port"),
        (["--lease-namespace", "a/b"], "'a/b' is not a namespace"),
        (["--log-level", "loud"], "not one of DEBUG, INFO, WARNING, ERROR"),
        (["--log-format", "xml"], "not one of json, text"),
        (["--leader-service", "a/b"], "'a/b' is not a Service"),
        (["--leader-service", "a"], "'' is not an IP address"),
        (["--leader-service", "a", "--pod-ip", "here"], "'here' is not an IP address"),
        (["--external-metrics", "0.0.0.0:8443"], "not a folder; external metrics"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(arguments: list[str], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        read_settings(arguments, ENOUGH)


def test_help_names_every_variable() -> None:
    text = build_parser().format_help()
    for variable in (*ENOUGH, "REALTIMEAPP_NAMESPACES", "REALTIMEAPP_LISTEN", "REALTIMEAPP_LOG_LEVEL"):
        assert variable in text


def test_the_leaders_service_tells_keda_where_to_ask() -> None:
    settings = read_settings(["--leader-service", "operator-leader", "--pod-ip", "10.0.0.7"], ENOUGH)
    assert (settings.leader_service, settings.pod_ip) == ("operator-leader", "10.0.0.7")
    assert settings.metrics_url == "http://operator-leader.system.svc:8080"
    assert read_settings([], ENOUGH).metrics_url is None


def test_external_metrics_are_served_with_what_is_or_comes_in_a_folder(tmp_path: Path) -> None:
    assert read_settings([], ENOUGH).external_metrics is None
    arguments = ["--external-metrics", "10.0.0.7:8443", "--certificate-dir", str(tmp_path)]
    settings = read_settings(arguments, ENOUGH)
    assert (settings.external_metrics, settings.certificate_dir) == (("10.0.0.7", 8443), tmp_path)
