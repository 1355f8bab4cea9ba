"""Values that follow from the framework or from other fields: counts under autoscaling, and which socket is tried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from realtimeapp_operator.api import defaults
from realtimeapp_operator.api.parse import parse
from tests.support.refusals import ABSENT, manifest

if TYPE_CHECKING:
    from realtimeapp_operator.api.app import Spec


def spec(change: dict[str, Any]) -> Spec:
    return parse(manifest(change)).spec


@pytest.mark.parametrize(
    ("replicas", "suspend", "starts"), [(1, False, 3), (5, False, 5), (40, False, 9), (40, True, 0)]
)
def test_an_autoscaled_application_starts_within_its_bounds(
    replicas: int, *, suspend: bool, starts: int
) -> None:
    wanted = spec(
        {
            "spec.web": {"replicas": replicas, "autoscaling": {"minReplicas": 3, "maxReplicas": 9}},
            "spec.suspend": suspend,
        }
    )
    assert defaults.replicas(wanted) == starts


@pytest.mark.parametrize(
    ("web", "target"),
    [
        ({}, None),
        ({"autoscaling": {"maxReplicas": 9}}, 1400),
        ({"autoscaling": {"maxReplicas": 9, "targetConnectionsPerPod": 300}}, 300),
        ({"autoscaling": {"maxReplicas": 9, "targetCPUUtilizationPercentage": 60}}, None),
    ],
)
def test_connections_are_aimed_at_when_they_are_named_or_nothing_is(
    web: dict[str, Any], target: int | None
) -> None:
    assert defaults.target_connections(spec({"spec.web": web})) == target


@pytest.mark.parametrize(
    ("change", "path", "application"),
    [
        ({}, "/ws/live/", True),
        ({"spec.framework": "Channels", "spec.ingress.websocketPaths": ["/b/", "/a/"]}, "/b/", False),
        ({"spec.framework": "Channels", "spec.ingress.websocketProbe.path": "/ws/open/"}, "/ws/open/", True),
        ({"spec.framework": "Channels", "spec.ingress.websocketPaths": []}, None, False),
        ({"spec.ingress.websocketProbe.mode": "Disabled"}, None, True),
        ({"spec.ingress": ABSENT}, None, True),
        ({"spec.framework": "Django"}, None, False),
        ({"spec.framework": "Django", "spec.web.server": "Uvicorn"}, None, False),
    ],
)
def test_the_socket_that_is_tried_and_who_answers_it(
    change: dict[str, Any], path: str | None, *, application: bool
) -> None:
    wanted = spec(change)
    assert (defaults.probe_path(wanted), defaults.probe_reaches_application(wanted)) == (path, application)
