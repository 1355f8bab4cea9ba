"""Manifests that must pass, each close to one that is refused."""

from __future__ import annotations

from typing import Final

from tests.support.refusals.table import ABSENT, Object

_LONG_NAME: Final = "n" * 63
_LARGEST_TEMPLATE: Final[Object] = {
    "labels": {f"example.com/{_LONG_NAME[:50]}-{index}": _LONG_NAME for index in range(32)},
    "annotations": {f"example.com/{_LONG_NAME[:50]}-{index}": "x" * 64 for index in range(32)},
    "nodeSelector": {f"example.com/{_LONG_NAME[:50]}-{index}": _LONG_NAME for index in range(32)},
    "volumes": [{"name": f"{_LONG_NAME[:60]}-{index:02}", "emptyDir": {}} for index in range(16)],
    "volumeMounts": [
        {"name": f"{_LONG_NAME[:60]}-15", "mountPath": f"/srv/{'a/' * 100}{index}"} for index in range(32)
    ],
}

ACCEPTED: Final[dict[str, Object]] = {
    "smallest": {},
    "name-longest": {"metadata.name": "a" + "b-1" * 13},
    "proxy-site": {
        "spec.trustedProxies.cidrs": [
            "10.42.0.0/16",
            "172.31.0.0/16",
            "192.168.0.0/17",
            "fd12:3456:789a::/48",
        ]
    },
    "proxy-public": {
        "spec.trustedProxies.cidrs": ["104.16.0.0/13", "8.0.0.0/8", "2606:4700::/32", "2001:db8::1/128"]
    },
    "proxy-hops": {"spec.trustedProxies": {"hops": 1, "cidrs": [], "fromPods": {"namespace": "edge"}}},
    "peers": {
        "spec.networkPolicy.extraIngress": [
            {"cidr": "10.0.0.0/8"},
            {"fromPods": {"namespace": "monitoring", "matchLabels": {"app": "probe"}}},
        ]
    },
    "paths": {"spec.ingress.websocketPaths": ["/", "/ws/live/", "/a.b/~c/"]},
    "annotations": {
        "spec.ingress.annotations": {
            "traefik.ingress.kubernetes.io/router.entrypoints": "web,websecure",
            "external-dns.alpha.kubernetes.io/ttl": "60",
        }
    },
    "ping-half": {"spec.web.pingIntervalSeconds": 20, "spec.ingress.timeouts.websocketSeconds": 40},
    "ping-without-edge": {"spec.web.pingIntervalSeconds": 300, "spec.ingress": ABSENT},
    "daphne": {"spec.web": {"server": "Daphne", "rollout": {"closeCode": 4000}}},
    "close-code-private": {"spec.web.rollout.closeCode": 4999},
    "close-code-going-away": {"spec.web.rollout.closeCode": 1001},
    "drain-just-in-time": {"spec.web.rollout.maxReconnectsPerSecond": 67},
    "drain-of-all": {
        "spec.web.rollout.strategy": "SurgeAll",
        "spec.web.replicas": 3,
        "spec.web.rollout.drainTimeoutSeconds": 60,
    },
    "compression": {"spec.web.connections.compression": "Enabled"},
    "workers": {
        "spec.workers": [
            {
                "name": "celery",
                "type": "CeleryWorker",
                "app": "shop",
                "queues": ["default"],
                "concurrency": 2,
            },
            {"name": "beat", "type": "CeleryBeat", "app": "shop", "replicas": 0},
            {"name": "chan", "type": "ChannelsWorker", "channels": ["thumbnails"]},
            {"name": "other", "type": "ManagementCommand", "command": ["run_consumer", "--verbosity=2"]},
            {"name": "raw", "type": "Custom", "command": ["python", "-m", "shop.consumer"]},
        ]
    },
    "no-clean-up": {"spec.cleanup": []},
    "clean-up": {
        "spec.cleanup": [
            {"name": "a", "schedule": "*/5 1-3 * jan,feb MON", "command": ["clearsessions"]},
            {
                "name": "b",
                "schedule": "@hourly",
                "command": ["prune", "--days", "3"],
                "timeZone": "Europe/Berlin",
            },
        ]
    },
    "env": {
        "spec.env": [
            {"name": "EMPTY", "value": ""},
            {"name": "MY_PATH", "value": "https://example.com:8443/a@b"},
            {"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "a", "key": "url"}}},
            {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
            {
                "name": "LABEL",
                "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['example.com/team']"}},
            },
            {"name": "MODE", "valueFrom": {"configMapKeyRef": {"name": "a", "key": "b", "optional": True}}},
        ],
        "spec.envFrom": [{"prefix": "SHOP_", "configMapRef": {"name": "a"}}, {"secretRef": {"name": "b"}}],
    },
    "volumes": {
        "spec.podTemplate.volumes": [
            {"name": "media", "persistentVolumeClaim": {"claimName": "media"}},
            {
                "name": "certs",
                "secret": {"secretName": "certs", "items": [{"key": "ca.pem", "path": "ca/ca.pem"}]},
            },
        ],
        "spec.podTemplate.volumeMounts": [
            {"name": "media", "mountPath": "/srv/media", "subPath": "a..b/c"},
            {"name": "certs", "mountPath": "/etc/certs", "readOnly": True},
        ],
        "spec.web.podTemplate.volumes": [
            {"name": "scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}}
        ],
        "spec.web.podTemplate.volumeMounts": [
            {"name": "scratch", "mountPath": "/tmp/scratch"},  # noqa: S108 - a mount path
            {"name": "media", "mountPath": "/opt/realtimeapps"},
        ],
    },
    "pod-metadata": {
        "spec.podTemplate.labels": {"team": "shop", "example.com/kubernetes.io": "x"},
        "spec.podTemplate.annotations": {
            "sidecar.istio.io/inject": "false",
            "mykubernetes.io/a": "text; any {text}",
        },
    },
    "tolerations": {
        "spec.podTemplate.tolerations": [
            {"operator": "Exists"},
            {
                "key": "node.kubernetes.io/not-ready",
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": 5,
            },
            {"key": "dedicated", "value": "web", "effect": "NoSchedule"},
        ]
    },
    "resources": {
        "spec.podTemplate.resources": {
            "requests": {"cpu": "1000m", "memory": "1Gi"},
            "limits": {"cpu": "1", "memory": "1024Mi", "ephemeral-storage": "2G"},
        }
    },
    "redis": {
        "spec.redis.standalone": {
            "maxMemory": "16Mi",
            "storage": {"size": "64Mi", "className": "fast", "reclaim": "Delete"},
            "resources": {"limits": {"memory": "17Mi"}},
        }
    },
    "core-for-djust": {"spec.channelLayer": {"type": "Core", "capacity": 1000}},
    "nothing-written": {"spec.workers": None, "spec.database": None},
    "restart": {"spec.restartedAt": "2026-11-20T12:00:00.5+01:00"},
    "database": {
        "spec.database": {"urlSecretRef": {"name": "db", "key": "url"}},
        "spec.session.engine": "Database",
        "spec.migrations.policy": "Manual",
    },
    "largest": {
        "spec.env": [{"name": f"A_{index}", "value": "x" * 1024} for index in range(128)],
        "spec.podTemplate": _LARGEST_TEMPLATE,
        "spec.web.podTemplate": _LARGEST_TEMPLATE,
        "spec.workers": [
            {
                "name": f"worker-{index}",
                "type": "Custom",
                "command": ["x" * 1024] * 33,
                "podTemplate": _LARGEST_TEMPLATE,
            }
            for index in range(16)
        ],
        "spec.trustedProxies.cidrs": [
            f"2001:db8:1234:5678:9abc:def0:1234:{index:x}/128" for index in range(32)
        ],
        "spec.ingress.websocketPaths": [f"/{'a/' * 100}{index}" for index in range(16)],
    },
}
"""Manifests that must pass, close to what is refused."""
