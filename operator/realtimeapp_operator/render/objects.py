"""Everything a RealtimeApp becomes, in the order in which it is applied.

Pure and deterministic: the same RealtimeApp and facts give the same objects, whether in the cluster, offline or in a
test. Nothing here asks a server, a clock or a random generator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtimeapp_operator.render.account import build_account
from realtimeapp_operator.render.autoscaling import build_autoscaler
from realtimeapp_operator.render.config import build_settings
from realtimeapp_operator.render.edge.ingress import build_ingress
from realtimeapp_operator.render.jobs import build_check, build_cleanups, build_migration
from realtimeapp_operator.render.policy import build_disruption_budget, build_network_policies
from realtimeapp_operator.render.redis import build_redis
from realtimeapp_operator.render.secrets import build_secrets
from realtimeapp_operator.render.web import build_service, build_web
from realtimeapp_operator.render.workers import build_workers

if TYPE_CHECKING:
    from realtimeapp_operator.api.app import RealtimeApp
    from realtimeapp_operator.render.facts import Facts, Manifest


def render(app: RealtimeApp, facts: Facts) -> list[Manifest]:
    """Every object of the application, dependencies first.

    A manifest has no status, and no data if it is a Secret. Policies come before the pods they protect.
    """
    settings = build_settings(app, facts)
    return [
        build_account(app),
        *build_secrets(app),
        settings,
        *build_network_policies(app, facts),
        *build_redis(app, facts),
        *build_migration(app, facts, settings=settings),
        *build_check(app, facts, settings=settings),
        build_service(app, facts),
        build_disruption_budget(app),
        build_web(app, facts, settings=settings),
        *build_autoscaler(app, facts),
        *build_workers(app, facts, settings=settings),
        *build_ingress(app, facts),
        *build_cleanups(app, facts, settings=settings),
    ]
