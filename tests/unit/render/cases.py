"""The manifests of the golden files: every example of the repository, and inputs for what no example shows."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from realtimeapp_operator.api.parse import parse
from realtimeapp_operator.cli.documents import read_documents
from realtimeapp_operator.render import Facts, render, resolve_edge
from tests.support.wire import copied

if TYPE_CHECKING:
    from realtimeapp_operator.api.app import RealtimeApp
    from realtimeapp_operator.render import Manifest

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
FILES = {
    file.stem: file
    for file in (
        *sorted((HERE.parents[2] / "examples").glob("*.yaml")),
        *sorted((HERE / "input").glob("*.yaml")),
    )
}


def body(name: str) -> dict[str, Any]:
    return copied(_read(name))


@cache
def _read(name: str) -> dict[str, Any]:
    (only,) = read_documents(str(FILES[name])).apps
    return only


def facts_for(app: RealtimeApp) -> Facts:
    traefik = app.spec.ingress is not None and app.spec.ingress.class_name == "traefik"
    controller = "traefik.io/ingress-controller" if traefik else "example.com/some-controller"
    return Facts(
        runtime_image="registry.example.com/realtimeapp-operator:0.1.0",
        redis_image="registry.example.com/realtimeapp-redis:0.1.0",
        edge=resolve_edge(app, controller=controller),
        operator_namespace="realtimeapp-system",
        metrics_url="http://realtimeapp-operator-leader.realtimeapp-system.svc:8080",
    )


def render_body(manifest: dict[str, Any]) -> list[Manifest]:
    app = parse(manifest)
    return render(app, facts_for(app))


def render_case(name: str) -> list[Manifest]:
    return render_body(body(name))


def by_name(manifests: list[Manifest]) -> dict[tuple[str, str], Manifest]:
    return {(manifest["kind"], manifest["metadata"]["name"]): manifest for manifest in manifests}


def pod_template(manifest: Manifest) -> dict[str, Any] | None:
    spec = manifest.get("spec", {})
    if manifest["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    if manifest["kind"] == "Service":
        return None
    template: dict[str, Any] | None = spec.get("template")
    return template


def pod_templates(manifests: list[Manifest]) -> dict[tuple[str, str], dict[str, Any]]:
    found = {key: pod_template(manifest) for key, manifest in by_name(manifests).items()}
    return {key: template for key, template in found.items() if template is not None}


def containers(template: dict[str, Any]) -> list[dict[str, Any]]:
    spec = template["spec"]
    return [*spec.get("initContainers", []), *spec["containers"]]
