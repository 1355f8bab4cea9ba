"""Deaths of the operator while pods come and go: after whatever write it dies, the same end on the same way."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest

from realtimeapp_operator import names
from realtimeapp_operator.kube.kinds import Ref
from tests.support.fake_cluster import Killed
from tests.support.web_tier import WebTier
from tests.support.world import KEY, World

OLD, NEW, NEWER = (f"registry.example.com/counter:{n}" for n in (1, 2, 3))
LOADS = (900, 300, 800, 500)
AT_ONCE = 1000
WEB: dict[str, Any] = {
    "connections": {"maxPerPod": 1000},
    "rollout": {"maxReconnectsPerSecond": 50, "drainTimeoutSeconds": 20},
}
AUTOSCALING = {"minReplicas": 2, "maxReplicas": 6}
KUBECTL, HPA = "kubectl-rollout", "kube-controller-manager"
WEB_NAME = "counter-web"


class Tier(WebTier):
    """The web tier, and what the Deployment controller keeps for an undo."""

    kept: dict[str, Any]


Step = Callable[[Tier], None]


def declare(
    tier: Tier,
    *,
    image: str = OLD,
    replicas: int = 4,
    web: dict[str, Any] | None = None,
    **spec: Any,  # noqa: ANN401 - fields of the spec
) -> None:
    fields = {"migrations": {"policy": "Disabled"}, "checks": {"deploy": "Off"}, **spec}
    tier.world.declare(image=image, web={**WEB, "replicas": replicas, **(web or {})}, ingress=None, **fields)


def deployment(tier: Tier) -> dict[str, Any]:
    return tier.world.child("Deployment", WEB_NAME)


async def rest(tier: Tier) -> None:
    """Everything that is due happens: Jobs end, pods come and go, connections move."""
    for _ in range(2):
        await tier.world.settle()
        for job in tier.world.jobs(names.COMPONENT_MIGRATE):
            if "status" not in tier.world.child("Job", job):
                tier.world.complete_job(job)
        await tier.world.settle()
        tier.world.roll_out()
        await tier.come_to_rest()
    await tier.world.sampler.refresh(KEY)
    await tier.come_to_rest()


def load(tier: Tier) -> None:
    """Clients come, as many to each pod as to the one of its place."""
    tier.hold(*(LOADS * 2)[: len(tier.staying())])


def remember(tier: Tier) -> None:
    """Keep the revision that is there."""
    tier.kept = copy.deepcopy(deployment(tier))


def undo(tier: Tier) -> None:
    """`kubectl rollout undo`."""

    def change(live: dict[str, Any]) -> None:
        live["spec"]["template"] = copy.deepcopy(tier.kept["spec"]["template"])
        live["metadata"]["annotations"] = copy.deepcopy(tier.kept["metadata"]["annotations"])

    tier.world.cluster.edit(Ref.of(deployment(tier)), change, manager=KUBECTL)


def scale_by_hpa(replicas: int) -> Step:
    def scale(tier: Tier) -> None:
        ref = Ref.of(deployment(tier))
        tier.world.cluster.edit(ref, lambda live: live["spec"].update(replicas=replicas), manager=HPA)

    return scale


STORIES: dict[str, tuple[Step, ...]] = {
    "scale in": (declare, load, lambda tier: declare(tier, replicas=1)),
    "suspend and resume": (
        declare,
        load,
        lambda tier: declare(tier, image=NEW, suspend=True),
        lambda tier: declare(tier, image=NEW),
    ),
    "hand over": (
        declare,
        load,
        lambda tier: declare(tier, web={"autoscaling": AUTOSCALING}),
        scale_by_hpa(5),
        lambda tier: declare(tier, image=NEW, web={"autoscaling": AUTOSCALING}),
        lambda tier: declare(tier, image=NEW, replicas=5),
    ),
    "suspend and resume while autoscaled": (
        lambda tier: declare(tier, web={"autoscaling": AUTOSCALING}),
        scale_by_hpa(5),
        load,
        lambda tier: declare(tier, web={"autoscaling": AUTOSCALING}, suspend=True),
        lambda tier: declare(tier, web={"autoscaling": AUTOSCALING}),
    ),
    "undo": (
        lambda tier: declare(tier, env=[{"name": "NOTE", "value": "old"}]),
        remember,
        lambda tier: declare(tier, image=NEW),
        undo,
        lambda tier: declare(tier, image=NEW, replicas=5),
        lambda tier: declare(tier, image=NEWER, replicas=5),
    ),
    "after rollout": (
        lambda tier: declare(tier, migrations={"policy": "AfterRollout"}),
        lambda tier: declare(tier, image=NEW, migrations={"policy": "AfterRollout"}),
    ),
}


async def live_through(story: tuple[Step, ...], *, death_after: int | None = None) -> tuple[Tier, int]:
    """The story with controllers as quick as can be; how many writes it took."""
    world = World()
    tier = Tier(world)

    def control() -> None:
        if world.cluster.get("Deployment", WEB_NAME) is not None:
            tier.control()

    world.cluster.after = control
    world.cluster.writes_until_death = death_after
    for step in story:
        step(tier)
        try:
            await rest(tier)
        except Killed:
            world.cluster.writes_until_death = None
            world.start()
            await rest(tier)
    return tier, len(world.cluster.writes())


def final_state(tier: Tier) -> str:
    """Names, specs and status of all but the pods, and who has the number of replicas; without times."""
    state: dict[str, Any] = {}
    for ref, obj in tier.world.cluster.objects.items():
        if ref.kind == "Pod":
            continue
        conditions = [
            {
                key: value
                for key, value in item.items()
                if key not in {"observedGeneration", "lastTransitionTime"}
            }
            for item in obj.get("status", {}).get("conditions", ())
        ]
        status = {key: value for key, value in obj.get("status", {}).items() if key != "observedGeneration"}
        state[f"{ref.kind}/{ref.name}"] = (obj.get("spec"), {**status, "conditions": conditions})
    owners = sorted(
        entry["manager"]
        for entry in deployment(tier)["metadata"]["managedFields"]
        if "f:replicas" in entry["fieldsV1"].get("f:spec", {})
    )
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z", "TIME", str((sorted(state.items()), owners)))


@pytest.mark.parametrize("name", STORIES)
async def test_death_after_any_write_ends_the_same_and_takes_nobody_too_many(name: str) -> None:
    story = STORIES[name]
    whole, writes = await live_through(story)
    assert whole.heaviest <= AT_ONCE
    expected = final_state(whole)
    for n in range(1, writes + 1):
        tier, _ = await live_through(story, death_after=n)
        assert final_state(tier) == expected, f"after write {n} of {writes}"
        assert tier.heaviest <= AT_ONCE, f"after write {n} of {writes}"
        tier.world.cluster.log.clear()
        tier.world.start()
        await tier.world.settle()
        assert tier.world.cluster.log == [], "a restart writes nothing"
