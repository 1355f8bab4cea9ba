"""The smallest application a test can declare, for tests that need some application and say what is special about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from realtimeapp_operator import names

if TYPE_CHECKING:
    from hack.clients.kubectl import Object

IMAGE: Final = "registry.example.com/counter:1"
NO_MIGRATIONS: Final[Object] = {"policy": "Disabled"}
NO_CHECKS: Final[Object] = {"deploy": "Off"}


def smallest_app(*, name: str = "counter", **spec: Any) -> Object:  # noqa: ANN401 - any part of a spec
    """Its manifest, with `spec` over the smallest one.

    Where there are no nodes, NO_MIGRATIONS lets it be reconciled to the end; NO_CHECKS leaves no Job at all.
    """
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {"name": name},
        "spec": {
            "image": IMAGE,
            "framework": "Djust",
            "django": {"settingsModule": "counter.settings"},
            **spec,
        },
    }
