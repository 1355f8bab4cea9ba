"""Who counts as the aggregation layer."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from realtimeapp_operator.metricsapi.front_proxy import Trust, follow_trust, read_trust

PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def config_map(**data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "extension-apiserver-authentication", "namespace": "kube-system"},
        "data": {name.replace("_", "-"): value for name, value in data.items()},
    }


def certificate(common_name: str) -> dict[str, Any]:
    return {"subject": ((("organizationName", "team"),), (("commonName", common_name),))}


def test_only_a_verified_certificate_of_an_allowed_name_speaks_for_others() -> None:
    trust = Trust(PEM, frozenset({"front-proxy-client"}))
    assert trust.admits(certificate("front-proxy-client"))
    assert not trust.admits(certificate("kubelet"))
    assert not trust.admits({})
    assert not trust.admits(None)


def test_no_names_mean_any_name_of_that_authority() -> None:
    assert Trust(PEM, frozenset()).admits(certificate("somebody"))
    assert not Trust(PEM, frozenset()).admits(None)


def test_authority_and_names_come_from_the_clusters_config_map() -> None:
    full = config_map(
        requestheader_client_ca_file=PEM, requestheader_allowed_names='["front-proxy-client", "aggregator"]'
    )
    assert read_trust(full) == Trust(PEM, frozenset({"front-proxy-client", "aggregator"}))
    assert read_trust(config_map(requestheader_client_ca_file=PEM)) == Trust(PEM, frozenset())


@pytest.mark.parametrize("data", [{}, {"client_ca_file": PEM}, {"requestheader_client_ca_file": " \n"}])
def test_a_cluster_without_aggregation_trusts_nobody_and_says_so(
    data: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    used: list[Trust | None] = []
    with caplog.at_level(logging.WARNING):
        follow_trust(used.append)("ADDED", config_map(**data))
    assert used == [None]
    assert "no aggregation layer" in caplog.text


def test_each_new_authority_is_taken_and_a_deleted_config_map_changes_nothing() -> None:
    used: list[Trust | None] = []
    take = follow_trust(used.append)
    take("ADDED", config_map(requestheader_client_ca_file=PEM))
    take("MODIFIED", config_map(requestheader_client_ca_file=PEM + PEM))
    take("DELETED", config_map())
    assert used == [Trust(PEM, frozenset()), Trust(PEM + PEM, frozenset())]
