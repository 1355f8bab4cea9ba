"""From a RealtimeApp to the objects it consists of: pure functions, one file per topic."""

from realtimeapp_operator.render.edge.ingress import resolve_edge, unmet
from realtimeapp_operator.render.facts import Edge, Facts, Manifest
from realtimeapp_operator.render.objects import render
from realtimeapp_operator.render.pins import pinned, pinned_redis, web_template_hash
from realtimeapp_operator.render.secrets import fill, fill_keys

__all__ = [
    "Edge",
    "Facts",
    "Manifest",
    "fill",
    "fill_keys",
    "pinned",
    "pinned_redis",
    "render",
    "resolve_edge",
    "unmet",
    "web_template_hash",
]
