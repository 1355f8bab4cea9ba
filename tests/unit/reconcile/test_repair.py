"""What others do to the children is repaired, and what belongs to others is left alone."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from realtimeapp_operator import names
from realtimeapp_operator.kube.kinds import Ref
from realtimeapp_operator.reconcile.ports import Key
from tests.support.serving import bring_up_world
from tests.support.world import KEY, World, deployment_status

if TYPE_CHECKING:
    from collections.abc import Callable

    Change = Callable[[dict[str, Any]], None]

WORKER = {"name": "celery", "type": "CeleryWorker", "app": "shop"}


@pytest.fixture
async def world() -> World:
    return await bring_up_world(workers=[WORKER])


def spec_and_metadata(obj: dict[str, Any]) -> dict[str, Any]:
    left = {key: value for key, value in copy.deepcopy(obj).items() if key != "status"}
    for name in ("resourceVersion", "generation", "uid"):
        left["metadata"].pop(name, None)
    return left


def scale(obj: dict[str, Any]) -> None:
    obj["spec"]["replicas"] = 9


def change_image(obj: dict[str, Any]) -> None:
    obj["spec"]["template"]["spec"]["containers"][0]["image"] = "evil"


def change_config(obj: dict[str, Any]) -> None:
    obj["data"][next(iter(obj["data"]))] = "appendonly no"


def change_port(obj: dict[str, Any]) -> None:
    obj["spec"]["ports"][0]["targetPort"] = 1


def strip_label(obj: dict[str, Any]) -> None:
    del obj["metadata"]["labels"][names.LABEL_MANAGED_BY]


def strip_component(obj: dict[str, Any]) -> None:
    del obj["metadata"]["labels"][names.LABEL_COMPONENT]


def strip_hash(obj: dict[str, Any]) -> None:
    del obj["metadata"]["annotations"][names.ANNOTATION_HASH]


DRIFT = [
    ("Deployment", "counter-web", scale),
    ("Deployment", "counter-worker-celery", change_image),
    ("StatefulSet", "counter-redis", change_image),
    ("ConfigMap", "counter-redis", change_config),
    ("Service", "counter-web", change_port),
    ("Service", "counter-web", strip_label),
    ("Service", "counter-web", strip_component),
    ("Ingress", "counter-web", strip_label),
    ("NetworkPolicy", "counter-web", strip_hash),
]


@pytest.mark.parametrize(("kind", "name", "change"), DRIFT)
async def test_a_foreign_edit_is_undone_with_one_apply(
    world: World, kind: str, name: str, change: Change
) -> None:
    before = spec_and_metadata(world.child(kind, name))
    world.cluster.edit(world.cluster.ref(kind, name), change)
    assert spec_and_metadata(world.child(kind, name)) != before
    await world.settle()
    assert spec_and_metadata(world.child(kind, name)) == before
    writes = [request for request in world.cluster.writes() if request.kind != names.KIND]
    # An object without our label is met, looked at and then applied: the guarded write comes first.
    assert len(writes) == (2 if change is strip_label else 1)


@pytest.mark.parametrize(("kind", "name", "change"), DRIFT)
async def test_an_edit_while_no_operator_ran_is_undone_too(
    world: World, kind: str, name: str, change: Change
) -> None:
    before = spec_and_metadata(world.child(kind, name))
    world.cluster.edit(world.cluster.ref(kind, name), change)
    world.start()
    await world.settle()
    assert spec_and_metadata(world.child(kind, name)) == before


@pytest.mark.parametrize("quick_watch", [True, False])
async def test_a_repaired_deployment_is_not_ready_before_its_controller_has_seen_the_repair(
    world: World, *, quick_watch: bool
) -> None:
    web = world.cluster.ref("Deployment", "counter-web")
    world.cluster.edit(web, scale)
    edited = world.cluster.objects[web]["metadata"]["generation"]
    world.cluster.set_status(web, deployment_status(edited, 2))
    if quick_watch:
        world.cluster.after = world.deliver
    await world.settle()
    assert world.condition("WebReady")["status"] == "False", "the status speaks of the edited Deployment"
    world.roll_out()
    await world.settle()
    assert world.condition("WebReady")["status"] == "True"


async def test_what_others_add_stays(world: World) -> None:
    web = world.cluster.ref("Deployment", "counter-web")
    sidecar = {"name": "mesh", "image": "mesh:1"}
    world.cluster.edit(web, lambda live: live["spec"]["template"]["spec"]["containers"].append(sidecar))
    world.cluster.edit(web, lambda live: live["metadata"]["annotations"].update({"a.example.com/b": "c"}))
    await world.settle()
    world.declare(workers=[WORKER], web={"replicas": 4})
    await world.settle()
    live = world.child("Deployment", "counter-web")
    assert sidecar in live["spec"]["template"]["spec"]["containers"]
    assert live["metadata"]["annotations"]["a.example.com/b"] == "c"
    assert live["spec"]["replicas"] == 4


async def test_every_deleted_child_comes_back(world: World) -> None:
    for child in list(world.cluster.children(KEY)):
        if child["kind"] in {"Secret", "Job", "Pod"}:
            continue
        world.cluster.remove(Ref.of(child))
        await world.settle()
        again = world.child(child["kind"], child["metadata"]["name"])
        assert spec_and_metadata(again) == spec_and_metadata(child)
        assert again["metadata"]["uid"] != child["metadata"]["uid"]


async def test_a_deleted_secret_is_not_made_anew_under_a_running_redis(world: World) -> None:
    for name in ("counter-redis", "counter-django"):
        world.cluster.remove(world.cluster.ref("Secret", name))
    world.declare(workers=[WORKER], web={"replicas": 3})
    await world.settle()
    world.start()
    await world.settle()
    assert world.cluster.get("Secret", "counter-redis") is None
    assert world.cluster.get("Secret", "counter-django") is None

    world.pod("counter-web-1", status={"phase": "Pending"})
    await world.settle()
    assert world.outcomes[KEY].after is not None
    await world.clock.advance(10)
    await world.reconcile()
    ready = world.condition("Ready")
    assert ready["reason"] == "SecretMissing"
    assert "counter-django was deleted. Restore it" in ready["message"]
    assert world.cluster.get("Secret", "counter-redis") is None


async def test_parts_removed_from_the_spec_go(world: World) -> None:
    world.declare(workers=[], cleanup=[], ingress=None)
    await world.settle()
    world.roll_out()
    await world.settle()
    gone = ("Deployment", "CronJob", "Ingress")
    left = [(obj["kind"], obj["metadata"]["name"]) for obj in world.cluster.children(KEY)]
    assert [item for item in left if item[0] in gone] == [("Deployment", "counter-web")]


async def test_old_settings_stay_until_the_rollout_is_over(world: World) -> None:
    old = settings_of(world)
    world.declare(workers=[WORKER], session={"ttlSeconds": 60})
    await world.settle()
    both = settings_of(world)
    assert len(both) == 2
    assert old < both
    world.roll_out()
    await world.settle()
    assert settings_of(world) == both - old


def settings_of(world: World) -> set[str]:
    found = {obj["metadata"]["name"] for obj in world.cluster.children(KEY) if obj["kind"] == "ConfigMap"}
    return {name for name in found if "-settings-" in name}


@pytest.mark.parametrize("managed", [True, False])
@pytest.mark.parametrize("owner", ["nobody", "somebody"])
async def test_a_foreign_object_is_never_touched(*, managed: bool, owner: str) -> None:
    world = World()
    foreign: dict[str, Any] = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "counter-web", "namespace": KEY.namespace, "labels": {}},
        "spec": {"replicas": 1, "template": {"spec": {"containers": []}}},
    }
    if managed:
        foreign["metadata"]["labels"] = {
            names.LABEL_MANAGED_BY: names.MANAGED_BY,
            names.LABEL_INSTANCE: KEY.name,
        }
    if owner == "somebody":
        foreign["metadata"]["ownerReferences"] = [
            {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "other", "controller": True}
        ]
    before = copy.deepcopy(world.cluster.put(foreign))
    world.declare(migrations={"policy": "Disabled"})
    await world.settle()
    assert world.child("Deployment", "counter-web") == before
    condition = world.condition("Reconciled")
    assert (condition["status"], condition["reason"]) == ("False", "NameConflict")
    assert "Deployment counter-web exists" in condition["message"]
    assert world.outcomes[KEY].refused
    assert world.child("StatefulSet", "counter-redis")

    world.cluster.remove(Ref.of(foreign))
    await world.settle()
    await world.reconcile()
    assert world.child("Deployment", "counter-web")["metadata"]["ownerReferences"]
    assert world.condition("Reconciled")["status"] == "True"


@pytest.mark.parametrize("kind", ["Secret", "ServiceAccount", "ConfigMap"])
async def test_nothing_runs_on_what_belongs_to_somebody_else(kind: str) -> None:
    world = World()
    name = "counter" if kind == "ServiceAccount" else "counter-redis"
    foreign = {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": KEY.namespace},
    }
    before = copy.deepcopy(world.cluster.put(foreign))
    world.declare(migrations={"policy": "Disabled"})
    await world.settle()
    assert world.child(kind, name) == before
    assert world.condition("Ready")["reason"] == "NameConflict"
    kinds = {obj["kind"] for obj in world.cluster.children(KEY)}
    assert not kinds & {"Deployment", "StatefulSet", "Job"}


async def test_a_foreign_object_that_comes_between_two_reconciles_is_not_touched(world: World) -> None:
    """The child is deleted and somebody takes its name before the operator has heard of either."""
    ref = world.cluster.ref("Service", "counter-web")
    foreign = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": ref.name, "namespace": ref.namespace},
        "spec": {"ports": [{"port": 1}]},
    }

    def be_quicker(verb: str, written: Ref) -> None:
        if (verb, written) == ("apply", ref) and "ownerReferences" in world.child("Service", ref.name)[
            "metadata"
        ]:
            world.cluster.remove(ref)
            world.cluster.put(foreign)

    world.cluster.before = be_quicker
    world.cluster.edit(ref, change_port)
    await world.settle()
    assert world.child("Service", "counter-web")["spec"] == foreign["spec"]
    assert world.condition("Reconciled")["reason"] == "NameConflict"
    assert "ownerReferences" not in world.child("Service", "counter-web")["metadata"]


async def test_a_foreign_object_with_a_name_no_longer_wanted_is_not_deleted(world: World) -> None:
    ref = world.cluster.ref("Deployment", "counter-worker-celery")

    def be_quicker(verb: str, written: Ref) -> None:
        if (verb, written) == ("delete", ref):
            foreign = copy.deepcopy(world.cluster.objects[ref])
            world.cluster.remove(ref)
            del foreign["metadata"]["ownerReferences"]
            world.cluster.put(foreign)
            world.cluster.before = lambda _verb, _ref: None

    world.cluster.before = be_quicker
    world.declare(workers=[])
    await world.settle()
    assert "ownerReferences" not in world.child("Deployment", "counter-worker-celery")["metadata"]


async def test_an_application_declared_again_waits_for_the_children_of_the_old_one(world: World) -> None:
    world.undeclare()
    world.declare(workers=[WORKER])
    await world.settle()
    assert "still being removed" in str(world.errors[KEY])
    assert "conditions" not in world.status()
    world.cluster.collect()
    await world.bring_up()
    uid = world.cluster.ref(names.KIND, KEY.name)
    owners = {
        owner["uid"]
        for obj in world.cluster.children(KEY)
        if obj["kind"] != "Pod"
        for owner in obj["metadata"].get("ownerReferences", ())
    }
    assert owners == {world.cluster.objects[uid]["metadata"]["uid"]}


async def test_two_applications_do_not_see_each_other(world: World) -> None:
    other = Key(KEY.namespace, "other")
    mine = {Ref.of(obj) for obj in world.cluster.children(KEY)}
    world.declare(other)
    await world.settle()
    assert {request.name.split("-")[0] for request in world.cluster.log} == {"other"}
    world.declare(other, cleanup=[], ingress=None)
    await world.settle()
    assert mine <= set(world.cluster.objects)
