"""The Redis server of an application: one pod with a volume and a password, and the two Services in front of it.

There is no PodDisruptionBudget: with one replica it would block every node drain, and clients outlive a restart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from realtimeapp_operator import names
from realtimeapp_operator.render.common import (
    REVISION_HISTORY_LIMIT,
    SECRET_FILE_MODE,
    container_security,
    labels,
    metadata,
    pod_security,
    pull_secrets,
    selector,
    with_template_hash,
)
from realtimeapp_operator.render.redis_config import (
    ACL_DIR,
    CONFIG_DIR,
    CONFIG_FILE,
    DATA_DIR,
    PORT,
    PROBE_DIR,
    build_config,
    build_probes,
)
from realtimeapp_operator.render.sizing import override, redis_resources, whole_bytes

if TYPE_CHECKING:
    from realtimeapp_operator.api.app import RealtimeApp
    from realtimeapp_operator.render.facts import Facts, Manifest

GRACE_SECONDS: Final = 30
"""Time to write the log to disk after SIGTERM."""
COMPONENT: Final = names.COMPONENT_REDIS


def host(app: RealtimeApp) -> str:
    """DNS name of Redis, whatever the cluster's domain is."""
    return f"{names.redis(app.metadata.name)}.{app.metadata.namespace}.svc"


def build_redis(app: RealtimeApp, facts: Facts) -> list[Manifest]:
    """ConfigMap, Services and StatefulSet."""
    return [build_config(app), *build_services(app), build_stateful_set(app, facts)]


def build_services(app: RealtimeApp) -> list[Manifest]:
    """The Service clients use, and the headless one that names the pod."""
    port = {"name": "redis", "port": PORT, "targetPort": "redis", "protocol": "TCP"}
    shared = {"selector": selector(app, COMPONENT), "ports": [port]}
    clients = {"type": "ClusterIP", **shared}
    pod = {"type": "ClusterIP", "clusterIP": "None", "publishNotReadyAddresses": True, **shared}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata(app, name, component=COMPONENT),
            "spec": spec,
        }
        for name, spec in (
            (names.redis(app.metadata.name), clients),
            (names.redis_headless(app.metadata.name), pod),
        )
    ]


def build_stateful_set(app: RealtimeApp, facts: Facts) -> Manifest:
    """The server, with its volume."""
    storage = app.spec.redis.standalone.storage
    return with_template_hash(
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": metadata(app, names.redis(app.metadata.name), component=COMPONENT),
            "spec": {
                "replicas": 1,
                "serviceName": names.redis_headless(app.metadata.name),
                "selector": {"matchLabels": selector(app, COMPONENT)},
                # Ordered management waits for a broken pod before it applies the template that mends it.
                "podManagementPolicy": "Parallel",
                "updateStrategy": {"type": "RollingUpdate"},
                "revisionHistoryLimit": REVISION_HISTORY_LIMIT,
                "persistentVolumeClaimRetentionPolicy": {
                    "whenDeleted": storage.reclaim,
                    "whenScaled": "Retain",
                },
                "template": _template(app, facts),
                "volumeClaimTemplates": [_claim(app)],
            },
        }
    )


def _template(app: RealtimeApp, facts: Facts) -> dict[str, Any]:
    return {
        "metadata": {"labels": labels(app, COMPONENT)},
        "spec": {
            "serviceAccountName": names.account(app.metadata.name),
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": pod_security(on_root_mismatch=True),
            **pull_secrets(app),
            "terminationGracePeriodSeconds": GRACE_SECONDS,
            "containers": [_container(app, facts)],
            "volumes": _volumes(app),
        },
    }


def _container(app: RealtimeApp, facts: Facts) -> dict[str, Any]:
    standalone = app.spec.redis.standalone
    return {
        "name": "redis",
        "image": facts.redis_image,
        "imagePullPolicy": facts.pull_policy,
        "command": ["redis-server", f"{CONFIG_DIR}/{CONFIG_FILE}"],
        "args": ["--maxmemory", str(whole_bytes(standalone.max_memory))],
        "ports": [{"name": "redis", "containerPort": PORT, "protocol": "TCP"}],
        "resources": override(redis_resources(standalone.max_memory), standalone.resources),
        "securityContext": container_security(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        **build_probes(),
        "volumeMounts": [
            {"name": "data", "mountPath": DATA_DIR},
            {"name": "config", "mountPath": CONFIG_DIR, "readOnly": True},
            {"name": "acl", "mountPath": ACL_DIR, "readOnly": True},
            {"name": "probe", "mountPath": PROBE_DIR, "readOnly": True},
        ],
    }


def _volumes(app: RealtimeApp) -> list[dict[str, Any]]:
    """The configuration and two views of the Secret: the server sees hashes only, the probe its own password only."""
    return [
        {"name": "config", "configMap": {"name": names.redis(app.metadata.name)}},
        _secret_volume(app, "acl", key=names.REDIS_ACL_KEY),
        _secret_volume(app, "probe", key=names.REDIS_PROBE_PASSWORD_KEY),
    ]


def _secret_volume(app: RealtimeApp, name: str, *, key: str) -> dict[str, Any]:
    return {
        "name": name,
        "secret": {
            "secretName": names.redis(app.metadata.name),
            "defaultMode": SECRET_FILE_MODE,
            "items": [{"key": key, "path": key}],
        },
    }


def _claim(app: RealtimeApp) -> dict[str, Any]:
    storage = app.spec.redis.standalone.storage
    spec: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": storage.size}},
    }
    if storage.class_name is not None:
        spec["storageClassName"] = storage.class_name
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "labels": selector(app, COMPONENT)},
        "spec": spec,
    }
