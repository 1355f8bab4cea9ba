"""The CustomResourceDefinition of RealtimeApp, made from the models."""

from __future__ import annotations

from typing import Any, Final

from realtimeapp_operator import names
from realtimeapp_operator.api.app import RealtimeApp, Spec
from realtimeapp_operator.api.rules import RULES
from realtimeapp_operator.api.rules.app import NAME as NAME_PATTERN
from realtimeapp_operator.api.schema import VALIDATIONS, Schema, editor_schema, structural_schema, validation
from realtimeapp_operator.api.status import Status

NAME: Final = f"{names.PLURAL}.{names.GROUP}"
OBJECT_NAME_MAX: Final = 253
"""What the API server allows for any name; a bound the cost estimate of the rule about the name needs."""


def _condition(kind: str, field: str) -> str:
    return f'.status.conditions[?(@.type=="{kind}")].{field}'


COLUMNS: Final = (
    {"name": "Ready", "type": "string", "jsonPath": _condition("Ready", "status")},
    {
        "name": "Web",
        "type": "string",
        "jsonPath": ".status.web.ready",
        "description": "Ready/wanted web pods.",
    },
    {
        "name": "Conns",
        "type": "integer",
        "jsonPath": ".status.connections.active",
        "description": "Open connections.",
    },
    {"name": "Redis", "type": "string", "jsonPath": _condition("RedisReady", "status")},
    {"name": "Image", "type": "string", "jsonPath": ".spec.image"},
    {"name": "URL", "type": "string", "jsonPath": ".status.url"},
    {"name": "Reason", "type": "string", "jsonPath": _condition("Ready", "reason"), "priority": 1},
    {"name": "Framework", "type": "string", "jsonPath": ".spec.framework", "priority": 1},
    {"name": "Migrated", "type": "date", "jsonPath": ".status.migrations.completedAt", "priority": 1},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
)
"""Columns of `kubectl get`; priority 1 shows with `-o wide`."""


def build_schema() -> Schema:
    """Structural schema of a whole RealtimeApp."""
    spec = structural_schema(Spec)
    status = structural_schema(Status)
    return {
        "type": "object",
        "description": "A realtime Django application: web, workers, Redis and the way in.",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {
                "type": "object",
                "properties": {"name": {"type": "string", "maxLength": OBJECT_NAME_MAX}},
            },
            "spec": spec,
            "status": status,
        },
        VALIDATIONS: [validation(rule) for rule in RULES if rule.on is RealtimeApp],
    }


def build_editor_schema() -> Schema:
    """JSON schema of a manifest a person writes; the status is the operator's and left open."""
    return {
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "additionalProperties": False,
        "properties": {
            "apiVersion": {"type": "string", "enum": [names.API_VERSION]},
            "kind": {"type": "string", "enum": [names.KIND]},
            "metadata": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "pattern": NAME_PATTERN, "maxLength": names.APP_NAME_MAX}
                },
            },
            "spec": editor_schema(Spec),
            "status": {"type": "object"},
        },
    }


def build_crd() -> dict[str, Any]:
    """Whole CustomResourceDefinition, ready to be applied."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": NAME},
        "spec": {
            "group": names.GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": names.KIND,
                "listKind": f"{names.KIND}List",
                "plural": names.PLURAL,
                "singular": "realtimeapp",
                "shortNames": ["rta"],
                "categories": ["all"],
            },
            "versions": [
                {
                    "name": names.VERSION,
                    "served": True,
                    "storage": True,
                    "additionalPrinterColumns": [dict(column) for column in COLUMNS],
                    "subresources": {
                        "status": {},
                        "scale": {
                            "specReplicasPath": ".spec.web.replicas",
                            "statusReplicasPath": ".status.web.replicas",
                            "labelSelectorPath": ".status.web.selector",
                        },
                    },
                    "schema": {"openAPIV3Schema": build_schema()},
                }
            ],
        },
    }
