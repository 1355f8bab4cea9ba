"""Refused volumes, mounts, metadata, tolerations and resources."""

from __future__ import annotations

from typing import Final

from tests.support.refusals.table import Refused, toleration, volume

_KEYS = "must not have keys of kubernetes.io"
_MOUNT = "must not hide what the pod needs"

PODS: Final = {
    "volume-two-sources": Refused(
        change=volume(emptyDir={}, secret={"secretName": "a"}),
        path="spec.podTemplate.volumes[0]",
        says="must have exactly one of configMap, secret, persistentVolumeClaim, emptyDir",
    ),
    "volume-no-source": Refused(
        change={"spec.podTemplate.volumes": [{"name": "media"}]},
        path="spec.podTemplate.volumes[0]",
        says="must have exactly one of configMap",
    ),
    "volume-host-path": Refused(
        change=volume(hostPath={"path": "/"}),
        path="spec.podTemplate.volumes[0].hostPath",
        says="must be left out, the API has no such field",
        server='unknown field "spec.podTemplate.volumes[0].hostPath"',
    ),
    **{
        f"volume-named-{name}": Refused(
            change=volume(name),
            path="spec.podTemplate.volumes[0].name",
            says="must not be the name of a volume of the operator",
        )
        for name in ("runtime", "run", "static", "tmp", "config", "secrets")
    },
    "volume-twice": Refused(
        change={"spec.podTemplate.volumes": [{"name": "a", "emptyDir": {}}] * 2},
        path="spec.podTemplate.volumes[1]",
        says="must be unique",
        server="Duplicate value",
    ),
    **{
        f"mount-{label}": Refused(
            change=volume(path=path), path="spec.podTemplate.volumeMounts[0].mountPath", says=_MOUNT
        )
        for label, path in {
            "root": "/",
            "runtime": "/opt/realtimeapp",
            "above-runtime": "/opt",
            "config": "/etc/realtimeapp/config",
            "secrets": "/etc/realtimeapp/secrets/django",
            "above-config": "/etc",
            "run": "/run/realtimeapp/x",
            "run-by-its-old-name": "/var/run/realtimeapp",
            "static": "/run/realtimeapp-static",
            "static-by-its-old-name": "/var/run/realtimeapp-static/x",
            "tmp": "/tmp",  # noqa: S108 - a mount path that is refused
            "proc": "/proc/self",
        }.items()
    },
    **{
        f"mount-{label}": Refused(
            change=volume(path=path),
            path="spec.podTemplate.volumeMounts[0].mountPath",
            says="must be a plain path",
        )
        for label, path in {
            "by-dots": "/srv/../opt/realtimeapp",
            "by-dot": "/opt/./realtimeapp",
            "by-slashes": "/opt//realtimeapp",
            "by-slash": "/opt/realtimeapp/",
        }.items()
    },
    "mount-relative": Refused(
        change=volume(path="srv"),
        path="spec.podTemplate.volumeMounts[0].mountPath",
        says="must be an absolute path",
    ),
    "mount-sub-path": Refused(
        change={
            **volume(),
            "spec.podTemplate.volumeMounts": [{"name": "media", "mountPath": "/srv", "subPath": "a/../../b"}],
        },
        path="spec.podTemplate.volumeMounts[0].subPath",
        says="must stay inside the volume",
    ),
    "mount-sub-path-absolute": Refused(
        change={
            **volume(),
            "spec.podTemplate.volumeMounts": [{"name": "media", "mountPath": "/srv", "subPath": "/b"}],
        },
        path="spec.podTemplate.volumeMounts[0].subPath",
        says="must be a relative path",
    ),
    "mount-unknown": Refused(
        change={"spec.podTemplate.volumeMounts": [{"name": "media", "mountPath": "/srv"}]},
        path="spec.podTemplate.volumeMounts",
        says="must name volumes of the same",
    ),
    "mount-unknown-web": Refused(
        change={"spec.web.podTemplate.volumeMounts": [{"name": "media", "mountPath": "/srv"}]},
        path="spec.web.podTemplate.volumeMounts",
        says="must name volumes of the same",
    ),
    **{
        f"label-{label}": Refused(
            change={"spec.podTemplate.labels": {key: "x"}}, path="spec.podTemplate.labels", says=_KEYS
        )
        for label, key in {
            "selector": "app.kubernetes.io/instance",
            "kubernetes": "kubernetes.io/a",
            "k8s": "node.k8s.io/a",
            "own": "realtimeapp.dev/worker",
        }.items()
    },
    "annotation-pod": Refused(
        change={
            "spec.web.podTemplate.annotations": {"container.apparmor.security.beta.kubernetes.io/web": "x"}
        },
        path="spec.web.podTemplate.annotations",
        says=_KEYS,
    ),
    "label-value": Refused(
        change={"spec.podTemplate.labels": {"team": "a b"}},
        path="spec.podTemplate.labels.team",
        server_path="spec.podTemplate.labels[team]",
        says="must be a label value",
    ),
    "toleration-value": Refused(
        change=toleration(key="a", operator="Exists", value="b"),
        path="spec.podTemplate.tolerations[0]",
        says="must not have a value with the operator Exists",
    ),
    "toleration-key": Refused(
        change=toleration(value="b"),
        path="spec.podTemplate.tolerations[0]",
        says="must have a key, or the operator Exists",
    ),
    "toleration-seconds": Refused(
        change=toleration(key="a", effect="NoSchedule", tolerationSeconds=5),
        path="spec.podTemplate.tolerations[0]",
        says="must have the effect NoExecute",
    ),
    "resources-request": Refused(
        change={
            "spec.podTemplate.resources": {"requests": {"memory": "2Gi"}, "limits": {"memory": "1024Mi"}}
        },
        path="spec.podTemplate.resources",
        says="must not request more than the limit",
    ),
    "resources-quantity": Refused(
        change={"spec.podTemplate.resources": {"requests": {"memory": "lots"}}},
        path="spec.podTemplate.resources.requests.memory",
        server_path="spec.podTemplate.resources.requests[memory]",
        says="must be a quantity",
    ),
    "resources-name": Refused(
        change={"spec.podTemplate.resources": {"requests": {"Memory": "1Gi"}}},
        path="spec.podTemplate.resources.requests",
        says="keys must be a resource",
    ),
    "security-context": Refused(
        change={"spec.podTemplate.securityContext": {"runAsUser": 0}},
        path="spec.podTemplate.securityContext",
        says="must be left out, the API has no such field",
        server='unknown field "spec.podTemplate.securityContext"',
    ),
}
