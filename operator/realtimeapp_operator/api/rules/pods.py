"""Rules about environment, volumes, resources and metadata of pods.

They keep what the operator relies on out of reach: its paths, its variables, its selector labels.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

from realtimeapp_operator import names
from realtimeapp_operator.api.pods import (
    EnvFrom,
    EnvSource,
    EnvVar,
    PodTemplate,
    Resources,
    Toleration,
    Volume,
    VolumeMount,
)
from realtimeapp_operator.api.quantity import parse_quantity
from realtimeapp_operator.api.rules.base import Rule, cel_list, exactly_one

RESERVED_ENV: Final = (
    "BASH_ENV",
    "DJANGO_SETTINGS_MODULE",
    "ENV",
    "GLIBC_TUNABLES",
    "IFS",
    "PATH",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PYTHONUNBUFFERED",
    "REDIS_URL",
    "SECRET_KEY",
)
"""Variables that change what code runs, and those the operator or its runtime sets."""
RESERVED_ENV_PREFIXES: Final = ("KUBERNETES_", "LD_", "REALTIMEAPP_")
RESERVED_VOLUMES: Final = ("config", "run", "runtime", "secrets", "static", "tmp")
"""Volumes of the operator's pod template."""
RESERVED_TREES: Final = (
    names.RUNTIME_DIR,
    str(PurePosixPath(names.CONFIG_DIR).parent),
    names.RUN_DIR,
    f"/var{names.RUN_DIR}",
    names.STATIC_DIR,
    f"/var{names.STATIC_DIR}",
    "/proc",
    "/sys",
    "/dev",
)
"""Nothing is mounted at or below these."""
RESERVED_POINTS: Final = ("/", "/opt", "/etc", "/run", "/var", "/var/run", "/tmp")  # noqa: S108 - mount points
"""Nothing is mounted at these: it would hide the trees above. Below them it may."""
RESERVED_DOMAINS: Final = ("kubernetes.io", "k8s.io", names.GROUP)

_URL_WITH_PASSWORD: Final = re.compile("^[^:/]+://[^/]*:[^/]+@")
_VOLUME_SOURCES: Final = ("configMap", "secret", "persistentVolumeClaim", "emptyDir")


def _is_free_variable(name: str) -> bool:
    return name not in RESERVED_ENV and not name.startswith(RESERVED_ENV_PREFIXES)


def _has_no_password(value: str) -> bool:
    return _URL_WITH_PASSWORD.match(value) is None


def _is_plain_path(path: str) -> bool:
    return path == "/" or not (
        path.endswith("/") or "//" in path or "/../" in f"{path}/" or "/./" in f"{path}/"
    )


def _is_free_mount(path: str) -> bool:
    below = any(path == tree or path.startswith(f"{tree}/") for tree in RESERVED_TREES)
    return not below and path not in RESERVED_POINTS


def _stays_inside(path: str) -> bool:
    return "/../" not in f"/{path}/"


def _keys_are_free(entries: dict[str, str]) -> bool:
    return not any(_is_reserved_key(key) for key in entries)


def _is_reserved_key(key: str) -> bool:
    domain, separator, _ = key.partition("/")
    return bool(separator) and any(
        domain == reserved or domain.endswith(f".{reserved}") for reserved in RESERVED_DOMAINS
    )


def _requests_fit(resources: Resources) -> bool:
    return all(
        parse_quantity(resources.requests[name]) <= parse_quantity(limit)
        for name, limit in resources.limits.items()
        if name in resources.requests
    )


def _one_source(volume: Volume) -> bool:
    sources = (volume.config_map, volume.secret, volume.persistent_volume_claim, volume.empty_dir)
    return sum(source is not None for source in sources) == 1


def _reserved_prefix(prefix: str) -> bool:
    return not prefix.startswith(RESERVED_ENV_PREFIXES)


_FREE_VARIABLE = " && ".join(
    [
        f"!(self in {cel_list(RESERVED_ENV)})",
        *(f"!self.startsWith('{prefix}')" for prefix in RESERVED_ENV_PREFIXES),
    ]
)
_FREE_MOUNT = " && ".join(
    [
        f"!(self in {cel_list((*RESERVED_POINTS, *RESERVED_TREES))})",
        *(f"!self.startsWith('{tree}/')" for tree in RESERVED_TREES),
    ]
)
_FREE_KEYS = (
    "self.all(key, "
    + " && ".join(
        f"!key.startsWith('{domain}/') && !key.contains('.{domain}/')" for domain in RESERVED_DOMAINS
    )
    + ")"
)
_FREE_KEYS_MESSAGE = "must not have keys of kubernetes.io, k8s.io or realtimeapp.dev: those are the cluster's and the operator's"

RULES: Final = (
    Rule(
        on=EnvVar,
        at="name",
        cel=_FREE_VARIABLE,
        holds=_is_free_variable,
        message="must not be a reserved variable: "
        + ", ".join([*RESERVED_ENV, *(f"{prefix}*" for prefix in RESERVED_ENV_PREFIXES)]),
    ),
    Rule(
        on=EnvVar,
        cel="has(self.value) != has(self.valueFrom)",
        holds=lambda env: (env.value is None) != (env.value_from is None),
        message="must have exactly one of value and valueFrom",
    ),
    Rule(
        on=EnvVar,
        at="value",
        cel=f"!self.matches('{_URL_WITH_PASSWORD.pattern}')",
        holds=_has_no_password,
        message="must not contain a password: keep the whole URL in a Secret and use valueFrom.secretKeyRef",
    ),
    Rule(
        on=EnvSource,
        cel=exactly_one("secretKeyRef", "configMapKeyRef", "fieldRef"),
        holds=lambda source: (
            sum(
                item is not None
                for item in (source.secret_key_ref, source.config_map_key_ref, source.field_ref)
            )
            == 1
        ),
        message="must have exactly one of secretKeyRef, configMapKeyRef and fieldRef",
    ),
    Rule(
        on=EnvFrom,
        cel=exactly_one("configMapRef", "secretRef"),
        holds=lambda source: (source.config_map_ref is None) != (source.secret_ref is None),
        message="must have exactly one of configMapRef and secretRef",
    ),
    Rule(
        on=EnvFrom,
        at="prefix",
        cel=" && ".join(f"!self.startsWith('{prefix}')" for prefix in RESERVED_ENV_PREFIXES),
        holds=_reserved_prefix,
        message="must not begin like a reserved variable: KUBERNETES_, LD_, REALTIMEAPP_",
    ),
    Rule(
        on=Resources,
        cel="!has(self.requests) || !has(self.limits) || self.requests.all(name, !(name in self.limits) "
        "|| quantity(self.requests[name]).compareTo(quantity(self.limits[name])) <= 0)",
        holds=_requests_fit,
        message="must not request more than the limit",
    ),
    Rule(
        on=Toleration,
        cel="self.operator == 'Equal' || !has(self.value)",
        holds=lambda toleration: toleration.operator == "Equal" or toleration.value is None,
        message="must not have a value with the operator Exists",
    ),
    Rule(
        on=Toleration,
        cel="self.operator == 'Exists' || has(self.key)",
        holds=lambda toleration: toleration.operator == "Exists" or toleration.key is not None,
        message="must have a key, or the operator Exists to tolerate every taint",
    ),
    Rule(
        on=Toleration,
        cel="!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
        holds=lambda toleration: toleration.toleration_seconds is None or toleration.effect == "NoExecute",
        message="must have the effect NoExecute where tolerationSeconds is set",
    ),
    Rule(
        on=Volume,
        at="name",
        cel=f"!(self in {cel_list(RESERVED_VOLUMES)})",
        holds=lambda name: name not in RESERVED_VOLUMES,
        message="must not be the name of a volume of the operator: " + ", ".join(RESERVED_VOLUMES),
    ),
    Rule(
        on=Volume,
        cel=exactly_one(*_VOLUME_SOURCES),
        holds=_one_source,
        message="must have exactly one of " + ", ".join(_VOLUME_SOURCES),
    ),
    Rule(
        on=VolumeMount,
        at="mount_path",
        cel="self == '/' || !(self.endsWith('/') || self.contains('//') || self.endsWith('/..') "
        "|| self.endsWith('/.') || self.contains('/../') || self.contains('/./'))",
        holds=_is_plain_path,
        message="must be a plain path without '.', '..', '//' or a '/' at the end",
    ),
    Rule(
        on=VolumeMount,
        at="mount_path",
        cel=_FREE_MOUNT,
        holds=_is_free_mount,
        message="must not hide what the pod needs: choose a path outside "
        + ", ".join(RESERVED_TREES)
        + " and other than "
        + ", ".join(RESERVED_POINTS),
    ),
    Rule(
        on=VolumeMount,
        at="sub_path",
        cel="self != '..' && !self.startsWith('../') && !self.endsWith('/..') && !self.contains('/../')",
        holds=_stays_inside,
        message="must stay inside the volume: no '..'",
    ),
    Rule(on=PodTemplate, at="labels", cel=_FREE_KEYS, holds=_keys_are_free, message=_FREE_KEYS_MESSAGE),
    Rule(on=PodTemplate, at="annotations", cel=_FREE_KEYS, holds=_keys_are_free, message=_FREE_KEYS_MESSAGE),
)
