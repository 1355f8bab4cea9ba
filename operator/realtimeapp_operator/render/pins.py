"""Operator upgrades restart nobody: the runtime image of running pods stays until the user's own change rolls them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from realtimeapp_operator.render.common import template_hash
from realtimeapp_operator.render.config import build_settings
from realtimeapp_operator.render.redis import build_stateful_set
from realtimeapp_operator.render.web import build_web

if TYPE_CHECKING:
    from realtimeapp_operator.api.app import RealtimeApp
    from realtimeapp_operator.render.facts import Facts


def web_template_hash(app: RealtimeApp, facts: Facts) -> str:
    """Hash of the web Deployment's pod template, as its annotation has it."""
    return template_hash(build_web(app, facts, settings=build_settings(app, facts)))


def pinned(
    app: RealtimeApp,
    facts: Facts,
    *,
    current_template_hash: str | None,
    current_runtime_image: str | None,
) -> Facts:
    """Facts with the runtime image the running pods have, iff they would not roll for any other reason.

    `current_template_hash` is the web Deployment's annotation, `current_runtime_image` what its pods were rendered
    with; None where nothing runs yet.
    """
    if not current_runtime_image or current_runtime_image == facts.runtime_image:
        return facts
    kept = replace(facts, runtime_image=current_runtime_image)
    return kept if web_template_hash(app, kept) == current_template_hash else facts


def pinned_redis(
    app: RealtimeApp,
    facts: Facts,
    *,
    current_template_hash: str | None,
    current_redis_image: str | None,
) -> Facts:
    """Facts with the image the running Redis has, iff it would not restart for any other reason.

    `current_template_hash` is the StatefulSet's annotation, `current_redis_image` the image of its container.
    """
    if not current_redis_image or current_redis_image == facts.redis_image:
        return facts
    kept = replace(facts, redis_image=current_redis_image)
    return kept if template_hash(build_stateful_set(app, kept)) == current_template_hash else facts
