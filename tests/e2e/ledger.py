"""The ledger, an application that misbehaves when told to, as the tests handle it."""

from __future__ import annotations

import asyncio
import copy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from hack.clients.application import is_settled
from hack.clients.waiting import eventually_async
from tests.e2e.bystanders import LOOK_SECONDS, told

if TYPE_CHECKING:
    from hack.clients.kubectl import Kubectl, Object

MANIFEST = Path(__file__).parent / "apps" / "ledger.yaml"
APP = "ledger"
NEXT_IMAGE = "localhost/e2e-ledger:2"
DATABASE = {"urlSecretRef": {"name": "database", "key": "url"}}


def read_ledger(host: str, **spec: Any) -> Object:  # noqa: ANN401 - fields of a spec
    """The manifest on this host, with these fields of its spec instead of its own."""
    manifest: Object = yaml.safe_load(MANIFEST.read_text())
    manifest["spec"]["ingress"]["hosts"] = [host]
    manifest["spec"].update(spec)
    return manifest


def add_apps(*apps: str) -> list[dict[str, str]]:
    """The `spec.env` that adds applications to the project; each makes the trouble its folder tells of."""
    return [{"name": "EXTRA_APPS", "value": " ".join(apps)}]


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """The application and its manifest, which a test changes the way a user does: edit, apply."""

    kubectl: Kubectl
    host: str
    manifest: Object

    async def apply(self, **spec: Any) -> None:  # noqa: ANN401 - fields of a spec
        """Apply the manifest with these fields of its spec instead of its own."""
        changed = copy.deepcopy(self.manifest)
        changed["spec"].update(spec)
        await asyncio.to_thread(self.kubectl.apply, changed)

    async def settle(self) -> None:
        """Wait until nothing but what is declared runs."""

        async def settled() -> bool:
            return await asyncio.to_thread(is_settled, self.kubectl, APP)

        await eventually_async(settled, within=120, what="at rest", interval=LOOK_SECONDS)

    async def told(self, condition: str, **expected: Any) -> Object:  # noqa: ANN401 - as `told`
        """Wait for a condition; see `told`."""
        return await told(self.kubectl, APP, condition, **expected)

    async def web_pods(self) -> set[str]:
        """Which pods serve."""
        pods = await asyncio.to_thread(self.kubectl.web_pods, APP)
        return {pod["metadata"]["uid"] for pod in pods}
