"""How long each new pod of a rollout serves before the next old one goes: by what the pods hold now, not what they may.

The declaration alone allows for full pods, and a rollout of nearly empty ones would wait for drains that are over at
once. So when the pod template changes, the Deployment's `minReadySeconds` is chosen from the counts of that moment and
stays until the template changes again: at rest nothing is written, and the engine needs nobody while it rolls. Should
connections come meanwhile, drains that overlap still share the rate between them. Once they came at rest, it is the
declared one again, by one write: `kubectl rollout restart` and `undo` begin a rollout that nobody chooses anything for.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from realtimeapp_operator import names
from realtimeapp_operator.api import defaults
from realtimeapp_operator.reconcile.records import DeploymentState
from realtimeapp_operator.render.pacing import UNPACED_READY_SECONDS, min_ready_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from realtimeapp_operator.api.app import Spec
    from realtimeapp_operator.reconcile.loads import AppLoads
    from realtimeapp_operator.reconcile.records import Record
    from realtimeapp_operator.render.facts import Manifest

GROWTH: Final = math.e - 1
"""How much more than its share an old pod closes on average: each pod that goes leaves its connections to those that
stay, old ones among them. With N pods it is N ((1 + 1/N)^N - 1) shares in all, 1.59 N for ten and (e - 1) N for many."""
FRESH_SECONDS: Final = 60.0
"""The counts may be as old as this: at rest they are taken every 30 seconds."""


def choose_pace(
    desired: Iterable[Manifest], *, web: Record | None, spec: Spec, loads: AppLoads, now: float
) -> tuple[Manifest, ...]:
    """Return `desired` with the pace of the web Deployment; `now` is on the monotonic clock."""
    return tuple(
        _with_seconds(item, _choose(item, web=web, spec=spec, loads=loads, now=now))
        if item["kind"] == "Deployment"
        and item["metadata"]["labels"][names.LABEL_COMPONENT] == names.COMPONENT_WEB
        else item
        for item in desired
    )


def ready_seconds(spec: Spec, *, fullest: int) -> int:
    """Return `minReadySeconds` for a rollout that begins with `fullest` connections on the fullest pod."""
    most = min_ready_seconds(spec)
    return min(most, max(UNPACED_READY_SECONDS, _closes(spec, GROWTH * fullest)))


def _choose(manifest: Manifest, *, web: Record | None, spec: Spec, loads: AppLoads, now: float) -> int:
    """Return the seconds: as chosen while the template is the same, anew when it changes, and at most those declared."""
    most = min_ready_seconds(spec)
    known = loads.is_fresh(now=now, within=FRESH_SECONDS)
    if web is None or not isinstance(web.detail, DeploymentState) or not defaults.holds_sockets(spec):
        return most
    if web.template_hash == manifest["metadata"]["annotations"].get(names.ANNOTATION_TEMPLATE_HASH):
        chosen = min(web.detail.chosen_ready_seconds or most, most)
        rests = web.current and web.detail.serves
        return most if rests and known and _closes(spec, loads.fullest) > chosen else chosen
    return ready_seconds(spec, fullest=loads.fullest) if known else most


def _closes(spec: Spec, connections: float) -> int:
    """Return how long that many connections of one pod take to close, and one second."""
    return math.ceil(connections / spec.web.rollout.max_reconnects_per_second) + 1


def _with_seconds(manifest: Manifest, seconds: int) -> Manifest:
    """Return the manifest with this pace, noted where a change by somebody else does not reach."""
    metadata = manifest["metadata"]
    annotations = {**metadata["annotations"], names.ANNOTATION_READY_SECONDS: str(seconds)}
    return {
        **manifest,
        "metadata": {**metadata, "annotations": annotations},
        "spec": {**manifest["spec"], "minReadySeconds": seconds},
    }
