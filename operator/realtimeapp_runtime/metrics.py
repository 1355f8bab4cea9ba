"""The pod's connections in Prometheus' text format, summed over its processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from realtimeapp_runtime import ledger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CONTENT_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"

_TOTALS: Final = (
    ("accepted", "Long-lived connections accepted.", ledger.ACCEPTED),
    ("closed", "Long-lived connections that ended, for any reason.", ledger.CLOSED),
    ("drained", "Long-lived connections closed by a drain.", ledger.DRAINED),
    ("refused", "Long-lived connections refused because the pod was full or draining.", ledger.REFUSED),
    ("shed", "Long-lived connections closed because other pods had fewer.", ledger.SHED),
    ("expired", "Long-lived connections closed because of their age.", ledger.EXPIRED),
    ("unpinned", "New connections sent on without the affinity cookie that led here.", ledger.UNPINNED),
)


def render(*, alive: Sequence[list[int]], departed: list[int], draining: bool) -> str:
    """Return the exposition text for the cells of the live processes and the totals of those that ended."""
    now = ledger.add_up(alive)
    totals = ledger.add_up((now, departed))
    lines = [
        *_render_family(
            "realtimeapp_connections", "gauge", "Long-lived connections open now.", ledger.LIVE, now
        ),
        *_render_value(
            "realtimeapp_handshakes", "WebSocket handshakes not answered yet.", now[ledger.HANDSHAKES]
        ),
        *_render_value("realtimeapp_requests", "Ordinary HTTP requests in flight.", now[ledger.REQUESTS]),
    ]
    for name, text, cells in _TOTALS:
        lines += _render_family(f"realtimeapp_connections_{name}_total", "counter", text, cells, totals)
    lines += _render_value("realtimeapp_processes", "Server processes of the pod.", len(alive))
    lines += _render_value("realtimeapp_draining", "1 while the pod drains.", int(draining))
    return "\n".join(lines) + "\n"


def _render_family(name: str, kind: str, text: str, cells: Mapping[str, int], values: list[int]) -> list[str]:
    samples = [f'{name}{{kind="{label}"}} {values[index]}' for label, index in cells.items()]
    return [f"# HELP {name} {text}", f"# TYPE {name} {kind}", *samples]


def _render_value(name: str, text: str, value: int) -> list[str]:
    return [f"# HELP {name} {text}", f"# TYPE {name} gauge", f"{name} {value}"]
