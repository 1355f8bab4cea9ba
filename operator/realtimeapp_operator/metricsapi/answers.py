"""What an autoscaler is told about connections: a request in, an answer out.

Two dialects of one number: external.metrics.k8s.io/v1beta1 for HorizontalPodAutoscalers and one plain path for KEDA. A
number that is not known is an error with a sentence and never 0: an autoscaler leaves the count alone when it gets no
number, and takes pods away when it gets a small one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from realtimeapp_operator import names

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

GROUP_VERSION: Final = "external.metrics.k8s.io/v1beta1"
ROOT: Final = f"/apis/{GROUP_VERSION}"

OPENAPI: Final[dict[str, dict[str, Any]]] = {
    "/openapi/v2": {
        "swagger": "2.0",
        "info": {"title": "realtimeapp-operator", "version": "v1beta1"},
        "paths": {},
    },
    "/openapi/v3": {"paths": {}},
}
"""Descriptions with nothing in them: an API server that finds none asks again and again, and complains in its log."""

_REASONS: Final = {
    HTTPStatus.BAD_REQUEST: "BadRequest",
    HTTPStatus.UNAUTHORIZED: "Unauthorized",
    HTTPStatus.NOT_FOUND: "NotFound",
    HTTPStatus.METHOD_NOT_ALLOWED: "MethodNotAllowed",
    HTTPStatus.SERVICE_UNAVAILABLE: "ServiceUnavailable",
}
_METRIC_PATH: Final = re.compile(rf"{re.escape(ROOT)}/namespaces/(?P<namespace>[^/]+)/(?P<metric>[^/]+)")
_PLAIN_PATH: Final = re.compile(r"/apps/(?P<namespace>[^/]+)/(?P<name>[^/]+)/connections")
_SELECTOR: Final = re.compile(rf"\s*{re.escape(names.LABEL_APP)}\s*==?\s*(?P<name>[-a-z0-9.]+)\s*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Count:
    """Open connections of one application; None where they are not known, or not of the last minute."""

    connections: int | None = None
    sampled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A status code and a body that becomes JSON."""

    status: int
    body: dict[str, Any]


if TYPE_CHECKING:
    Counts = Callable[[str, str], Count | None]
    """Count by namespace and name; None when there is no such RealtimeApp."""


def answer_metrics_api(*, method: str, path: str, selector: str | None, counts: Counts) -> Answer:
    """Answer a request of the aggregation layer; `selector` is the query's labelSelector as it was sent."""
    if method != "GET":
        return refuse(
            HTTPStatus.METHOD_NOT_ALLOWED, f"{method} is not served: metrics can only be read, with GET"
        )
    if path.rstrip("/") == ROOT:
        return Answer(HTTPStatus.OK, _discovery())
    if path in OPENAPI:
        return Answer(HTTPStatus.OK, OPENAPI[path])
    return _answer_metric(path, selector or "", counts)


def answer_plain(*, path: str, counts: Counts) -> Answer:
    """Answer GET /apps/NAMESPACE/NAME/connections with `{"connections": N}`."""
    asked = _PLAIN_PATH.fullmatch(path)
    if asked is None:
        return refuse(HTTPStatus.NOT_FOUND, f"{path} is not served: /apps/NAMESPACE/NAME/connections is")
    count = _look_up(asked["namespace"], asked["name"], counts)
    return count if isinstance(count, Answer) else Answer(HTTPStatus.OK, {"connections": count[0]})


def refuse(status: HTTPStatus, message: str) -> Answer:
    """Return an error as the Kubernetes API has them: a Status object."""
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": _REASONS[status],
        "code": int(status),
    }
    return Answer(status, body)


def _answer_metric(path: str, selector: str, counts: Counts) -> Answer:
    asked = _METRIC_PATH.fullmatch(path)
    if asked is None:
        return refuse(HTTPStatus.NOT_FOUND, f"{path} is not served: there is only {ROOT} and its metrics")
    if asked["metric"] != names.METRIC_CONNECTIONS:
        return refuse(
            HTTPStatus.NOT_FOUND,
            f"there is no metric {asked['metric']}: this API has only {names.METRIC_CONNECTIONS}",
        )
    chosen = _SELECTOR.fullmatch(selector)
    if chosen is None:
        return refuse(
            HTTPStatus.BAD_REQUEST,
            f"labelSelector must be {names.LABEL_APP}=NAME and nothing else, so that the connections of one"
            " RealtimeApp are counted",
        )
    count = _look_up(asked["namespace"], chosen["name"], counts)
    return count if isinstance(count, Answer) else Answer(HTTPStatus.OK, _metric_list(chosen["name"], *count))


def _look_up(namespace: str, name: str, counts: Counts) -> tuple[int, datetime] | Answer:
    count = counts(namespace, name)
    if count is None:
        return refuse(HTTPStatus.NOT_FOUND, f"there is no RealtimeApp {namespace}/{name}")
    if count.connections is None or count.sampled_at is None:
        return refuse(
            HTTPStatus.SERVICE_UNAVAILABLE,
            f"the connections of {namespace}/{name} are not known now: a web pod has not said in the last minute"
            " how many it holds, or none runs",
        )
    return count.connections, count.sampled_at


def _discovery() -> dict[str, Any]:
    resource = {
        "name": names.METRIC_CONNECTIONS,
        "singularName": "",
        "namespaced": True,
        "kind": "ExternalMetricValueList",
        "verbs": ["get"],
    }
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": GROUP_VERSION,
        "resources": [resource],
    }


def _metric_list(name: str, connections: int, sampled_at: datetime) -> dict[str, Any]:
    value = {
        "metricName": names.METRIC_CONNECTIONS,
        "metricLabels": {names.LABEL_APP: name},
        "timestamp": sampled_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "value": str(connections),
    }
    return {
        "kind": "ExternalMetricValueList",
        "apiVersion": GROUP_VERSION,
        "metadata": {},
        "items": [value],
    }
