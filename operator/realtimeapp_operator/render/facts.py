"""What rendering needs to know beside the RealtimeApp itself: the operator's images and the resolved edge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Manifest = dict[str, Any]
"""One Kubernetes object as it goes over the wire."""

Edge = Literal["Traefik", "Generic"]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Inputs of rendering that are not in the RealtimeApp."""

    runtime_image: str
    """Image the init container copies the runtime from."""
    redis_image: str
    """Image of managed Redis servers."""
    pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    """Pull policy of the two images above."""
    edge: Edge | None = None
    """Ingress controller behind the IngressClass; None without an ingress."""
    operator_namespace: str | None = None
    """Namespace of the operator, whose pods ask the web pods how much they hold; None where it runs in no cluster."""
    metrics_url: str | None = None
    """Where the operator tells KEDA how many connections there are, without a `/` at the end; None where it does not."""
