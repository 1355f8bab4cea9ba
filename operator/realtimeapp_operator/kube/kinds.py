"""The kinds the operator speaks about: how each is addressed, and nothing about what is inside.

A table instead of discovery: discovery costs requests at start and answers with what the server could do, while the
operator's permissions name exactly these kinds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from realtimeapp_operator import names

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of the Kubernetes API: `api_version` is `v1` or `group/version`, `plural` its name in URLs."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool = True

    def path(
        self, *, namespace: str | None = None, name: str | None = None, subresource: str | None = None
    ) -> str:
        """Return the URL path of one object, or of the collection without `name`; `namespace` None means all."""
        parts = ["/apis" if "/" in self.api_version else "/api", self.api_version]
        if self.namespaced and namespace is not None:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        if name is not None:
            parts.append(quote(name, safe=""))
        if subresource is not None:
            parts.append(subresource)
        return "/".join(parts)


REALTIME_APP: Final = Kind(names.API_VERSION, names.KIND, names.PLURAL)
SERVICE_ACCOUNT: Final = Kind("v1", "ServiceAccount", "serviceaccounts")
SECRET: Final = Kind("v1", "Secret", "secrets")
CONFIG_MAP: Final = Kind("v1", "ConfigMap", "configmaps")
SERVICE: Final = Kind("v1", "Service", "services")
POD: Final = Kind("v1", "Pod", "pods")
EVENT: Final = Kind("v1", "Event", "events")
DEPLOYMENT: Final = Kind("apps/v1", "Deployment", "deployments")
REPLICA_SET: Final = Kind("apps/v1", "ReplicaSet", "replicasets")
STATEFUL_SET: Final = Kind("apps/v1", "StatefulSet", "statefulsets")
JOB: Final = Kind("batch/v1", "Job", "jobs")
CRON_JOB: Final = Kind("batch/v1", "CronJob", "cronjobs")
HORIZONTAL_POD_AUTOSCALER: Final = Kind(
    "autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"
)
SCALED_OBJECT: Final = Kind("keda.sh/v1alpha1", "ScaledObject", "scaledobjects")
POD_DISRUPTION_BUDGET: Final = Kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets")
INGRESS: Final = Kind("networking.k8s.io/v1", "Ingress", "ingresses")
NETWORK_POLICY: Final = Kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies")
INGRESS_CLASS: Final = Kind("networking.k8s.io/v1", "IngressClass", "ingressclasses", namespaced=False)
ENDPOINT_SLICE: Final = Kind("discovery.k8s.io/v1", "EndpointSlice", "endpointslices")
ENDPOINTS: Final = Kind("v1", "Endpoints", "endpoints")
LEASE: Final = Kind("coordination.k8s.io/v1", "Lease", "leases")
NAMESPACE: Final = Kind("v1", "Namespace", "namespaces", namespaced=False)

OWNED: Final[tuple[Kind, ...]] = (
    SERVICE_ACCOUNT,
    CONFIG_MAP,
    SERVICE,
    DEPLOYMENT,
    REPLICA_SET,
    STATEFUL_SET,
    JOB,
    CRON_JOB,
    HORIZONTAL_POD_AUTOSCALER,
    POD_DISRUPTION_BUDGET,
    INGRESS,
    NETWORK_POLICY,
    POD,
)
"""What is watched with the managed-by selector. Secrets are missing on purpose: they are never listed or watched; so are
ScaledObjects, a kind that most clusters do not have."""

_BY_NAME: Final[Mapping[tuple[str, str], Kind]] = {
    (kind.api_version, kind.kind): kind
    for kind in (
        *OWNED,
        SCALED_OBJECT,
        REALTIME_APP,
        SECRET,
        EVENT,
        INGRESS_CLASS,
        ENDPOINT_SLICE,
        ENDPOINTS,
        LEASE,
        NAMESPACE,
    )
}


def kind_of(api_version: str, kind: str) -> Kind:
    """Return the row of the table for `api_version` and `kind`; LookupError names a kind that is not in it."""
    try:
        return _BY_NAME[api_version, kind]
    except KeyError:
        raise LookupError(f"{kind} of {api_version} is not a kind this operator works with") from None


@dataclass(frozen=True, slots=True)
class Ref:
    """The address of one object. `namespace` is None for cluster-wide kinds."""

    api_version: str
    kind: str
    namespace: str | None
    name: str

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> Ref:
        """Return the address of `manifest` (a dict with apiVersion, kind and metadata)."""
        metadata = manifest["metadata"]
        return cls(manifest["apiVersion"], manifest["kind"], metadata.get("namespace"), metadata["name"])

    def path(self, subresource: str | None = None) -> str:
        """Return the URL path of the object or its `subresource`."""
        return kind_of(self.api_version, self.kind).path(
            namespace=self.namespace, name=self.name, subresource=subresource
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"
