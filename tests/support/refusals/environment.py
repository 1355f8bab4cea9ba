"""Refused environment variables."""

from __future__ import annotations

from typing import Final

from tests.support.refusals.table import Refused, env

_RESERVED = "must not be a reserved variable"

ENVIRONMENT: Final = {
    **{
        f"env-{name.lower()}": Refused(change=env(name), path="spec.env[0].name", says=_RESERVED)
        for name in (
            "LD_PRELOAD",
            "PYTHONPATH",
            "PYTHONSTARTUP",
            "PYTHONHOME",
            "BASH_ENV",
            "ENV",
            "IFS",
            "GLIBC_TUNABLES",
            "PATH",
            "KUBERNETES_SERVICE_HOST",
            "REALTIMEAPP_CONFIG",
            "DJANGO_SETTINGS_MODULE",
            "SECRET_KEY",
            "REDIS_URL",
            "PYTHONUNBUFFERED",
            "PYTHONDONTWRITEBYTECODE",
        )
    },
    "env-name": Refused(change=env("A-B"), path="spec.env[0].name", says="must be a variable name"),
    "env-twice": Refused(
        change={"spec.env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]},
        path="spec.env[1]",
        says="must be unique: A is there twice",
        server="Duplicate value",
    ),
    "env-value-and-source": Refused(
        change=env("A", value="1", valueFrom={"secretKeyRef": {"name": "a", "key": "b"}}),
        path="spec.env[0]",
        says="must have exactly one of value and valueFrom",
    ),
    "env-no-value": Refused(
        change={"spec.env": [{"name": "A"}]},
        path="spec.env[0]",
        says="must have exactly one of value and valueFrom",
    ),
    "env-two-sources": Refused(
        change=env(
            "A",
            valueFrom={"secretKeyRef": {"name": "a", "key": "b"}, "fieldRef": {"fieldPath": "metadata.name"}},
        ),
        path="spec.env[0].valueFrom",
        says="must have exactly one of secretKeyRef, configMapKeyRef and fieldRef",
    ),
    "env-no-source": Refused(
        change=env("A", valueFrom={}),
        path="spec.env[0].valueFrom",
        says="must have exactly one of secretKeyRef",
    ),
    "env-password": Refused(
        change=env("BROKER", value="amqp://shop:hunter2@broker:5672//"),
        path="spec.env[0].value",
        says="must not contain a password",
    ),
    "env-field": Refused(
        change=env("A", valueFrom={"fieldRef": {"fieldPath": "spec.containers"}}),
        path="spec.env[0].valueFrom.fieldRef.fieldPath",
        says="must be a field of the pod",
    ),
    "env-other-namespace": Refused(
        change=env("A", valueFrom={"secretKeyRef": {"name": "kube-system/a", "key": "b"}}),
        path="spec.env[0].valueFrom.secretKeyRef.name",
        says="must be the name of an object",
    ),
    "env-key": Refused(
        change=env("A", valueFrom={"secretKeyRef": {"name": "a", "key": "b/c"}}),
        path="spec.env[0].valueFrom.secretKeyRef.key",
        says="must be a key",
    ),
    "env-database-twice": Refused(
        change={
            "spec.database": {"urlSecretRef": {"name": "db", "key": "url"}},
            **env("DATABASE_URL", valueFrom={"secretKeyRef": {"name": "a", "key": "b"}}),
        },
        path="spec.env",
        says="must not have DATABASE_URL beside spec.database",
    ),
    "env-from-both": Refused(
        change={"spec.envFrom": [{"secretRef": {"name": "a"}, "configMapRef": {"name": "b"}}]},
        path="spec.envFrom[0]",
        says="must have exactly one of configMapRef and secretRef",
    ),
    "env-from-neither": Refused(
        change={"spec.envFrom": [{"prefix": "A_"}]},
        path="spec.envFrom[0]",
        says="must have exactly one of configMapRef and secretRef",
    ),
    "env-from-prefix": Refused(
        change={"spec.envFrom": [{"prefix": "LD_", "secretRef": {"name": "a"}}]},
        path="spec.envFrom[0].prefix",
        says="must not begin like a reserved variable",
    ),
    "env-from-prefix-digit": Refused(
        change={"spec.envFrom": [{"prefix": "1A", "secretRef": {"name": "a"}}]},
        path="spec.envFrom[0].prefix",
        says="must begin like a variable name",
    ),
}
