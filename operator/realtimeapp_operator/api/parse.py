"""From a manifest to a RealtimeApp, or to refusals a person understands.

Says what the API server says: unknown fields, types, bounds and grammars first; the rules between fields once those
hold. A null is a field that is not there. No traceback leaves this module for a person's mistake.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import orjson
from pydantic import ValidationError

from realtimeapp_operator.api.app import RealtimeApp
from realtimeapp_operator.api.base import DUPLICATE, HINTS, Model
from realtimeapp_operator.api.refusals import InvalidSpec, Refusal
from realtimeapp_operator.api.rules.walk import find_refusals

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_core import ErrorDetails

__all__ = ["InvalidSpec", "Refusal", "parse"]

_KEY: Final = "[key]"
"""What pydantic puts at the end of a location when it speaks of a key of a map."""


def parse(body: Mapping[str, Any]) -> RealtimeApp:
    """Parse a RealtimeApp as the API server delivers it or a person writes it.

    Raises InvalidSpec with every refusal that can be seen: rules between fields only show once each field is right.
    """
    try:
        text = orjson.dumps(_without_nulls(body))
    except TypeError as error:
        message = "must be plain data: strings, numbers, true or false, lists and maps with strings as keys"
        raise InvalidSpec((Refusal(path="", message=message),)) from error
    try:
        app = RealtimeApp.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise InvalidSpec(_translate_all(error.errors(include_url=False))) from None
    if refusals := tuple(find_refusals(app)):
        raise InvalidSpec(refusals)
    return app


def _without_nulls(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [_without_nulls(item) for item in value]
    return value


def _translate_all(errors: list[ErrorDetails]) -> tuple[Refusal, ...]:
    """Translate all but echoes: a list also counts as too short while an item in it is wrong."""
    places = {error["loc"][:length] for error in errors for length in range(len(error["loc"]))}
    return tuple(
        _translate(error) for error in errors if error["type"] != "too_short" or error["loc"] not in places
    )


def _translate(error: ErrorDetails) -> Refusal:
    location = error["loc"]
    context = error.get("ctx", {})
    if location and location[-1] == _KEY:
        return Refusal(path=_path(location[:-2]), message=f"keys {_say(error)}")
    if error["type"] == DUPLICATE:
        return Refusal(path=f"{_path(location)}[{context['index']}]", message=_say(error))
    return Refusal(path=_path(location), message=_say(error))


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{part}" if path else part
    return path


def _say(error: ErrorDetails) -> str:
    say = _SENTENCES.get(error["type"])
    if say is not None:
        return say(error)
    if error["type"].startswith(("datetime", "timezone")):
        return "must be a time with its zone, such as 2026-11-20T12:00:00Z"
    message = error["msg"]
    return message if message.startswith("must") else f"must be different: {message}"


def _say_unknown(error: ErrorDetails) -> str:
    location = error["loc"]
    known = _fields_at(location[:-1])
    close = difflib.get_close_matches(str(location[-1]), known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
    return f"must be left out, the API has no such field; {hint}"


def _fields_at(location: tuple[int | str, ...]) -> list[str]:
    model: type[Model] = RealtimeApp
    for part in location:
        for field in model.model_fields.values():
            if field.alias == part:
                model = _model_in(field.annotation) or model
                break
    return [field.alias or "" for field in model.model_fields.values()]


def _model_in(annotation: object) -> type[Model] | None:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return annotation
    found = (_model_in(argument) for argument in getattr(annotation, "__args__", ()))
    return next((model for model in found if model is not None), None)


def _context(error: ErrorDetails, key: str) -> str:
    return str(error.get("ctx", {}).get(key, ""))


def _say_options(error: ErrorDetails) -> str:
    options = _context(error, "expected").replace("'", "").replace(" or ", ", ")
    return f"must be one of {options}" if "," in options else f"must be {options}"


def _say_pattern(error: ErrorDetails) -> str:
    return HINTS[_context(error, "pattern")]


_SENTENCES: Final[Mapping[str, Callable[[ErrorDetails], str]]] = {
    "missing": lambda _: "must be set",
    "extra_forbidden": _say_unknown,
    "string_type": lambda _: "must be a string; put it in quotes",
    "int_type": lambda _: "must be a whole number",
    "int_from_float": lambda _: "must be a whole number",
    "bool_type": lambda _: "must be true or false",
    "tuple_type": lambda _: "must be a list",
    "dict_type": lambda _: "must be a map",
    "model_type": lambda _: "must be a map of fields",
    "model_attributes_type": lambda _: "must be a map of fields",
    "literal_error": _say_options,
    "enum": _say_options,
    "greater_than_equal": lambda error: f"must be at least {_context(error, 'ge')}",
    "less_than_equal": lambda error: f"must be at most {_context(error, 'le')}",
    "string_too_long": lambda error: f"must have at most {_context(error, 'max_length')} characters",
    "string_too_short": lambda _: "must not be empty",
    "too_long": lambda error: f"must have at most {_context(error, 'max_length')} entries",
    "too_short": lambda error: f"must have at least {_context(error, 'min_length')} entry",
    "string_pattern_mismatch": _say_pattern,
}
