"""Leads a Service to the one replica that knows the counts: the leader.

A Service's selector cannot tell the leader from those that stand by, and a label on the own pod would need the right
to change pods. So the Service has no selector, and the leader writes its own address behind it. Written once per
leadership; nothing is read or repaired afterwards.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Never

from realtimeapp_operator import names
from realtimeapp_operator.kube import kinds
from realtimeapp_operator.kube.errors import ApiError
from realtimeapp_operator.kube.kinds import Ref

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from realtimeapp_operator.kube.client import ApiClient

logger = logging.getLogger(__name__)

RETRY_FIRST_SECONDS: Final = 1.0
RETRY_MAX_SECONDS: Final = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where the leader is: its pod's address, and the port behind each port name of the Service."""

    namespace: str
    service: str
    address: str
    ports: Mapping[str, int]


async def hold_address(client: ApiClient, place: Place, *, leads: Callable[[], bool]) -> Never:
    """Be behind the Service until cancelled; then take the address away again, as long as `leads` still holds."""
    pause = RETRY_FIRST_SECONDS
    while True:
        try:
            await _write(client, place, serving=True)
            break
        except ApiError as error:
            logger.warning("cannot write where the leader is, again in %.0f s: %s", pause, error.message)
            await asyncio.sleep(pause)
            pause = min(2 * pause, RETRY_MAX_SECONDS)
    logger.info("Service %s/%s leads here", place.namespace, place.service)
    try:
        await asyncio.Event().wait()
        raise AssertionError  # pragma: no cover - nobody sets it
    finally:
        if leads():
            await _withdraw(client, place)


async def _withdraw(client: ApiClient, place: Place) -> None:
    """Leave nothing behind that another pod could inherit with the address."""
    try:
        await _write(client, place, serving=False)
    except ApiError as error:
        logger.warning("cannot take the leader's address away: %s", error.message)


async def _write(client: ApiClient, place: Place, *, serving: bool) -> None:
    service = await client.get_metadata(
        Ref(kinds.SERVICE.api_version, kinds.SERVICE.kind, place.namespace, place.service)
    )
    if service is None:
        raise ApiError(status=404, message=f"there is no Service {place.namespace}/{place.service}")
    for manifest in render_address(place, service_uid=service["metadata"]["uid"], serving=serving):
        await client.apply(manifest)


def render_address(place: Place, *, service_uid: str, serving: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the EndpointSlice and the Endpoints behind the Service, empty when not `serving`.

    API servers before 1.34 look for an aggregated API in Endpoints, later ones and every kube-proxy in EndpointSlices;
    the label keeps the one from being copied into another of the other.
    """
    version = ipaddress.ip_address(place.address).version
    owner = {"apiVersion": "v1", "kind": "Service", "name": place.service, "uid": service_uid}
    ports = [{"name": name, "port": port, "protocol": "TCP"} for name, port in sorted(place.ports.items())]
    endpoint = {"addresses": [place.address], "conditions": {"ready": True}}
    piece = {
        "apiVersion": kinds.ENDPOINT_SLICE.api_version,
        "kind": kinds.ENDPOINT_SLICE.kind,
        "metadata": {
            "name": f"{place.service}-ipv{version}",
            "namespace": place.namespace,
            "labels": {
                "kubernetes.io/service-name": place.service,
                "endpointslice.kubernetes.io/managed-by": names.MANAGED_BY,
            },
            "ownerReferences": [owner],
        },
        "addressType": f"IPv{version}",
        "ports": ports,
        "endpoints": [endpoint] if serving else [],
    }
    whole: dict[str, Any] = {
        "apiVersion": kinds.ENDPOINTS.api_version,
        "kind": kinds.ENDPOINTS.kind,
        "metadata": {
            "name": place.service,
            "namespace": place.namespace,
            "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"},
            "ownerReferences": [owner],
        },
        "subsets": [{"addresses": [{"ip": place.address}], "ports": ports}] if serving else [],
    }
    return piece, whole
