"""From what pods show to what a person reads: each cause its own reason, each message a next step."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from realtimeapp_operator import names
from realtimeapp_operator.api.explanations import EXPLANATIONS
from realtimeapp_operator.api.reasons import Reason
from realtimeapp_operator.reconcile.diagnosis import diagnose_end
from realtimeapp_operator.reconcile.pod_state import Terminated
from tests.support.pod_statuses import IMAGE, begin_rollout, ended, unschedulable, waiting
from tests.support.world import KEY, World


def said(reason: str, message: str) -> dict[str, Any]:
    return ended(78, "a line of log\n" + json.dumps({"reason": reason, "message": message}))


CASES: list[tuple[dict[str, Any], str, str]] = [
    (
        waiting("ErrImagePull", f'failed to pull "{IMAGE}": not found'),
        "ImagePullFailed",
        f"cannot pull image {IMAGE}: the registry does not have it. Check `spec.image`",
    ),
    (
        waiting("ImagePullBackOff", f'Back-off pulling "{IMAGE}": ErrImagePull: not found'),
        "ImagePullFailed",
        f"cannot pull image {IMAGE}: the registry does not have it.",
    ),
    (waiting("ErrImagePull", "401 Unauthorized"), "ImagePullFailed", "the registry refuses access"),
    (waiting("ErrImageNeverPull"), "ImagePullFailed", "it is not on the node"),
    (
        waiting("CreateContainerConfigError", 'secret "shop-api" not found'),
        "SecretMissing",
        "Secret shop-api does not exist. Create it",
    ),
    (
        waiting("CreateContainerConfigError", "couldn't find key url in Secret shop/db"),
        "SecretMissing",
        "Secret db has no key url",
    ),
    (
        waiting("CreateContainerConfigError", 'configmap "flags" not found'),
        "ConfigMapMissing",
        "ConfigMap flags does not exist",
    ),
    (
        waiting("CreateContainerConfigError", "container has runAsNonRoot and image will run as root"),
        "ContainerCannotStart",
        "runAsNonRoot",
    ),
    (
        waiting("RunContainerError", 'exec: "python3": executable file not found in $PATH'),
        "ContainerCannotStart",
        "python3",
    ),
    (
        said("SettingsModuleNotFound", "No module named 'shop'."),
        "SettingsModuleNotFound",
        "No module named 'shop'.",
    ),
    (said("SettingsInvalid", "KeyError: 'X'"), "SettingsInvalid", "KeyError: 'X'."),
    (said("AsgiApplicationNotFound", "shop.asgi has no app"), "AsgiApplicationNotFound", "shop.asgi"),
    (said("WsgiApplicationNotFound", "shop.wsgi has no app"), "WsgiApplicationNotFound", "shop.wsgi"),
    (said("PackageMissing", "uvicorn is not installed"), "PackageMissing", "uvicorn"),
    (said("QuotaExceeded", "a pod says what it likes"), "CrashLooping", "exit code 78"),
    (said("ChecksFailed", "not a pod of the checks"), "CrashLooping", "exit code 78"),
    (ended(1, "Traceback\nValueError: redis://u:pw@h refused"), "CrashLooping", "redis://***@h refused"),
    (ended(1, "bad url postgres://u:a/pw@h/db"), "CrashLooping", "bad url postgres://***@h/db"),
    (ended(1, "login failed with password=pw@1, user=u"), "CrashLooping", "password=***, user=u"),
    (ended(1, "sent Authorization: Bearer abcdefpw"), "CrashLooping", "Authorization: Bearer ***"),
    (ended(137, "", "OOMKilled"), "OutOfMemory", "killed at its memory limit"),
    (ended(137, restarts=2), "ProbeFailing", "did not answer its probe"),
    (ended(143), "CrashLooping", "container web was stopped from outside, with exit code 143."),
    (ended(137, restarts=5, name="mesh"), "CrashLooping", "container mesh was stopped from outside"),
    (
        unschedulable("0/1 nodes are available: 1 Insufficient memory."),
        "Unschedulable",
        "no node takes a pod: 0/1 nodes are available: 1 Insufficient memory. Lower",
    ),
    (
        unschedulable("pod has unbound immediate PersistentVolumeClaims"),
        "VolumePending",
        "PersistentVolumeClaims",
    ),
]


@pytest.fixture
async def world() -> World:
    return await begin_rollout()


@pytest.mark.parametrize(("status", "reason", "words"), CASES)
async def test_each_cause_has_its_reason(
    world: World, status: dict[str, Any], reason: str, words: str
) -> None:
    world.pod("counter-web-new", revision="r2", status=status)
    await world.settle()
    await world.clock.advance(world.outcomes[KEY].after or 0)
    await world.reconcile()
    for kind in ("Ready", "WebReady", "Degraded"):
        condition = world.condition(kind)
        assert condition["reason"] == reason
        assert words in condition["message"]
        assert condition["status"] == ("True" if kind == "Degraded" else "False")
    assert world.condition("Ready")["message"].endswith("The old pods keep serving.")
    assert ("Warning", reason) in {story[:2] for story in world.told.stories}
    assert "pw@" not in str(world.status())

    # It gets well by what the user does, and says so.
    world.roll_out()
    world.cluster.remove(world.cluster.ref("Pod", "counter-web-new"))
    await world.settle()
    assert world.condition("Ready")["status"] == "True"
    assert world.condition("Degraded")["status"] == "False"
    assert "Recovered" in world.told.reasons()


async def test_a_crash_loop_is_written_once(world: World) -> None:
    crashed = ended(1, "boom")
    world.pod("counter-web-new", revision="r2", status=crashed)
    await world.settle()
    world.cluster.log.clear()
    running = {
        "phase": "Running",
        "containerStatuses": [
            {
                "name": "web",
                "image": IMAGE,
                "state": {"running": {}},
                "restartCount": 4,
                "lastState": crashed["containerStatuses"][0]["lastState"],
            }
        ],
    }
    for status in (running, crashed, running, crashed):
        world.pod("counter-web-new", revision="r2", status=status)
        await world.settle()
    assert world.cluster.log == []


@pytest.mark.parametrize(
    ("message", "reason", "words"),
    [
        (
            'pods "w-x1" is forbidden: exceeded quota: q, requested: pods=1',
            "QuotaExceeded",
            "exceeded quota: q",
        ),
        ('pods "w-x1" is forbidden: violates PodSecurity "strict"', "PodSecurityViolation", "PodSecurity"),
        (
            'pods "w-x1" is forbidden: error looking up service account shop/a: serviceaccount "a" not found',
            "ServiceAccountMissing",
            "ServiceAccount a does not exist",
        ),
    ],
)
async def test_a_refused_pod_is_explained_by_its_deployment(
    world: World, message: str, reason: str, words: str
) -> None:
    web = world.cluster.ref("Deployment", "counter-web")
    condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    world.cluster.set_status(web, {"conditions": [condition]})
    await world.settle()
    assert world.condition("Ready")["reason"] == reason
    assert words in world.condition("Ready")["message"]
    world.cluster.log.clear()
    other = {**condition, "message": message.replace("w-x1", "w-y2")}
    world.cluster.set_status(web, {"conditions": [other]})
    await world.settle()
    assert world.cluster.log == [], "the name of the pod that could not be made is not news"


async def test_a_stalled_rollout_without_a_cause_names_the_deployment(world: World) -> None:
    web = world.cluster.ref("Deployment", "counter-web")
    condition = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    world.cluster.set_status(web, {"conditions": [condition]})
    await world.settle()
    assert world.condition("Ready")["reason"] == "RolloutStalled"
    assert "counter-web" in world.condition("Ready")["message"]


async def test_a_redis_killed_once_is_not_blamed_on_its_probe() -> None:
    world = World()
    world.declare()
    await world.bring_up()
    status = ended(137, name="redis")
    pod = world.pod("counter-redis-0", component=names.COMPONENT_REDIS, status=status)
    world.cluster.set_status(world.cluster.ref("StatefulSet", "counter-redis"), {"readyReplicas": 0})
    await world.settle()
    redis = world.condition("RedisReady")
    assert redis["reason"] == "CrashLooping"
    assert "container redis was stopped from outside" in redis["message"]
    assert pod


@pytest.mark.parametrize(
    ("component", "kind"), [(names.COMPONENT_REDIS, "RedisReady"), (names.COMPONENT_WORKER, "WorkersReady")]
)
async def test_other_parts_are_diagnosed_too(component: str, kind: str) -> None:
    world = World()
    world.declare(
        migrations={"policy": "Disabled"}, workers=[{"name": "celery", "type": "CeleryWorker", "app": "shop"}]
    )
    await world.settle()
    worker = "celery" if component == names.COMPONENT_WORKER else None
    world.pod("counter-x-1", component=component, worker=worker, status=waiting("ErrImageNeverPull"))
    await world.settle()
    assert world.condition(kind)["reason"] == "ImagePullFailed"
    assert world.condition("Ready")["reason"] == "ImagePullFailed"


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("The image lacks 'granian'. Add it, or choose another server in spec.web.server.", ""),
        ("The image lacks 'granian'", EXPLANATIONS[Reason.PACKAGE_MISSING].action),
        ("Is the package there?", EXPLANATIONS[Reason.PACKAGE_MISSING].action),
        (f"{'x' * 300} Choose another in spec.web.server.", EXPLANATIONS[Reason.PACKAGE_MISSING].action),
    ],
    ids=["names the field", "names none", "asks", "is cut"],
)
def test_what_to_do_is_said_once(text: str, action: str) -> None:
    report = json.dumps({"reason": "PackageMissing", "message": text})
    end = Terminated(
        container="web", exit_code=78, reason="Error", message=report, probed=False, repeated=False
    )
    found = diagnose_end(end)
    assert found.reason is Reason.PACKAGE_MISSING
    assert found.message.startswith(text[:200])
    assert found.message.endswith(action or text)
    assert not re.search(r"[….?!]\.", found.message), "one stop at the end of a sentence"


async def test_a_migration_that_cannot_start_has_its_own_cause(world: World) -> None:
    world.declare(django={"settingsModule": "contre.settings"})
    await world.settle()
    message = json.dumps({"reason": "SettingsModuleNotFound", "message": "no module contre.settings"})
    world.fail_migration(message=message)
    await world.settle()
    assert world.condition("MigrationsComplete")["reason"] == "SettingsModuleNotFound"
    assert world.condition("Ready")["reason"] == "SettingsModuleNotFound"


async def test_a_migration_at_its_deadline_says_so(world: World) -> None:
    world.declare(image="registry.example.com/counter:2")
    await world.settle()
    job = world.cluster.ref("Job", world.migration())
    condition = {
        "type": "Failed",
        "status": "True",
        "reason": "DeadlineExceeded",
        "message": "was active longer",
    }
    world.cluster.set_status(job, {"conditions": [condition]})
    await world.settle()
    assert world.condition("Ready")["reason"] == "MigrationDeadlineExceeded"
    assert "restartedAt" in world.condition("Ready")["message"]
