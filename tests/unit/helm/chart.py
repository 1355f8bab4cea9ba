"""The chart as its tests see it: rendered by the real helm, read back as plain objects."""

from __future__ import annotations

import functools
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from hack.cluster import binaries

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Objects = list[dict[str, Any]]

CHART: Final = Path(__file__).resolve().parents[3] / "helm" / "realtimeapp-operator"
RELEASE: Final = "realtimeapp-operator"
NAMESPACE: Final = "realtimeapp-system"
INSTALLED: Final = "monitoring.coreos.com/v1,cert-manager.io/v1"


class Refused(Exception):
    """Helm would not render; the text is what a person reads."""


@functools.cache
def helm() -> str:
    return str(binaries.path("helm"))


def run(*arguments: str, values: str = "") -> str:
    """Run helm with `values` (YAML) as the values file on its standard input."""
    done = subprocess.run([helm(), *arguments], input=values, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise Refused(done.stderr)
    return done.stdout


def render(values: Mapping[str, Any] | None = None, *, apis: str = INSTALLED) -> Objects:
    """All objects of a release with these values, on a cluster that also serves `apis`."""
    return list(_parse(_template(json.dumps(values or {}, sort_keys=True), apis)))


def notes(values: Mapping[str, Any] | None = None) -> str:
    """What a person reads after an install with these values."""
    arguments = ("install", RELEASE, str(CHART), "--namespace", NAMESPACE, "--values", "-")
    return run(*arguments, "--dry-run=client", values=json.dumps(values or {})).partition("NOTES:")[2]


@functools.cache
def _template(values: str, apis: str) -> str:
    arguments = ["template", RELEASE, str(CHART), "--namespace", NAMESPACE, "--values", "-"]
    return run(*arguments, *(["--api-versions", apis] if apis else []), values=values)


def _parse(text: str) -> Iterator[dict[str, Any]]:
    # Not in plain Python, which takes half a second for the CRD.
    for document in yaml.load_all(text, Loader=yaml.CSafeLoader):
        if document:
            yield document


def of_kind(objects: Objects, kind: str) -> Objects:
    return [item for item in objects if item["kind"] == kind]


def one(objects: Objects, kind: str, name: str = RELEASE) -> dict[str, Any]:
    """The only object of that kind and name."""
    found = [item for item in of_kind(objects, kind) if item["metadata"]["name"] == name]
    assert len(found) == 1, f"{len(found)} objects {kind} {name}"
    return found[0]


def container(objects: Objects) -> dict[str, Any]:
    containers: Objects = one(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert len(containers) == 1
    return containers[0]


def default_values() -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
    return values


def schema() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
    return loaded
