"""What an autoscaler is told, and that it never gets a number that is not one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from realtimeapp_operator.metricsapi.answers import Answer, Count, answer_metrics_api, answer_plain

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
KNOWN = {
    ("shop", "chat"): Count(connections=1234, sampled_at=NOON),
    ("shop", "idle"): Count(connections=0, sampled_at=NOON),
    ("shop", "silent"): Count(),
    ("shop", "old"): Count(sampled_at=NOON),
}
ROOT = "/apis/external.metrics.k8s.io/v1beta1"
METRIC = f"{ROOT}/namespaces/shop/realtimeapp_connections"


def counts(namespace: str, name: str) -> Count | None:
    return KNOWN.get((namespace, name))


def ask(path: str, selector: str | None = None, *, method: str = "GET") -> Answer:
    return answer_metrics_api(method=method, path=path, selector=selector, counts=counts)


def test_the_discovery_document_names_the_one_metric() -> None:
    answer = ask(ROOT)
    assert answer.status == 200
    assert (answer.body["kind"], answer.body["groupVersion"]) == (
        "APIResourceList",
        "external.metrics.k8s.io/v1beta1",
    )
    assert [(item["name"], item["namespaced"]) for item in answer.body["resources"]] == [
        ("realtimeapp_connections", True)
    ]


@pytest.mark.parametrize("selector", ["realtimeapp.dev/app=chat", "realtimeapp.dev/app==chat"])
def test_a_number_comes_as_a_list_of_one_with_its_time(selector: str) -> None:
    answer = ask(METRIC, selector)
    assert answer == Answer(
        200,
        {
            "kind": "ExternalMetricValueList",
            "apiVersion": "external.metrics.k8s.io/v1beta1",
            "metadata": {},
            "items": [
                {
                    "metricName": "realtimeapp_connections",
                    "metricLabels": {"realtimeapp.dev/app": "chat"},
                    "timestamp": "2026-03-01T12:00:00Z",
                    "value": "1234",
                }
            ],
        },
    )


def test_no_connections_at_all_is_a_number_too() -> None:
    assert ask(METRIC, "realtimeapp.dev/app=idle").body["items"][0]["value"] == "0"
    assert answer_plain(path="/apps/shop/idle/connections", counts=counts) == Answer(200, {"connections": 0})


@pytest.mark.parametrize(
    ("path", "selector", "code", "said"),
    [
        (METRIC, "realtimeapp.dev/app=silent", 503, "has not said in the last minute"),
        (METRIC, "realtimeapp.dev/app=old", 503, "not known now"),
        (METRIC, "realtimeapp.dev/app=other", 404, "no RealtimeApp shop/other"),
        (METRIC, None, 400, "realtimeapp.dev/app=NAME"),
        (METRIC, "", 400, "realtimeapp.dev/app=NAME"),
        (METRIC, "team=a", 400, "nothing else"),
        (METRIC, "realtimeapp.dev/app=chat,team=a", 400, "nothing else"),
        (METRIC, "realtimeapp.dev/app in (chat,idle)", 400, "nothing else"),
        (METRIC, "realtimeapp.dev/app!=chat", 400, "nothing else"),
        (f"{ROOT}/namespaces/shop/requests", "realtimeapp.dev/app=chat", 404, "only realtimeapp_connections"),
        (f"{ROOT}/namespaces/shop", None, 404, "is not served"),
        ("/apis/external.metrics.k8s.io/v1", None, 404, "is not served"),
        ("/openapi/v4", None, 404, "is not served"),
        ("/metrics", None, 404, "is not served"),
    ],
)
def test_what_is_not_a_number_is_a_status_object_with_a_sentence(
    path: str, selector: str | None, code: int, said: str
) -> None:
    answer = ask(path, selector)
    assert answer.status == code
    assert (answer.body["kind"], answer.body["status"], answer.body["code"]) == ("Status", "Failure", code)
    assert said in answer.body["message"]
    assert "items" not in answer.body


@pytest.mark.parametrize("path", ["/openapi/v2", "/openapi/v3"])
def test_the_api_server_finds_a_description_with_nothing_in_it(path: str) -> None:
    answer = ask(path)
    assert (answer.status, answer.body["paths"]) == (200, {})


@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH"])
def test_nothing_can_be_written(method: str) -> None:
    assert ask(METRIC, "realtimeapp.dev/app=chat", method=method).status == 405


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/apps/shop/silent/connections", 503),
        ("/apps/shop/other/connections", 404),
        ("/apps/shop/chat", 404),
    ],
)
def test_the_plain_path_never_says_a_number_it_does_not_know(path: str, code: int) -> None:
    answer = answer_plain(path=path, counts=counts)
    assert answer.status == code
    assert "connections" not in answer.body
