"""The offline check: every rule against every part of a RealtimeApp."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from pydantic.alias_generators import to_camel

from realtimeapp_operator.api.base import Model
from realtimeapp_operator.api.refusals import Refusal
from realtimeapp_operator.api.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from realtimeapp_operator.api.app import RealtimeApp
    from realtimeapp_operator.api.rules import Rule


def _by_model() -> dict[type[Model], tuple[Rule, ...]]:
    models = {rule.on for rule in RULES}
    return {
        model: tuple(rule for rule in RULES if rule.on is model and rule.holds is not None)
        for model in models
    }


_RULES = _by_model()

_on_the_wire: Final = cache(to_camel)
"""A field's name as users write it. There are as many as the models have fields; making one takes two regular expressions."""


def find_refusals(app: RealtimeApp) -> Iterator[Refusal]:
    """Every broken rule, in the order of the fields."""
    yield from _walk(app, "")


def _walk(model: Model, path: str) -> Iterator[Refusal]:
    for rule in _RULES.get(type(model), ()):
        yield from _apply(rule, model, path)
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, Model):
            yield from _walk(value, join(path, _on_the_wire(name)))
        elif isinstance(value, tuple):
            for index, item in enumerate(value):
                if isinstance(item, Model):
                    yield from _walk(item, f"{join(path, _on_the_wire(name))}[{index}]")


def _apply(rule: Rule, model: Model, path: str) -> Iterator[Refusal]:
    for subject, where in _subjects(rule, model, path):
        if rule.holds is not None and not rule.holds(subject):
            yield Refusal(path=join(where, rule.blame), message=rule.say(subject))


def _subjects(rule: Rule, model: Model, path: str) -> Iterator[tuple[object, str]]:
    if not rule.at:
        yield model, path
        return
    attribute = rule.at.removesuffix("[]")
    value = getattr(model, attribute)
    where = join(path, _on_the_wire(attribute))
    if value is None:
        return
    if rule.at.endswith("[]"):
        yield from ((item, f"{where}[{index}]") for index, item in enumerate(value))
    else:
        yield value, where


def join(path: str, field: str) -> str:
    """Path of `field` below `path`; either may be empty."""
    return f"{path}.{field}" if path and field else path or field
