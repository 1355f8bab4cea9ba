"""From a user's figures to Kubernetes' fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from realtimeapp_operator.api.parse import parse
from realtimeapp_operator.api.pods import Resources
from realtimeapp_operator.render import pacing
from realtimeapp_operator.render.common import literal
from realtimeapp_operator.render.sizing import override, redis_resources, web_resources

if TYPE_CHECKING:
    from realtimeapp_operator.api.app import Spec


def spec(**web: Any) -> Spec:  # noqa: ANN401 - fields of spec.web as a manifest has them
    return parse(
        {
            "apiVersion": "realtimeapp.dev/v1alpha1",
            "kind": "RealtimeApp",
            "metadata": {"name": "shop"},
            "spec": {
                "image": "shop:1",
                "framework": "Djust",
                "django": {"settingsModule": "shop.settings"},
                "web": web,
            },
        }
    ).spec


def test_paced_drains_do_not_overlap() -> None:
    paced = spec(
        connections={"maxPerPod": 2001}, rollout={"maxReconnectsPerSecond": 100, "drainTimeoutSeconds": 30}
    )
    assert pacing.rate_per_second(paced) == 100
    assert pacing.max_surge(paced) == 1
    # The closes of a full pod take 21 s; the next one, which waits as long before its first, may then begin.
    assert pacing.min_ready_seconds(paced) == 22
    assert pacing.grace_seconds(paced) == 3 + 30 + 10 + 7


@pytest.mark.parametrize("replicas", [1, 2, 5])
def test_surge_all_keeps_the_sum_of_all_drains_within_the_rate(replicas: int) -> None:
    surge = spec(
        replicas=replicas,
        connections={"maxPerPod": 600},
        rollout={"strategy": "SurgeAll", "maxReconnectsPerSecond": 100, "drainTimeoutSeconds": 30},
    )
    assert pacing.max_surge(surge) == "100%"
    assert pacing.min_ready_seconds(surge) == 5
    # The same for every number of replicas: scaling must not replace pods.
    assert pacing.rate_per_second(surge) == 20
    assert replicas * pacing.rate_per_second(surge) <= 100
    # A full pod is empty when the drain ends.
    assert pacing.rate_per_second(surge) * 30 >= 600


@pytest.mark.parametrize(
    "web",
    [
        {},
        {"connections": {"maxPerPod": 100_000}, "rollout": {"drainTimeoutSeconds": 1000}},
        {"probes": {"startup": {"periodSeconds": 10, "failureThreshold": 60}}},
    ],
)
def test_a_rollout_is_not_called_stuck_while_a_pod_may_still_become_available(web: dict[str, Any]) -> None:
    startup = web.get("probes", {}).get("startup", {"periodSeconds": 1, "failureThreshold": 60})
    starts = startup["periodSeconds"] * startup["failureThreshold"]
    wanted = spec(**web)
    assert pacing.progress_deadline_seconds(wanted) > pacing.min_ready_seconds(wanted) + starts


@pytest.mark.parametrize(
    ("web", "request_", "limit"),
    [
        ({"connections": {"maxPerPod": 300}}, "143Mi", "512Mi"),
        ({}, "329Mi", "658Mi"),
        ({"connections": {"maxPerPod": 2000, "compression": "Enabled"}}, "509Mi", "1017Mi"),
        ({"processesPerPod": 2}, "439Mi", "878Mi"),
    ],
)
def test_web_memory_grows_with_processes_sockets_and_compression(
    web: dict[str, Any], request_: str, limit: str
) -> None:
    resources = web_resources(spec(**web))
    assert resources["requests"] == {"cpu": "100m", "memory": request_}
    assert resources["limits"] == {"memory": limit}


def test_redis_may_use_twice_its_memory_for_a_rewrite() -> None:
    assert redis_resources("256Mi")["limits"]["memory"] == "512Mi"
    assert redis_resources("1G")["requests"]["memory"] == "954Mi"


@pytest.mark.parametrize(
    ("user", "requests", "limits"),
    [
        # Only what the user names is replaced.
        ({"requests": {"cpu": "1"}}, {"cpu": "1", "memory": "64Mi"}, {"memory": "128Mi"}),
        ({"limits": {"cpu": "2"}}, {"cpu": "100m", "memory": "64Mi"}, {"memory": "128Mi", "cpu": "2"}),
        # A default never contradicts the user: Kubernetes refuses a request above its limit.
        ({"limits": {"memory": "32Mi"}}, {"cpu": "100m", "memory": "32Mi"}, {"memory": "32Mi"}),
        ({"requests": {"memory": "1Gi"}}, {"cpu": "100m", "memory": "1Gi"}, {"memory": "2048Mi"}),
        ({"limits": {"cpu": "50m"}}, {"cpu": "50m", "memory": "64Mi"}, {"memory": "128Mi", "cpu": "50m"}),
    ],
)
def test_a_users_figures_win_over_the_defaults(
    user: dict[str, dict[str, str]], requests: dict[str, str], limits: dict[str, str]
) -> None:
    rendered = override(redis_resources("64Mi"), Resources(**user))
    assert rendered == {"requests": requests, "limits": limits}


def expand(text: str) -> str:
    """What the kubelet makes of an argument when no variable is called like anything in it."""
    out, rest = "", text
    while rest:
        if rest.startswith("$$"):
            out, rest = out + "$", rest[2:]
        elif rest.startswith("$(") and ")" in rest:
            out, rest = out + "<expanded>", rest.partition(")")[2]
        else:
            out, rest = out + rest[0], rest[1:]
    return out


@pytest.mark.parametrize("text", ["$(SECRET_KEY)", "$$(A)", "costs $5", "$", "a$$b", "$$$(X)$", "plain"])
def test_text_reaches_the_process_as_it_was_written(text: str) -> None:
    assert expand(literal(text)) == text
