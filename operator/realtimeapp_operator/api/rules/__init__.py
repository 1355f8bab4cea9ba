"""All rules between fields and about contents, as data: the CRD's validations and the offline check are both made of them.

What a type, a pattern or a bound can say is in the models; what only the cluster can show is a condition.
"""

from __future__ import annotations

from typing import Final

from realtimeapp_operator.api.rules import (
    app,
    autoscaling,
    edge,
    pace,
    pods,
    redis,
    servers,
    state,
    web,
    workers,
)
from realtimeapp_operator.api.rules.base import Rule

RULES: Final[tuple[Rule, ...]] = (
    *app.RULES,
    *edge.RULES,
    *web.RULES,
    *autoscaling.RULES,
    *servers.RULES,
    *state.RULES,
    *pace.RULES,
    *workers.RULES,
    *redis.RULES,
    *pods.RULES,
)

__all__ = ["RULES", "Rule"]
