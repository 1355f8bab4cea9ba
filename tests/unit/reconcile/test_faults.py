"""Deaths, refusals and bad declarations: nothing is lost, nothing is written twice, everything is said."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from realtimeapp_operator import names
from realtimeapp_operator.api.conditions import ConditionType
from realtimeapp_operator.kube.errors import (
    ApiError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    TooManyRequests,
    Unavailable,
)
from tests.support.fake_cluster import Killed
from tests.support.world import KEY, World

if TYPE_CHECKING:
    from realtimeapp_operator.kube.kinds import Ref

SPEC: dict[str, Any] = {
    "workers": [{"name": "celery", "type": "CeleryWorker", "app": "shop"}],
    "migrations": {"policy": "Disabled"},
}


def final_state(world: World) -> dict[Any, Any]:
    """Everything but what differs from one life to another."""
    state = {}
    for ref, obj in world.cluster.objects.items():
        kept = copy.deepcopy(obj)
        kept.pop("data", None) if ref.kind == "Secret" else None
        for name in ("uid", "resourceVersion", "generation", "managedFields", "ownerReferences"):
            kept["metadata"].pop(name, None)
        for observation in (kept.get("status", {}), *kept.get("status", {}).get("conditions", ())):
            observation.pop("observedGeneration", None)
        state[ref] = kept
    return state


async def rolled_out() -> World:
    """An application that serves; the requests until then are forgotten."""
    world = World()
    world.declare(**SPEC)
    await world.settle()
    world.roll_out()
    await world.settle()
    world.cluster.log.clear()
    return world


async def live_through(world: World) -> None:
    """A creation, a change that prunes, adds and rolls, and the status of both."""
    world.declare(**SPEC)
    await world.settle()
    world.roll_out()
    await world.settle()
    world.declare(
        image="registry.example.com/counter:2", session={"ttlSeconds": 60}, migrations=SPEC["migrations"]
    )
    await world.settle()
    world.roll_out()
    await world.settle()


async def test_death_after_any_write_converges_to_the_same_state() -> None:
    whole = World()
    await live_through(whole)
    expected = final_state(whole)
    writes = len(whole.cluster.writes())
    assert writes > 25
    secrets = 0
    for n in range(1, writes + 1):
        world = World()
        world.cluster.writes_until_death = n
        died = False
        try:
            await live_through(world)
        except Killed:
            died = True
        assert died
        password = (world.cluster.get("Secret", "counter-redis") or {}).get("data")
        secrets += password is not None
        world.cluster.writes_until_death = None
        world.start()
        await live_through(world)
        assert final_state(world) == expected, f"after write {n}"
        if password is not None:
            assert world.child("Secret", "counter-redis")["data"] == password
    assert secrets > 20


@pytest.mark.parametrize("error", [Conflict(status=409, message="x"), Unavailable(status=503, message="x")])
async def test_a_failure_of_every_second_write_only_delays(error: ApiError) -> None:
    whole = World()
    await live_through(whole)
    world = World()
    calls = 0

    def refuse(verb: str, _ref: Ref) -> ApiError | None:
        nonlocal calls
        calls += 1
        return error if verb != "get" and calls % 2 else None

    world.cluster.refuse = refuse
    for step in (world.declare, None):
        if step is not None:
            step(**SPEC)
        for _ in range(40):
            await world.settle()
    world.cluster.refuse = lambda _verb, _ref: None
    await live_through(world)
    assert final_state(world) == final_state(whole)


async def test_a_quota_is_named_and_its_end_mends() -> None:
    world = World()
    message = (
        'persistentvolumeclaims "x" is forbidden: exceeded quota: small, requested: services=1, used: services=0,'
        " limited: services=0"
    )
    world.cluster.refuse = lambda _verb, ref: (
        Forbidden(status=403, reason="Forbidden", message=message) if ref.kind == "Service" else None
    )
    world.declare(**SPEC)
    await world.settle()
    for kind in ("Ready", "Reconciled", "Degraded"):
        assert world.condition(kind)["reason"] == "QuotaExceeded"
    assert "exceeded quota: small" in world.condition("Ready")["message"]
    assert "Raise the quota" in world.condition("Ready")["message"]
    assert world.outcomes[KEY].refused
    assert world.cluster.get("Deployment", "counter-web") is None
    written = len(world.cluster.writes())
    world.due[KEY] = None
    await world.settle()
    again = world.cluster.writes()[written:]
    assert not [request for request in again if request.verb == "patch"], (
        "the same words are not written twice"
    )

    world.cluster.refuse = lambda _verb, _ref: None
    await world.reconcile()
    assert world.condition("Reconciled")["status"] == "True"
    assert world.told.reasons() == ["QuotaExceeded", "Recovered"]


@pytest.mark.parametrize(
    ("error", "reason", "words"),
    [
        (
            Invalid(status=422, message='Service "x" is invalid: spec.ports: no'),
            "ObjectRejected",
            "spec.ports: no",
        ),
        (
            Forbidden(status=403, message='services "x" is forbidden: User "op" cannot patch'),
            "Forbidden",
            "cannot patch",
        ),
        (
            Forbidden(status=403, message='admission webhook "p.example.com" denied the request: no'),
            "ObjectRejected",
            "p.example.com",
        ),
    ],
)
async def test_a_refusal_has_its_reason_and_the_words_of_the_server(
    error: ApiError, reason: str, words: str
) -> None:
    world = World()
    world.cluster.refuse = lambda _verb, ref: error if ref.kind == "Service" else None
    world.declare(**SPEC)
    await world.settle()
    assert world.condition("Ready")["reason"] == reason
    assert words in world.condition("Ready")["message"]


@pytest.mark.parametrize(
    "error",
    [
        Unavailable(status=500, message='failed calling webhook "p.example.com": no endpoints'),
        TooManyRequests(status=429, message="too many requests, please try again later"),
        Conflict(status=409, message="the object has been modified"),
    ],
)
async def test_a_write_that_keeps_failing_is_told_once_and_tried_on(error: ApiError) -> None:
    world = World()
    world.cluster.refuse = lambda verb, ref: (
        error if (verb, ref.kind) == ("apply", "PodDisruptionBudget") else None
    )
    world.declare(**SPEC)
    for _ in range(2):
        await world.settle()
        assert world.errors[KEY] is error
        assert "conditions" not in world.status(), "it may be over in a second"
    await world.settle()
    assert world.errors[KEY] is error, "the queue backs off"
    for kind in ("Reconciled", "Ready", "Degraded"):
        assert world.condition(kind)["reason"] == "WriteFailed"
    assert "PodDisruptionBudget counter-web" in world.condition("Reconciled")["message"]
    assert error.message in world.condition("Reconciled")["message"]
    assert world.condition("RedisReady")["reason"] == "PodsStarting"
    assert world.cluster.get("Deployment", "counter-web") is None
    written = len(world.cluster.log)
    await world.settle()
    assert not [request for request in world.cluster.log[written:] if request.verb == "patch"]

    world.cluster.refuse = lambda _verb, _ref: None
    await world.settle()
    assert not world.errors
    assert world.condition("Reconciled")["status"] == "True"
    assert world.told.reasons() == ["WriteFailed", "Recovered"]


async def test_a_failing_write_does_not_hide_what_a_person_must_solve() -> None:
    world = World()
    errors = {
        "Service": Forbidden(status=403, message='services "x" is forbidden: exceeded quota: small'),
        "PodDisruptionBudget": Unavailable(status=503, message="etcdserver: request timed out"),
    }
    world.cluster.refuse = lambda verb, ref: errors.get(ref.kind) if verb == "apply" else None
    world.declare(**SPEC)
    await world.settle()
    assert world.errors[KEY] is errors["PodDisruptionBudget"]
    assert world.condition("Ready")["reason"] == "QuotaExceeded"


async def test_one_failed_write_at_rest_is_not_worth_a_word() -> None:
    world = await rolled_out()
    world.cluster.refuse = lambda verb, _ref: Unavailable(status=503) if verb == "apply" else None
    world.declare(**SPEC, web={"replicas": 3})
    await world.settle()
    world.cluster.refuse = lambda _verb, _ref: None
    await world.settle()
    world.roll_out()
    await world.settle()
    assert [request.verb for request in world.cluster.log] == ["apply", "apply", "patch", "patch"]
    assert "WriteFailed" not in world.told.reasons()


async def test_a_refused_deletion_is_told_and_tried_again() -> None:
    world = await rolled_out()
    error = Forbidden(status=403, message='admission webhook "keep.example.com" denied the request: no')
    world.cluster.refuse = lambda verb, _ref: error if verb == "delete" else None
    world.declare(migrations=SPEC["migrations"])
    await world.settle()
    world.roll_out()
    await world.settle()
    assert world.status()["observedGeneration"] == 2
    assert world.condition("WebReady")["status"] == "True"
    for kind in ("Reconciled", "Ready", "Degraded"):
        assert world.condition(kind)["reason"] == "ObjectRejected"
    assert "Deployment counter-worker-celery" in world.condition("Reconciled")["message"]
    assert world.outcomes[KEY].refused

    world.cluster.refuse = lambda _verb, _ref: None
    await world.reconcile()
    await world.reconcile()
    assert world.cluster.get("Deployment", "counter-worker-celery") is None
    assert world.condition("Ready")["status"] == "True"


async def test_an_ending_namespace_is_left_in_silence() -> None:
    world = World()
    details = {"causes": [{"reason": "NamespaceTerminating"}]}
    world.cluster.refuse = lambda verb, _ref: (
        Forbidden(status=403, message="unable to create new content", details=details)
        if verb != "get"
        else None
    )
    world.declare(**SPEC)
    await world.settle()
    assert not world.errors
    assert not world.told.stories

    gone = NotFound(status=404, message='namespaces "shop" not found', details={"kind": "namespaces"})
    world.cluster.refuse = lambda verb, _ref: gone if verb != "get" else None
    world.due[KEY] = None
    await world.settle()
    assert not world.errors


async def test_a_refused_spec_is_explained_and_what_runs_is_left_alone() -> None:
    world = World()
    world.declare()
    await world.bring_up()
    children = final_state(world)
    world.cluster.log.clear()
    for n in range(5):
        world.declare(web={"replicas": -1 - n})
        await world.settle()
        ready = world.condition("Ready")
        assert (ready["status"], ready["reason"]) == ("False", "InvalidSpec")
        assert "spec.web.replicas: must be at least 0" in ready["message"]
        assert world.status()["observedGeneration"] == ready["observedGeneration"]
        assert world.condition("WebReady")["status"] == "True"
        world.declare()
        await world.settle()
        assert world.condition("Ready")["status"] == "True"
        assert world.condition("Degraded")["status"] == "False"
    assert {request[:2] for request in world.cluster.log} == {("patch", names.KIND)}
    assert len(world.cluster.log) == 10
    after = final_state(world)
    assert {ref: obj for ref, obj in after.items() if ref.kind != names.KIND} == {
        ref: obj for ref, obj in children.items() if ref.kind != names.KIND
    }


async def test_a_first_refused_spec_has_every_condition() -> None:
    world = World()
    world.declare(framework="Rails")
    await world.settle()
    assert len(world.status()["conditions"]) == len(ConditionType)
    assert world.condition("WebReady")["status"] == "Unknown"
    assert world.cluster.children(KEY) == []


async def test_an_unknown_class_is_named_and_its_arrival_mends() -> None:
    world = World(traefik=False)
    world.declare(**SPEC)
    await world.settle()
    world.roll_out()
    await world.settle()
    assert world.condition("Ready")["reason"] == "IngressClassNotFound"
    assert world.condition("WebReady")["status"] == "True"
    assert world.child("Ingress", "counter-web")
    world.cluster.put(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": {"name": "traefik"},
            "spec": {"controller": "traefik.io/ingress-controller"},
        }
    )
    await world.settle()
    world.roll_out()
    await world.settle()
    assert world.condition("Ready")["status"] == "True"
    assert world.status()["edge"] == {"provider": "Traefik", "unmet": []}


async def test_a_class_that_vanishes_does_not_roll_the_pods() -> None:
    world = await rolled_out()
    world.cluster.remove(world.cluster.ref("IngressClass", "traefik"))
    await world.settle()
    assert {request[:2] for request in world.cluster.log} == {("patch", names.KIND)}
    assert world.condition("EdgeReady")["reason"] == "IngressClassNotFound"


async def test_no_secret_is_told_anywhere() -> None:
    world = World()
    world.declare(**SPEC)
    await world.settle()
    for name in ("counter-redis", "counter-django"):
        for value in world.child("Secret", name)["data"].values():
            rest = [obj for obj in world.cluster.objects.values() if obj["kind"] != "Secret"]
            assert value not in str(rest) + str(world.told.stories)
