"""What rendering needs beside the declaration: which images, which ingress controller, where the operator is.

What runs decides before what this operator would choose: images stay as they are in the live objects until the user's
own change replaces the pods, and an IngressClass that vanishes does not turn a working edge into another one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from realtimeapp_operator import names
from realtimeapp_operator.reconcile.records import DeploymentState, StatefulSetState
from realtimeapp_operator.render.edge.ingress import resolve_edge
from realtimeapp_operator.render.pins import pinned, pinned_redis

if TYPE_CHECKING:
    from collections.abc import Mapping

    from realtimeapp_operator.api.app import RealtimeApp
    from realtimeapp_operator.reconcile.observed import Family, Observed
    from realtimeapp_operator.render.facts import Edge, Facts


def gather_facts(
    app: RealtimeApp, *, family: Family, base: Facts, observed: Observed, status: Mapping[str, Any]
) -> tuple[Facts, bool]:
    """Return the facts, and whether the IngressClass exists (True without an ingress).

    `base` has what is the same for every application.
    """
    edge, class_known = _find_edge(app, observed, status)
    facts = replace(base, edge=edge)
    owner = app.metadata.uid
    web = family.get("Deployment", names.web(app.metadata.name), owner=owner)
    if web is not None and isinstance(web.detail, DeploymentState):
        before = (status.get("web") or {}).get("runtimeImage")
        facts = pinned(
            app,
            facts,
            # After an undo the one applied last says whether the declaration has moved since.
            template_hashes=frozenset({web.template_hash, web.applied_template}),
            runtime_images=(web.detail.runtime_image, before or ""),
        )
    redis = family.get("StatefulSet", names.redis(app.metadata.name), owner=owner)
    if redis is not None and isinstance(redis.detail, StatefulSetState):
        facts = pinned_redis(
            app,
            facts,
            current_template_hash=redis.template_hash,
            current_redis_image=redis.detail.image,
        )
    return facts, class_known


def _find_edge(app: RealtimeApp, observed: Observed, status: Mapping[str, Any]) -> tuple[Edge | None, bool]:
    ingress = app.spec.ingress
    if ingress is None:
        return None, True
    controller = observed.controller_of(ingress.class_name)
    before = (status.get("edge") or {}).get("provider")
    if controller is None and ingress.provider == "Auto" and before in {"Traefik", "Generic"}:
        return cast("Edge", before), False
    return resolve_edge(app, controller=controller), controller is not None
