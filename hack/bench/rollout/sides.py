"""The sides of the comparison: the counter under the operator, with either strategy, and the counter without it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import yaml

from hack.bench.guide import guide_settings
from hack.clients.application import is_settled
from hack.examples.catalog import new_image, read_manifest

if TYPE_CHECKING:
    from hack.clients.kubectl import Kubectl

Object = dict[str, Any]

APP: Final = "counter"
STOCK: Final = Path(__file__).parent / "stock.yaml"
RESOURCES: Final = {"requests": {"cpu": "20m", "memory": "100Mi"}, "limits": {"memory": "1Gi"}}
"""Twenty pods of them fit a node of two processors; what they really take is not limited by it."""
OVERLAP: Final = 2
"""Times what a full pod takes alone: drains that overlap share the rate, and a deadline that is too near wins over it."""
PING_SECONDS: Final = 60
"""Between two pings of a socket, on every side: ten thousand sockets with the default of 20 s are 500 pings a second, a
sixth of two processors that also carry the cluster and the clients."""
HEADROOM: Final = 3
"""Room in each pod over its share: before it goes, the last old pod of ten holds 2.4 times the mean of a paced rollout."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much is moved: pods, sockets in all, and reconnects per second at most."""

    pods: int
    sockets: int
    rate: int

    @property
    def per_pod(self) -> int:
        """Sockets of one pod when they are even."""
        return -(-self.sockets // self.pods)


class Side(Protocol):
    """One way to run the counter."""

    @property
    def name(self) -> str:
        """What the table calls it."""

    @property
    def selector(self) -> str:
        """Labels of its web pods."""

    def objects(self, *, host: str) -> list[Object]:
        """What is applied."""

    def roll(self, kubectl: Kubectl) -> None:
        """Put the next image in."""

    def is_settled(self, kubectl: Kubectl) -> bool:
        """Whether only pods of the wanted image are left, all of them ready."""


@dataclass(frozen=True, kw_only=True)
class Ours:
    """A RealtimeApp. `strategy` is that of `web.rollout`."""

    strategy: str
    size: Size
    rebalance: str = "Disabled"
    name: str = ""
    selector: str = f"app.kubernetes.io/instance={APP},app.kubernetes.io/component=web"

    def objects(self, *, host: str) -> list[Object]:
        """The example's manifest with the size of the bench."""
        app = read_manifest("djust-counter", host=host)
        most = HEADROOM * self.size.per_pod
        together = self.size.pods if self.strategy == "SurgeAll" else 1
        app["spec"]["migrations"] = {"policy": "Disabled"}
        app["spec"]["web"] = {
            "replicas": self.size.pods,
            "pingIntervalSeconds": PING_SECONDS,
            "connections": {"maxPerPod": most, "rebalance": self.rebalance},
            "rollout": {
                "strategy": self.strategy,
                "maxReconnectsPerSecond": self.size.rate,
                "drainTimeoutSeconds": max(60, -(-OVERLAP * most * together // self.size.rate)),
            },
            "podTemplate": {"resources": RESOURCES},
        }
        return [app]

    def roll(self, kubectl: Kubectl) -> None:
        """Change the image of the RealtimeApp."""
        image = kubectl.get("rta", APP)["spec"]["image"]
        kubectl.patch("rta", APP, {"spec": {"image": new_image(image)}})

    def is_settled(self, kubectl: Kubectl) -> bool:
        """As its conditions and its pods say."""
        return is_settled(kubectl, APP)


@dataclass(frozen=True, kw_only=True)
class Stock:
    """A Deployment, a Service, an Ingress and a Redis, written by hand."""

    size: Size
    name: str = "without the operator"
    selector: str = "app=counter"

    def objects(self, *, host: str) -> list[Object]:
        """The objects of stock.yaml, on this host."""
        objects: list[Object] = list(yaml.safe_load_all(STOCK.read_text(encoding="utf-8")))
        for item in objects:
            match item["kind"], item["metadata"]["name"]:
                case "ConfigMap", _:
                    item["data"] = {
                        "guide_settings.py": guide_settings(
                            module="counter.settings",
                            framework="Djust",
                            host=host,
                            redis="redis:6379",
                            most=self.size.sockets,
                        )
                    }
                case "Deployment", "counter":
                    item["spec"]["replicas"] = self.size.pods
                    container = item["spec"]["template"]["spec"]["containers"][0]
                    container["command"] += ["--ws-ping-interval", str(PING_SECONDS)]
                    container["readinessProbe"] = {
                        "httpGet": {
                            "path": "/whoami/",
                            "port": "http",
                            "httpHeaders": [{"name": "Host", "value": host}],
                        },
                        "periodSeconds": 1,
                        "timeoutSeconds": 5,
                    }
                case "Ingress", _:
                    backend = {"service": {"name": APP, "port": {"name": "http"}}}
                    path = {"path": "/", "pathType": "Prefix", "backend": backend}
                    item["spec"]["rules"] = [{"host": host, "http": {"paths": [path]}}]
        return objects

    def roll(self, kubectl: Kubectl) -> None:
        """Change the image of the Deployment."""
        containers = kubectl.get("deployment", APP)["spec"]["template"]["spec"]["containers"]
        kubectl.run("set", "image", f"deployment/{APP}", f"web={new_image(containers[0]['image'])}")

    def is_settled(self, kubectl: Kubectl) -> bool:
        """Whether the Deployment is of one revision and its old pods are gone."""
        deployment = kubectl.get("deployment", APP)
        wanted, status = self.size.pods, deployment.get("status", {})
        counted = (status.get("updatedReplicas"), status.get("readyReplicas"), status.get("replicas"))
        seen = status.get("observedGeneration") == deployment["metadata"]["generation"]
        return seen and counted == (wanted,) * 3 and len(kubectl.items("pods", self.selector)) == wanted


def choose_sides(size: Size) -> tuple[Side, ...]:
    """Return the sides in the order in which they are measured."""
    return (
        Ours(name="SurgeAll", strategy="SurgeAll", size=size),
        Ours(name="Paced", strategy="Paced", size=size),
        Stock(size=size),
    )
