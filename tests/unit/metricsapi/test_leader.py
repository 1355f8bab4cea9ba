"""How the leader's Service comes to lead to the leader."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from hack.clients.waiting import eventually_async
from realtimeapp_operator.kube.errors import Unavailable
from realtimeapp_operator.metricsapi import leader
from realtimeapp_operator.metricsapi.leader import Place, hold_address, render_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

    from realtimeapp_operator.kube.client import ApiClient
    from realtimeapp_operator.kube.kinds import Ref

PLACE = Place(
    namespace="system", service="operator-leader", address="10.0.0.7", ports={"http": 8080, "external": 8443}
)


class Cluster:
    """Remembers what was applied last by kind; `down` refuses that many requests first."""

    def __init__(self, *, down: int = 0) -> None:
        self.down = down
        self.applied: dict[str, Mapping[str, Any]] = {}
        self.writes = 0

    async def get_metadata(self, ref: Ref) -> dict[str, Any] | None:
        if self.down:
            self.down -= 1
            raise Unavailable(status=0, message="away")
        assert (ref.kind, ref.namespace, ref.name) == ("Service", "system", "operator-leader")
        return {"metadata": {"uid": "u1"}}

    async def apply(self, manifest: Mapping[str, Any]) -> None:
        self.writes += 1
        self.applied[manifest["kind"]] = manifest

    @property
    def client(self) -> ApiClient:
        return cast("ApiClient", self)

    async def leads_here(self) -> bool:
        return self.writes == 2 and bool(self.applied["EndpointSlice"]["endpoints"])


def test_slice_and_endpoints_say_the_same_and_go_with_the_service() -> None:
    piece, whole = render_address(PLACE, service_uid="u1", serving=True)
    assert piece["metadata"]["labels"]["kubernetes.io/service-name"] == "operator-leader"
    assert (piece["addressType"], piece["metadata"]["name"]) == ("IPv4", "operator-leader-ipv4")
    assert piece["endpoints"] == [{"addresses": ["10.0.0.7"], "conditions": {"ready": True}}]
    assert whole["metadata"]["name"] == "operator-leader", "Endpoints have their Service's name"
    assert whole["subsets"] == [{"addresses": [{"ip": "10.0.0.7"}], "ports": piece["ports"]}]
    assert {port["name"]: port["port"] for port in piece["ports"]} == {"http": 8080, "external": 8443}
    for item in (piece, whole):
        assert item["metadata"]["ownerReferences"] == [
            {"apiVersion": "v1", "kind": "Service", "name": "operator-leader", "uid": "u1"}
        ]


def test_endpoints_are_not_copied_into_a_second_slice() -> None:
    _, whole = render_address(PLACE, service_uid="u1", serving=True)
    assert whole["metadata"]["labels"]["endpointslice.kubernetes.io/skip-mirror"] == "true"


def test_a_version_6_address_is_one() -> None:
    place = Place(namespace="system", service="operator-leader", address="fd00::7", ports={"http": 8080})
    piece, _ = render_address(place, service_uid="u1", serving=True)
    assert (piece["addressType"], piece["metadata"]["name"]) == ("IPv6", "operator-leader-ipv6")


async def test_a_leader_that_stops_takes_its_address_away() -> None:
    cluster = Cluster()
    holding = asyncio.create_task(hold_address(cluster.client, PLACE, leads=lambda: True))
    await eventually_async(cluster.leads_here, within=5, what="the address written")
    holding.cancel()
    await asyncio.gather(holding, return_exceptions=True)
    assert cluster.applied["EndpointSlice"]["endpoints"] == []
    assert cluster.applied["Endpoints"]["subsets"] == []


async def test_a_leader_that_lost_the_lease_leaves_its_successors_address_alone() -> None:
    cluster = Cluster()
    holding = asyncio.create_task(hold_address(cluster.client, PLACE, leads=lambda: False))
    await eventually_async(cluster.leads_here, within=5, what="the address written")
    holding.cancel()
    await asyncio.gather(holding, return_exceptions=True)
    assert cluster.writes == 2


async def test_an_api_server_that_is_away_is_waited_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leader, "RETRY_FIRST_SECONDS", 0.001)
    cluster = Cluster(down=3)
    holding = asyncio.create_task(hold_address(cluster.client, PLACE, leads=lambda: True))
    await eventually_async(cluster.leads_here, within=5, what="the address written")
    holding.cancel()
    await asyncio.gather(holding, return_exceptions=True)
