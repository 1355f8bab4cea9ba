"""What a rule is: one sentence, one CEL expression for the API server, one predicate for the offline check.

The two formulations stand next to each other so that nobody changes one alone; the tests put every refusal before a
real API server and compare the sentences.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from realtimeapp_operator.api.base import Model


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule about a model, one of its fields (`at="port"`) or every item of a list (`at="hosts[]"`).

    `cel` and `holds` see the same thing: the model, the field's value or the item. A field that is absent is not
    looked at. `blame` is the path, below the model, that the refusal names where it is not the subject itself.
    `message` completes "<path>:"; with `explain` and `explain_cel` it has the numbers of the case. A rule about a
    change (`oldSelf`) has no `holds`: one manifest alone cannot break it.
    """

    on: type[Model]
    cel: str
    message: str
    holds: Callable[[Any], bool] | None
    at: str = ""
    blame: str = ""
    explain: Callable[[Any], str] | None = None
    explain_cel: str = ""

    def say(self, subject: object) -> str:
        """Put the refusal of `subject` in words."""
        return self.message if self.explain is None else self.explain(subject)


def cel_list(values: Iterable[str]) -> str:
    """Write `values` as a CEL list of strings; they must need no escaping."""
    return "[" + ", ".join(f"'{value}'" for value in values) + "]"


def exactly_one(*fields: str) -> str:
    """CEL: exactly one of the optional `fields` (wire names) is set."""
    return " + ".join(f"(has(self.{field}) ? 1 : 0)" for field in fields) + " == 1"
