"""What a reviewer of the CRD would look for: bounds on everything, list types, nothing Kubernetes does not accept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from realtimeapp_operator.api.crd import build_crd, build_editor_schema, build_schema
from realtimeapp_operator.api.parse import parse
from realtimeapp_operator.api.rules import RULES
from tests.support.refusals import BASE

if TYPE_CHECKING:
    from collections.abc import Iterator

Schema = dict[str, Any]
STRUCTURAL = {
    "type",
    "description",
    "properties",
    "required",
    "items",
    "additionalProperties",
    "default",
    "enum",
    "format",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "maxProperties",
    "x-kubernetes-validations",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
}


def fields(schema: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from fields(field, f"{path}.{name}")
    for part in ("items", "additionalProperties"):
        if part in schema:
            yield from fields(schema[part], f"{path}[]")


ROOT = build_schema()["properties"]
FIELDS = {path: field for part in ("spec", "status") for path, field in fields(ROOT[part], part)}


@pytest.mark.parametrize("path", FIELDS)
def test_is_bounded_and_structural(path: str) -> None:
    field = FIELDS[path]
    assert set(field) <= STRUCTURAL
    match field["type"]:
        case "string":
            assert "maxLength" in field or "enum" in field
        case "integer":
            assert "minimum" in field
            assert "maximum" in field
        case "array":
            assert "maxItems" in field
            assert field["x-kubernetes-list-type"] in {"atomic", "set", "map"}
        case "object":
            assert ("maxProperties" in field) == ("additionalProperties" in field)
        case "boolean":
            pass
        case other:
            pytest.fail(f"{other} is not a type of this API")


@pytest.mark.parametrize("path", [path for path in FIELDS if not path.endswith("[]")])
def test_is_described(path: str) -> None:
    assert FIELDS[path]["description"].endswith(".")


@pytest.mark.parametrize(
    "path", [path for path, field in FIELDS.items() if "x-kubernetes-list-map-keys" in field]
)
def test_the_key_of_a_list_is_required(path: str) -> None:
    field = FIELDS[path]
    assert set(field["x-kubernetes-list-map-keys"]) <= set(field["items"]["required"])


def test_every_rule_is_in_the_schema_with_its_own_words() -> None:
    present = json.dumps(build_schema())
    missing = [rule.message for rule in RULES if json.dumps(rule.cel)[1:-1] not in present]
    assert missing == []
    assert all(rule.message.removeprefix("metadata.name ").startswith("must ") for rule in RULES)


def test_defaults_of_the_schema_are_those_of_the_models() -> None:
    def apply(schema: Schema, value: Schema) -> Schema:
        for name, field in schema.get("properties", {}).items():
            if name not in value and "default" in field:
                value[name] = json.loads(json.dumps(field["default"]))
            if isinstance(value.get(name), dict):
                apply(field, value[name])
        return value

    written = json.loads(json.dumps(BASE))
    apply(ROOT["spec"], written["spec"])
    assert written["spec"]["web"]["rollout"]["strategy"] == "Paced"
    assert parse(written) == parse(BASE)


def test_scaling_and_status_are_subresources() -> None:
    version = build_crd()["spec"]["versions"][0]
    assert version["subresources"]["status"] == {}
    for path in version["subresources"]["scale"].values():
        assert path.removeprefix(".") in FIELDS


def test_columns_show_fields_that_exist() -> None:
    version = build_crd()["spec"]["versions"][0]
    paths = {column["jsonPath"].removeprefix(".") for column in version["additionalPrinterColumns"]}
    plain = {path for path in paths if "[?" not in path and not path.startswith("metadata.")}
    assert plain <= set(FIELDS)
    names = [column["name"] for column in version["additionalPrinterColumns"] if not column.get("priority")]
    assert names == ["Ready", "Web", "Conns", "Redis", "Image", "URL", "Age"]


def test_the_editor_is_told_of_unknown_fields_and_patterns() -> None:
    schema = build_editor_schema()
    spec = schema["properties"]["spec"]
    assert spec["additionalProperties"] is False
    assert "pattern" in spec["properties"]["image"]
    assert "$ref" not in json.dumps(schema)
    assert "x-kubernetes" not in json.dumps(schema)
