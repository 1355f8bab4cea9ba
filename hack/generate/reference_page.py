"""docs/reference.md: every field of a RealtimeApp with its type, its default and what is accepted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from realtimeapp_operator.api.crd import COLUMNS, build_schema
from realtimeapp_operator.api.schema import VALIDATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

INTRODUCTION = """# Reference of the RealtimeApp

<!-- Generated from operator/realtimeapp_operator/api by `make generate`; edit the models instead. -->

`realtimeapp.dev/v1alpha1`, kind `RealtimeApp`, short name `rta`. A field in bold must be set. "Accepted" has the bounds
and the sentences the API server answers with; `realtimeapp check FILE` says the same without a cluster. In the editor:
`# yaml-language-server: $schema=` with the path of `crds/realtimeapp.schema.json` as the first line of the manifest.
"""

Schema = dict[str, Any]


def build() -> str:
    """Text of the page."""
    schema = build_schema()
    known: dict[str, str] = {}
    sections = [
        INTRODUCTION,
        _rules(schema, "## RealtimeApp\n\n"),
        *_describe("spec", schema["properties"]["spec"], known),
        *_describe("status", schema["properties"]["status"], known),
        _columns(),
    ]
    return "\n".join(section.rstrip("\n") + "\n" for section in sections)


def _describe(path: str, schema: Schema, known: dict[str, str]) -> Iterator[str]:
    """Section of an object, then those of the objects in it; an object described before is only referred to."""
    key = json.dumps(schema["properties"], sort_keys=True)
    if key in known:
        return
    known[key] = path
    required = schema.get("required", [])
    nested = [(f"{path}.{name}", field) for name, field in schema["properties"].items()]
    rows = "".join(
        _row(where, field, known, required=where.rpartition(".")[2] in required) for where, field in nested
    )
    yield _rules(
        schema,
        f"## {path}\n\n{schema.get('description', '')}\n\n"
        f"| Field | Type | Default | Meaning | Accepted |\n|---|---|---|---|---|\n{rows}",
    )
    for where, field in nested:
        place, inner = _inner(where, field)
        if inner is not None:
            yield from _describe(place, inner, known)


def _inner(path: str, schema: Schema) -> tuple[str, Schema | None]:
    if "properties" in schema:
        return path, schema
    items = schema.get("items", {})
    return (f"{path}[]", items) if "properties" in items else (path, None)


def _row(path: str, field: Schema, known: dict[str, str], *, required: bool) -> str:
    name = path.rpartition(".")[2]
    place, inner = _inner(path, field)
    shown = f"**`{name}`**" if required else f"`{name}`"
    accepted = "; ".join(_accepted(field))
    if inner is not None:
        place = known.get(json.dumps(inner["properties"], sort_keys=True), place)
        link = f"see [{place}](#{_anchor(place)})"
        accepted = f"{accepted}; {link}" if accepted else link
    default = field.get("default")
    value = "" if default is None or isinstance(default, dict) else f"`{json.dumps(default)}`"
    cells = (shown, _type(field), value, field.get("description", ""), accepted)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _anchor(path: str) -> str:
    return "".join(char for char in path.lower() if char.isalnum() or char == "-")


def _type(schema: Schema) -> str:
    if "items" in schema:
        return f"list of {_type(schema['items'])}"
    if "additionalProperties" in schema:
        return f"map of {_type(schema['additionalProperties'])}"
    if schema.get("format") == "date-time":
        return "time"
    return str(schema["type"])


def _accepted(schema: Schema) -> Iterator[str]:
    if "enum" in schema:
        yield ", ".join(f"`{value}`" if value else '`""`' for value in schema["enum"])
    if "minimum" in schema and "maximum" in schema:
        yield f"{schema['minimum']} to {schema['maximum']}"
    if "maxLength" in schema and "enum" not in schema:
        yield f"at most {schema['maxLength']} characters"
    if "maxItems" in schema:
        least = f"{schema['minItems']} to " if "minItems" in schema else "at most "
        yield f"{least}{schema['maxItems']} entries"
    if "maxProperties" in schema:
        yield f"at most {schema['maxProperties']} entries"
    if "properties" not in schema:
        yield from (rule["message"] for rule in schema.get(VALIDATIONS, []))
    for part in ("items", "additionalProperties"):
        if part in schema and "properties" not in schema[part]:
            yield from (f"each {text}" for text in _accepted(schema[part]))


def _rules(schema: Schema, text: str) -> str:
    rules = [
        f"- {_blame(rule)}{rule['message']}."
        for rule in schema.get(VALIDATIONS, [])
        if "properties" in schema
    ]
    return text if not rules else f"{text}\nRules:\n\n" + "\n".join(rules) + "\n"


def _blame(rule: Schema) -> str:
    return f"`{rule['fieldPath'].removeprefix('.')}` " if "fieldPath" in rule else ""


def _columns() -> str:
    rows = "".join(
        f"| {column['name']} | `{column['jsonPath']}` | {'`-o wide`' if column.get('priority') else 'always'} |\n"
        for column in COLUMNS
    )
    return f"## Columns of `kubectl get rta`\n\n| Column | From | Shown |\n|---|---|---|\n{rows}"
