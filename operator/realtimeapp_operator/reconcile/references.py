"""What a pod cannot start without: the Secrets and ConfigMaps its spec names and does not call optional."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def secrets_of(pod_spec: Mapping[str, Any]) -> frozenset[str]:
    """Names of the Secrets a pod cannot start without."""
    return frozenset(name for kind, name in references(pod_spec) if kind == "Secret")


def configs_of(pod_spec: Mapping[str, Any]) -> frozenset[str]:
    """Names of the ConfigMaps a pod cannot start without."""
    return frozenset(name for kind, name in references(pod_spec) if kind == "ConfigMap")


def references(pod_spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (Secret | ConfigMap, name) for everything a pod needs before its containers start."""
    for volume in pod_spec.get("volumes") or ():
        for source in (volume, *((volume.get("projected") or {}).get("sources") or ())):
            secret, config = source.get("secret") or {}, source.get("configMap") or {}
            if secret and not secret.get("optional"):
                yield "Secret", str(secret.get("secretName") or secret.get("name"))
            if config and not config.get("optional"):
                yield "ConfigMap", config["name"]
    for container in (*(pod_spec.get("initContainers") or ()), *(pod_spec.get("containers") or ())):
        for variable in container.get("env") or ():
            source = variable.get("valueFrom") or {}
            yield from _required(source.get("secretKeyRef"), source.get("configMapKeyRef"))
        for source in container.get("envFrom") or ():
            yield from _required(source.get("secretRef"), source.get("configMapRef"))


def _required(
    secret: Mapping[str, Any] | None, config: Mapping[str, Any] | None
) -> Iterator[tuple[str, str]]:
    if secret and not secret.get("optional"):
        yield "Secret", secret["name"]
    if config and not config.get("optional"):
        yield "ConfigMap", config["name"]
