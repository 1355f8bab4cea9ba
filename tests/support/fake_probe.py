"""Pods that say how many connections they hold when they are asked, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from realtimeapp_operator.probe.connections import Reading


class FakeProbe:
    """Implements reconcile.sampler.Probe: `holds` is what the pod at an address says; one that is missing is silent."""

    def __init__(self) -> None:
        self.holds: dict[str, Reading] = {}
        self.asked: list[str] = []

    async def read(self, address: str, port: int) -> Reading | None:
        """Answer for the pod at `address`."""
        assert port
        self.asked.append(address)
        return self.holds.get(address)
