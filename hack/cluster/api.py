"""As much of a Kubernetes client as bringing a cluster up needs: is it ready, get, apply.

kubectl would do, but building it takes over a minute, and a control plane without it is complete.
"""

import http.client
import json
import ssl
from collections.abc import Mapping
from typing import Any

from hack.cluster.errors import ClusterError, UnreachableError
from hack.cluster.layout import Profile, State

TIMEOUT = 5.0
NOT_FOUND = 404
SUCCESS = range(200, 300)
MANAGER = "hack-cluster"

FOLDERS = {
    "Namespace": "/api/v1/namespaces",
    "ServiceAccount": "/api/v1/namespaces/{namespace}/serviceaccounts",
    "ConfigMap": "/api/v1/namespaces/{namespace}/configmaps",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "StorageClass": "/apis/storage.k8s.io/v1/storageclasses",
    "IngressClass": "/apis/networking.k8s.io/v1/ingressclasses",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings",
    "Secret": "/api/v1/namespaces/{namespace}/secrets",
    "Service": "/api/v1/namespaces/{namespace}/services",
    "Deployment": "/apis/apps/v1/namespaces/{namespace}/deployments",
    "APIService": "/apis/apiregistration.k8s.io/v1/apiservices",
    "CustomResourceDefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
}


class Api:
    """The API server of a profile, as its administrator."""

    def __init__(self, profile: Profile, state: State) -> None:
        self._profile = profile
        self._context = ssl.create_default_context(cafile=str(state.pki / "ca.crt"))
        self._context.load_cert_chain(state.pki / "admin.crt", state.pki / "admin.key")

    def is_ready(self) -> bool:
        """Say whether the API server answers /readyz with ok."""
        try:
            status, _ = self._request("GET", "/readyz")
        except UnreachableError:
            return False
        return status in SUCCESS

    def get(self, path: str) -> dict[str, Any] | None:
        """Return the object at the path; None where there is none."""
        status, body = self._request("GET", path)
        if status == NOT_FOUND:
            return None
        return _checked(status, body, f"reading {path}")

    def apply(self, manifest: Mapping[str, Any]) -> None:
        """Create or update an object of a kind in FOLDERS by server-side apply."""
        path = f"{path_of(manifest)}?fieldManager={MANAGER}&force=true"
        status, body = self._request("PATCH", path, json.dumps(manifest))
        _checked(status, body, f"applying {manifest['kind']} {manifest['metadata']['name']}")

    def delete(self, manifest: Mapping[str, Any]) -> None:
        """Delete an object of a kind in FOLDERS; nothing happens where there is none."""
        status, body = self._request("DELETE", path_of(manifest))
        if status != NOT_FOUND:
            _checked(status, body, f"deleting {manifest['kind']} {manifest['metadata']['name']}")

    def _request(self, method: str, path: str, body: str | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPSConnection(
            self._profile.address, self._profile.api_port, timeout=TIMEOUT, context=self._context
        )
        try:
            headers = {"User-Agent": MANAGER, "Accept": "application/json"}
            if body is not None:
                headers["Content-Type"] = "application/apply-patch+yaml"
            connection.request(method, path, body=body, headers=headers)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError(
                f"The API server at {self._profile.server} does not answer: {error}."
            ) from None
        finally:
            connection.close()


def path_of(manifest: Mapping[str, Any]) -> str:
    """Return the path of an object of a kind in FOLDERS."""
    metadata = manifest["metadata"]
    folder = FOLDERS[manifest["kind"]].format(namespace=metadata.get("namespace", ""))
    return f"{folder}/{metadata['name']}"


def _checked(status: int, body: bytes, action: str) -> dict[str, Any]:
    if status not in SUCCESS:
        raise ClusterError(f"The API server refused {action} with {status}: {body.decode(errors='replace')}")
    decoded: dict[str, Any] = json.loads(body)
    return decoded
