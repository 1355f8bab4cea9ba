"""Every knob does something, is described once, and the README's table is that description."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.helm.chart import CHART, default_values, render, schema

if TYPE_CHECKING:
    from collections.abc import Iterator

OWN_ACCOUNT = {"serviceAccount": {"create": False, "name": "own"}}
MONITORED = {"monitoring": {"enabled": True}}
MEASURED = {"externalMetrics": {"enabled": True}}
KNOBS: dict[str, tuple[dict[str, Any], object]] = {
    # knob: (values it needs beside it, a value that is not the default)
    "nameOverride": ({}, "other"),
    "fullnameOverride": ({}, "other"),
    "image.repository": ({}, "registry.example.com/operator"),
    "image.tag": ({}, "1.2.3"),
    "image.digest": ({}, f"sha256:{'a' * 64}"),
    "image.pullPolicy": ({}, "Always"),
    "imagePullSecrets": ({}, ["registry"]),
    "runtime.image": ({}, "registry.example.com/runtime:1"),
    "redis.image": ({}, "registry.example.com/redis:7"),
    "replicas": ({}, 2),
    "watchNamespaces": ({}, ["shop"]),
    "workers": ({}, 16),
    "sampleSeconds": ({}, 60),
    "logLevel": ({}, "debug"),
    "crds.enabled": ({}, False),
    "crds.keep": ({}, False),
    "serviceAccount.create": (OWN_ACCOUNT, True),
    "serviceAccount.name": ({}, "own"),
    "serviceAccount.annotations": ({}, {"example.com/role": "operator"}),
    "rbac.create": ({}, False),
    "rbac.userRoles": ({}, False),
    "resources.requests": ({}, {"cpu": "100m", "memory": "192Mi"}),
    "resources.limits": ({}, {"memory": "512Mi"}),
    "priorityClassName": ({}, "system-cluster-critical"),
    "nodeSelector": ({}, {"kubernetes.io/os": "linux"}),
    "tolerations": ({}, [{"operator": "Exists"}]),
    "affinity": ({}, {"nodeAffinity": {}}),
    "topologySpreadConstraints": (
        {},
        [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}],
    ),
    "podLabels": ({}, {"team": "shop"}),
    "podAnnotations": ({}, {"example.com/team": "shop"}),
    "podDisruptionBudget.enabled": ({"replicas": 2}, False),
    "podDisruptionBudget.maxUnavailable": ({"replicas": 3}, 2),
    "networkPolicy.enabled": ({}, False),
    "networkPolicy.metricsFrom": ({}, [{"namespaceSelector": {}}]),
    "networkPolicy.egress": ({}, [{"ports": [{"port": 443}]}]),
    "monitoring.enabled": ({}, True),
    "monitoring.interval": (MONITORED, "10s"),
    "monitoring.labels": (MONITORED, {"release": "prometheus"}),
    "externalMetrics.enabled": ({}, True),
    "externalMetrics.certificate.source": (MEASURED, "CertManager"),
}


def knobs(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (dotted name, its schema) of everything a user can set."""
    for name, child in node["properties"].items():
        if "properties" in child:
            yield from knobs(child, f"{path}{name}.")
        elif name != "global":
            yield f"{path}{name}", child


def lookup(values: dict[str, Any], knob: str) -> object:
    node: Any = values
    for part in knob.split("."):
        node = node[part]
    return node


def merged(base: dict[str, Any], knob: str, value: object) -> dict[str, Any]:
    """`base` with one knob set; `base` itself stays as it is."""
    head, _, rest = knob.partition(".")
    if not rest:
        return {**base, head: value}
    return {**base, head: merged(base.get(head, {}), rest, value)}


@pytest.mark.parametrize("knob", KNOBS)
def test_every_knob_changes_what_is_rendered(knob: str) -> None:
    needs, value = KNOBS[knob]
    changed = merged(needs, knob, value)
    assert changed != needs
    assert render(changed) != render(needs)


def test_schema_defaults_and_the_table_above_name_the_same_knobs() -> None:
    described = {name for name, _ in knobs(schema())}
    assert described == KNOBS.keys()
    defaults = default_values()
    for name in described:
        lookup(defaults, name)  # a KeyError names a knob without a default
    assert len(list(leaves(defaults, described))) == len(described)


def leaves(node: dict[str, Any], described: set[str], path: str = "") -> Iterator[str]:
    """Yield the dotted names in values.yaml, stopping where the schema describes a knob."""
    for name, child in node.items():
        if f"{path}{name}" in described or not isinstance(child, dict):
            yield f"{path}{name}"
        else:
            yield from leaves(child, described, f"{path}{name}.")


def objects_in(node: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - any JSON
    if isinstance(node, dict):
        if "properties" in node:
            yield node
        for child in node.values():
            yield from objects_in(child)


def test_the_schema_refuses_unknown_keys_everywhere_and_describes_every_knob() -> None:
    for node in objects_in(schema()):
        assert node["additionalProperties"] is False
    for name, knob in knobs(schema()):
        assert knob["description"].endswith("."), name


def test_the_comments_in_values_yaml_are_the_descriptions_of_the_schema() -> None:
    comments = [
        line.strip().removeprefix("# -- ")
        for line in (CHART / "values.yaml").read_text().splitlines()
        if line.strip().startswith("# -- ")
    ]
    described = {name: knob["description"] for name, knob in knobs(schema())}
    for name in ("resources.requests", "resources.limits"):
        del described[name]
    described["resources"] = schema()["properties"]["resources"]["description"]
    assert sorted(comments) == sorted(described.values())


def test_the_readme_has_the_table_of_all_values() -> None:
    defaults = default_values()
    rows = [
        f"| `{name}` | `{json.dumps(lookup(defaults, name))}` | {knob['description']} |"
        for name, knob in knobs(schema())
    ]
    readme = (CHART / "README.md").read_text().splitlines()
    assert [line for line in readme if line.startswith("| `")] == rows
