"""A meter for tests that look at something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from realtimeapp_operator.reconcile.ports import Key


class SilentMeter:
    """Takes figures and forgets them."""

    def depth(self, keys: int) -> None:
        """Keys waiting."""

    def waited(self, seconds: float) -> None:
        """Seconds waited."""

    def worked(self, seconds: float, outcome: str) -> None:
        """Seconds worked."""

    def forget(self, key: Key) -> None:
        """Application gone."""

    def conditions(self, key: Key, conditions: Mapping[str, str]) -> None:
        """Conditions by type."""

    def connections(self, key: Key, *, active: int, draining: int) -> None:
        """Open connections."""

    def forget_connections(self, key: Key) -> None:
        """Connections unknown."""
