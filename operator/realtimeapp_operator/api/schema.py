"""OpenAPI schemas Kubernetes accepts, made from the models: references inlined, nothing nullable, rules attached.

Kubernetes' structural schemas are a strict subset of what pydantic writes; this module is the translation and knows
nothing of any field.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from pydantic.alias_generators import to_camel

from realtimeapp_operator.api.base import HINTS, Model
from realtimeapp_operator.api.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from realtimeapp_operator.api.rules import Rule

Schema = dict[str, Any]

VALIDATIONS: Final = "x-kubernetes-validations"
LIST_TYPE: Final = "x-kubernetes-list-type"
_KEPT: Final = (
    "type",
    "format",
    "enum",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "maxProperties",
    LIST_TYPE,
    "x-kubernetes-list-map-keys",
)
_TIME_LENGTH: Final = 40
"""RFC 3339 with nanoseconds and an offset has 35 characters."""


def structural_schema(model: type[Model]) -> Schema:
    """Structural schema of `model`, with the validations of every rule on it and on what it contains."""
    source = model.model_json_schema(by_alias=True)
    definitions = source.pop("$defs", {})
    return _Translation(definitions, _models_by_name(model)).convert_model(model.__name__, source)


def editor_schema(model: type[Model]) -> Schema:
    """JSON schema (draft 7) of `model` for editors: patterns instead of rules, unknown fields refused."""
    source = model.model_json_schema(by_alias=True)
    return _plain(source, source.get("$defs", {}))


def _plain(source: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """Inline references and drop titles and nulls, and leave the rest as pydantic wrote it."""
    if "$ref" in source:
        name = source["$ref"].rpartition("/")[2]
        return {**_plain(definitions[name], definitions), **_without(source, "$ref")}
    if "anyOf" in source:
        (option,) = (item for item in source["anyOf"] if item.get("type") != "null")
        source = {**option, **{key: source[key] for key in ("description",) if key in source}}
        return _plain(source, definitions)
    result = {
        key: value for key, value in source.items() if key not in {"title", "$defs"} and key[:2] != "x-"
    }
    if result.get("default", ...) in (None, [], {}):
        del result["default"]
    for key in ("properties", "patternProperties"):
        if key in result:
            result[key] = {name: _plain(item, definitions) for name, item in result[key].items()}
    if "items" in result:
        result["items"] = _plain(result["items"], definitions)
    if "patternProperties" in result:
        result["additionalProperties"] = False
    return result


def _models_by_name(root: type[Model]) -> dict[str, type[Model]]:
    found: dict[str, type[Model]] = {}
    pending: list[type[Model]] = [root]
    while pending:
        model = pending.pop()
        known = found.setdefault(model.__name__, model)
        if known is not model:
            raise ValueError(f"two models are named {model.__name__}")
        for field in model.model_fields.values():
            pending.extend(item for item in _models_in(field.annotation) if item.__name__ not in found)
    return found


def _models_in(annotation: object) -> Iterator[type[Model]]:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _models_in(argument)


def validation(rule: Rule) -> Schema:
    """Entry of `x-kubernetes-validations` for a rule."""
    entry: Schema = {"rule": rule.cel, "message": rule.message}
    if rule.explain_cel:
        entry["messageExpression"] = rule.explain_cel
    if rule.blame and not rule.blame.startswith("metadata."):
        entry["fieldPath"] = f".{rule.blame}"
    return entry


def _matches(pattern: str, subject: str) -> str:
    escaped = pattern.replace("\\", "\\\\").replace('"', '\\"')
    return f'{subject}.matches("{escaped}")'


class _Translation:
    """One pass over the definitions pydantic wrote for a model."""

    def __init__(self, definitions: Mapping[str, Schema], models: Mapping[str, type[Model]]) -> None:
        self._definitions = definitions
        self._models = models
        self._rules: dict[type[Model], list[Rule]] = defaultdict(list)
        for rule in RULES:
            self._rules[rule.on].append(rule)

    def convert_model(self, name: str, source: Schema) -> Schema:
        required = source.get("required", [])
        result: Schema = {"type": "object"}
        if "description" in source:
            result["description"] = source["description"]
        result["properties"] = {
            field: self._convert_property(schema, required=field in required)
            for field, schema in source["properties"].items()
        }
        if required:
            result["required"] = list(required)
        for rule in self._rules[self._models[name]]:
            _target(result, rule).setdefault(VALIDATIONS, []).append(validation(rule))
        return result

    def _convert_property(self, source: Schema, *, required: bool) -> Schema:
        options = [item for item in source.get("anyOf", ()) if item.get("type") != "null"]
        inner = options[0] if options else source
        result = self._convert(inner)
        if "description" in source:
            result = {"description": source["description"], **_without(result, "description")}
        default = source.get("default")
        if default not in (None, [], {}):
            result["default"] = default
        elif not required and "$ref" in source and (nested := _defaults(result)):
            result["default"] = nested
        return result

    def _convert(self, source: Schema) -> Schema:
        if "$ref" in source:
            name = source["$ref"].rpartition("/")[2]
            definition = self._definitions[name]
            if "properties" in definition:
                return self.convert_model(name, definition)
            return self._convert(definition)
        result: Schema = {key: source[key] for key in _KEPT if key in source}
        if "const" in source:
            result["enum"] = [source["const"]]
        if source.get("format") == "date-time":
            result["maxLength"] = _TIME_LENGTH
        if source["type"] == "array":
            result.setdefault(LIST_TYPE, "atomic")
            result["items"] = self._convert(source["items"])
        if source["type"] == "object":
            self._convert_map(source, result)
        if "pattern" in result:
            hint = HINTS[result.pop("pattern")]
            result[VALIDATIONS] = [{"rule": _matches(source["pattern"], "self"), "message": hint}]
        return result

    def _convert_map(self, source: Schema, result: Schema) -> None:
        ((pattern, values),) = source["patternProperties"].items()
        result["additionalProperties"] = self._convert(values)
        length = source["propertyNames"]["maxLength"]
        rule = f"self.all(key, key.size() <= {length} && {_matches(pattern, 'key')})"
        result[VALIDATIONS] = [{"rule": rule, "message": f"keys {HINTS[pattern]}"}]


def _defaults(schema: Schema) -> Schema:
    """Give the whole default of an object: the API server puts rules before a default as it is written."""
    return {
        name: field["default"] for name, field in schema.get("properties", {}).items() if "default" in field
    }


def _target(schema: Schema, rule: Rule) -> Schema:
    if not rule.at:
        return schema
    field: Schema = schema["properties"][to_camel(rule.at.removesuffix("[]"))]
    items: Schema = field["items"] if rule.at.endswith("[]") else field
    return items


def _without(schema: Schema, key: str) -> Schema:
    return {name: value for name, value in schema.items() if name != key}
