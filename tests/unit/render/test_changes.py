"""What a change of one field changes, and what it leaves alone: fewer changed objects are fewer reconnects."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from realtimeapp_operator.api.parse import parse
from realtimeapp_operator.render import Facts, Manifest, pinned, pinned_redis, render, web_template_hash
from realtimeapp_operator.render.common import template_hash
from tests.unit.render.cases import body, by_name, facts_for, render_body

NAME = "workers"


def changed(*, to: dict[str, Any], name: str = NAME) -> tuple[dict[str, Any], list[Manifest], list[Manifest]]:
    before = body(name)
    after = copy.deepcopy(before)
    for path, value in to.items():
        *parents, last = path.split(".")
        at = after["spec"]
        for parent in parents:
            at = at.setdefault(parent, {})
        at[last] = value
    return after, render_body(before), render_body(after)


def differing(before: list[Manifest], after: list[Manifest]) -> set[tuple[str, str]]:
    old, new = by_name(before), by_name(after)
    return {key for key in {*old, *new} if old.get(key) != new.get(key)}


def rolled(before: list[Manifest], after: list[Manifest]) -> set[str]:
    old, new = by_name(before), by_name(after)
    return {
        name
        for kind, name in differing(before, after)
        if kind in {"Deployment", "StatefulSet"}
        and template_hash(old[kind, name]) != template_hash(new[kind, name])
    }


def migrations(manifests: list[Manifest]) -> set[str]:
    return {name for kind, name in by_name(manifests) if kind == "Job" and "-migrate-" in name}


def kinds(keys: set[tuple[str, str]]) -> set[str]:
    return {kind for kind, _ in keys}


@pytest.mark.parametrize("name", ["workers", "channels-chat"])
def test_scaling_the_web_tier_changes_its_deployment_and_replaces_no_pod(name: str) -> None:
    _, before, after = changed(to={"web.replicas": 1}, name=name)
    (only,) = differing(before, after)
    assert only[0] == "Deployment"
    assert not rolled(before, after)


def test_a_new_image_migrates_and_rolls_the_application_but_not_redis() -> None:
    _, before, after = changed(to={"image": "registry.example.com/board:3.2.0"})
    assert kinds(differing(before, after)) == {"Job", "Deployment", "CronJob"}
    assert len(migrations(before) ^ migrations(after)) == 2
    assert rolled(before, after) == {
        "board-web",
        *(f"board-worker-{worker}" for worker in ("celery", "beat", "events", "consumer", "mirror")),
    }


@pytest.mark.parametrize(
    "to",
    [
        {"env": [{"name": "A", "value": "1"}]},
        {"envFrom": [{"secretRef": {"name": "a"}}]},
        {"django.settingsModule": "other.settings"},
        {"database": {"urlSecretRef": {"name": "other", "key": "url"}}},
        {"restartedAt": "2026-11-20T12:00:00Z"},
        {"podTemplate": {"resources": {"limits": {"memory": "1Gi"}}}},
        {"migrations": {"activeDeadlineSeconds": 1200}},
    ],
)
def test_what_can_mend_a_failed_migration_starts_another_one(to: dict[str, Any]) -> None:
    _, before, after = changed(to=to)
    assert migrations(before) != migrations(after)


@pytest.mark.parametrize(
    "to",
    [
        {"web.rollout": {"closeCode": 4000}},
        {"web.podTemplate": {"resources": {"limits": {"memory": "1Gi"}}}},
        {"session.ttlSeconds": 60},
        {"suspend": True},
        {"redis.standalone": {"maxMemory": "512Mi"}},
    ],
)
def test_what_no_migration_depends_on_starts_none(to: dict[str, Any]) -> None:
    _, before, after = changed(to=to)
    assert migrations(before) == migrations(after)


def test_a_close_code_is_rolled_out_as_a_new_settings_file() -> None:
    _, before, after = changed(to={"web.rollout": {"closeCode": 4000}})
    settings = {name for kind, name in differing(before, after) if kind == "ConfigMap"}
    assert len(settings) == 2
    assert "board-web" in rolled(before, after)
    assert "board-redis" not in rolled(before, after)


def test_a_restart_rolls_web_and_workers_but_not_redis() -> None:
    _, before, after = changed(to={"restartedAt": "2026-11-20T12:00:00Z"})
    assert len(rolled(before, after)) == 6
    assert "board-redis" not in rolled(before, after)


def test_another_pace_replaces_no_more_than_the_web_pods_settings() -> None:
    _, before, after = changed(to={"web.disruptionBudget": {"maxUnavailable": 2}})
    assert differing(before, after) == {("PodDisruptionBudget", "board-web")}


def test_more_memory_for_redis_restarts_redis_alone() -> None:
    _, before, after = changed(to={"redis.standalone": {"maxMemory": "512Mi"}})
    assert differing(before, after) == {("StatefulSet", "board-redis")}
    assert rolled(before, after) == {"board-redis"}


def test_redis_restarts_for_its_memory_even_with_fixed_resources() -> None:
    fixed = {"resources": {"requests": {"memory": "1Gi"}, "limits": {"memory": "2Gi"}}}
    manifest, _, before = changed(to={"redis.standalone": {**fixed, "maxMemory": "256Mi"}})
    manifest["spec"]["redis"]["standalone"]["maxMemory"] = "512Mi"
    assert rolled(before, render_body(manifest)) == {"board-redis"}


def test_suspending_scales_down_and_keeps_redis() -> None:
    _, before, after = changed(to={"suspend": True})
    objects = by_name(after)
    assert all(each["spec"]["replicas"] == 0 for (kind, _), each in objects.items() if kind == "Deployment")
    assert all(each["spec"]["suspend"] for (kind, _), each in objects.items() if kind == "CronJob")
    assert objects["StatefulSet", "board-redis"]["spec"]["replicas"] == 1
    assert kinds(differing(before, after)) == {"Deployment", "CronJob"}
    assert not rolled(before, after)


class TestPins:
    def upgraded(self) -> tuple[Facts, Facts]:
        old = facts_for(parse(body(NAME)))
        return old, replace(old, runtime_image="operator:2", redis_image="redis:2")

    def test_an_operator_upgrade_restarts_nobody(self) -> None:
        app, (old, new) = parse(body(NAME)), self.upgraded()
        running = web_template_hash(app, old)
        facts = pinned(app, new, template_hashes={running}, runtime_images=[old.runtime_image])
        redis = by_name(render(app, old))["StatefulSet", "board-redis"]
        facts = pinned_redis(
            app, facts, current_template_hash=template_hash(redis), current_redis_image=old.redis_image
        )
        assert render(app, facts) == render(app, old)

    def test_the_users_own_change_brings_the_new_runtime(self) -> None:
        old, new = self.upgraded()
        running = web_template_hash(parse(body(NAME)), old)
        manifest, _, _ = changed(to={"image": "registry.example.com/board:3.2.0"})
        app = parse(manifest)
        assert pinned(app, new, template_hashes={running}, runtime_images=[old.runtime_image]) == new

    def test_a_change_that_replaces_no_pod_keeps_the_pin(self) -> None:
        old, new = self.upgraded()
        running = web_template_hash(parse(body(NAME)), old)
        manifest, _, _ = changed(to={"web.replicas": 7})
        facts = pinned(parse(manifest), new, template_hashes={running}, runtime_images=[old.runtime_image])
        assert facts.runtime_image == old.runtime_image

    def test_an_application_that_never_ran_gets_the_new_runtime(self) -> None:
        _, new = self.upgraded()
        app = parse(body(NAME))
        assert pinned(app, new, template_hashes=set(), runtime_images=[]) == new
        assert pinned_redis(app, new, current_template_hash=None, current_redis_image=None) == new
