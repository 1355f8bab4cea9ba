"""Static checks of the chart and of everything rendered, by helm, helm-unittest and kubeconform.

The schemas come from the OpenAPI document inside the pinned Kubernetes module and from the CRD inside the pinned KEDA
module, so they are exactly those of what the tests run against, and nothing is fetched.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from hack.cluster import binaries

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "realtimeapp-operator"
EXAMPLES = ROOT / "examples"
SCHEMAS = ROOT / ".cache" / "schemas"
MODULES = ROOT / "hack" / "cluster" / "go"
SCALARS = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"oneOf": [{"type": "string"}, {"type": "number"}]},
}


def lint_chart() -> tuple[bool, str]:
    """`helm lint --strict` with the default values."""
    return run(str(binaries.path("helm")), "lint", "--strict", str(CHART))


def unittest_chart() -> tuple[bool, str]:
    """The chart's own suites."""
    return run(str(binaries.path("helm-unittest")), "--strict", str(CHART))


def validate_rendered() -> tuple[bool, str]:
    """Every example, everything an example renders to, and the chart, against the schemas."""
    folder = schemas()
    target = ROOT / ".cache" / "rendered"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for example in sorted(EXAMPLES.glob("*.yaml")):
        passed, output = run(sys.executable, "-m", "realtimeapp_operator.cli.main", "render", str(example))
        if not passed:
            return False, f"{example.name}: {output}"
        (target / example.name).write_text(output)
        shutil.copy(example, target / f"source-{example.name}")
    for support in sorted((EXAMPLES / "support").glob("*.yaml")):
        shutil.copy(support, target / f"support-{support.name}")
    for name, values in (
        ("chart", ()),
        ("chart-external-metrics", ("--set", "externalMetrics.enabled=true")),
    ):
        command = (str(binaries.path("helm")), "template", "realtimeapp-operator", str(CHART), *values)
        passed, output = run(*command)
        if not passed:
            return False, output
        (target / f"{name}.yaml").write_text(output)
    return run(
        str(binaries.path("kubeconform")),
        "-strict",
        "-summary",
        "-schema-location",
        f"{folder}/{{{{.Group}}}}-{{{{.ResourceAPIVersion}}}}-{{{{.ResourceKind}}}}.json",
        str(target),
    )


def schemas() -> Path:
    """Folder of one self-contained schema per kind, written once per Kubernetes version."""
    version, sources = module("kubernetes", "k8s.io/kubernetes")
    folder = SCHEMAS / version
    own = folder / "realtimeapp.dev-v1alpha1-realtimeapp.json"
    if not (folder / ".complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_kinds(folder, sources / "api" / "openapi-spec" / "swagger.json")
        (folder / ".complete").touch()
    shutil.copy(ROOT / "crds" / "realtimeapp.schema.json", own)
    _, keda = module("keda", "github.com/kedacore/keda/v2")
    write_custom_kind(folder, keda / "config" / "crd" / "bases" / "keda.sh_scaledobjects.yaml")
    return folder


def module(folder: str, path: str) -> tuple[str, Path]:
    """Version and sources of the Go module `path` as pinned in `folder`."""
    # Its sources alone: nothing is built from some of them unless somebody asks.
    subprocess.run(["go", "mod", "download", path], cwd=MODULES / folder, check=True)
    listed = subprocess.run(
        ["go", "list", "-m", "-f", "{{.Version}} {{.Dir}}", path],
        cwd=MODULES / folder,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    return listed[0], Path(listed[1])


def write_custom_kind(folder: Path, definition: Path) -> None:
    """One strict JSON schema per version of a CustomResourceDefinition."""
    spec = yaml.safe_load(definition.read_text())["spec"]
    for version in spec["versions"]:
        path = folder / f"{spec['group']}-{version['name']}-{spec['names']['singular']}.json"
        path.write_text(json.dumps(closed(version["schema"]["openAPIV3Schema"])))


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    """A structural schema that refuses what it does not name, as strict field validation does."""
    if schema.get("x-kubernetes-int-or-string"):
        return SCALARS["io.k8s.apimachinery.pkg.util.intstr.IntOrString"]
    result = dict(schema)
    if "properties" in schema:
        result["properties"] = {name: closed(field) for name, field in schema["properties"].items()}
        result["additionalProperties"] = False
    if "items" in schema:
        result["items"] = closed(schema["items"])
    return result


def write_kinds(folder: Path, document: Path) -> None:
    """Split an OpenAPI v2 document into one strict JSON schema per group, version and kind."""
    definitions: dict[str, Any] = json.loads(document.read_text())["definitions"]
    for name, definition in definitions.items():
        if name in SCALARS:
            definitions[name] = SCALARS[name]
        elif "properties" in definition:
            definition.setdefault("additionalProperties", False)
    for name, definition in definitions.items():
        for kind in definition.get("x-kubernetes-group-version-kind", ()):
            group = kind["group"] or kind["version"]
            path = folder / f"{group}-{kind['version']}-{kind['kind'].lower()}.json"
            path.write_text(
                json.dumps({"$ref": f"#/definitions/{name}", "definitions": closure(name, definitions)})
            )


def closure(root: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """The definitions `root` needs, itself included."""
    needed: dict[str, Any] = {}
    waiting = [root]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed[name] = definitions[name]
            waiting += references(definitions[name])
    return needed


def references(node: object) -> list[str]:
    """Names of all definitions referred to below `node`."""
    if isinstance(node, dict):
        found = (
            [str(node["$ref"]).rpartition("/")[2]] if "$ref" in node and isinstance(node["$ref"], str) else []
        )
        return found + [name for value in node.values() for name in references(value)]
    if isinstance(node, list):
        return [name for value in node for name in references(value)]
    return []


def run(*arguments: str) -> tuple[bool, str]:
    """Run a command in the repository; returns success and, on failure, all it printed."""
    done = subprocess.run(arguments, cwd=ROOT, check=False, capture_output=True, text=True)
    return done.returncode == 0, done.stdout if done.returncode == 0 else done.stdout + done.stderr
