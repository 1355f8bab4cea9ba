"""Operator upgrades restart nobody: the runtime image of running pods stays until the user's own change rolls them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from realtimeapp_operator.render.common import template_hash
from realtimeapp_operator.render.config import build_settings
from realtimeapp_operator.render.redis import build_stateful_set
from realtimeapp_operator.render.web import build_web

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from realtimeapp_operator.api.app import RealtimeApp
    from realtimeapp_operator.render.facts import Facts


def web_template_hash(app: RealtimeApp, facts: Facts) -> str:
    """Hash of the web Deployment's pod template, as its annotation has it."""
    return template_hash(build_web(app, facts, settings=build_settings(app, facts)))


def pinned(
    app: RealtimeApp,
    facts: Facts,
    *,
    template_hashes: Collection[str],
    runtime_images: Iterable[str],
) -> Facts:
    """Facts with the runtime image the running pods have, iff they would not roll for any other reason.

    `template_hashes` are those of the web Deployment, `runtime_images` what its pods may have been rendered with;
    empty where nothing runs yet.
    """
    for image in dict.fromkeys(runtime_images):
        if image == facts.runtime_image:
            break
        kept = replace(facts, runtime_image=image)
        if image and web_template_hash(app, kept) in template_hashes:
            return kept
    return facts


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
