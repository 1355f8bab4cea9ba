from __future__ import annotations

import pytest

from realtimeapp_operator.settings import SettingsError, build_parser, read_settings

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


def test_an_empty_flag_means_the_whole_cluster_whatever_the_variable_says() -> None:
    assert read_settings(["--namespaces", ""], {**ENOUGH, "REALTIMEAPP_NAMESPACES": "x"}).namespaces == ()


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
        (["--listen", "8080"], "not an address and port such as 0.0.0.0:8080"),
        (["--listen", "0.0.0.0:99999"], "not an address and port"),
        (["--lease-namespace", "a/b"], "'a/b' is not a namespace"),
        (["--log-level", "loud"], "not one of DEBUG, INFO, WARNING, ERROR"),
        (["--log-format", "xml"], "not one of json, text"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(arguments: list[str], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        read_settings(arguments, ENOUGH)


def test_help_names_every_variable() -> None:
    text = build_parser().format_help()
    for variable in (*ENOUGH, "REALTIMEAPP_NAMESPACES", "REALTIMEAPP_LISTEN", "REALTIMEAPP_LOG_LEVEL"):
        assert variable in text
