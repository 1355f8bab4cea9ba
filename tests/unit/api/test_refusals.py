"""Every refusal, offline: the path a person looks at, and the sentence that says what would be accepted."""

from __future__ import annotations

import pytest

from realtimeapp_operator.api.app import Spec
from realtimeapp_operator.api.base import HINTS
from realtimeapp_operator.api.parse import InvalidSpec, Refusal, parse
from realtimeapp_operator.api.rules import RULES
from realtimeapp_operator.api.schema import editor_schema
from tests.support.refusals import ACCEPTED, REFUSED, UNCHANGEABLE, Refused, manifest


def refusals(case: Refused) -> tuple[Refusal, ...]:
    with pytest.raises(InvalidSpec) as raised:
        parse(manifest(case.change))
    return raised.value.refusals


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused_at_its_field_with_what_would_be_accepted(name: str) -> None:
    case = REFUSED[name]
    found = [refusal for refusal in refusals(case) if refusal.path == case.path]
    assert any(refusal.message.startswith(case.says) for refusal in found), refusals(case)


@pytest.mark.parametrize("name", ACCEPTED)
def test_is_accepted(name: str) -> None:
    parse(manifest(ACCEPTED[name]))


@pytest.mark.parametrize("name", UNCHANGEABLE)
def test_what_cannot_change_may_be_chosen_at_first(name: str) -> None:
    parse(manifest(UNCHANGEABLE[name].change))


def test_every_rule_is_broken_by_a_row_of_the_table() -> None:
    said = {refusal.message for case in REFUSED.values() for refusal in refusals(case)}
    silent = [
        rule.message
        for rule in RULES
        if rule.explain is None and rule.holds is not None and rule.message not in said
    ]
    assert silent == []


def test_every_grammar_is_broken_by_a_row_of_the_table() -> None:
    said = {refusal.message.removeprefix("keys ") for case in REFUSED.values() for refusal in refusals(case)}
    written = str(editor_schema(Spec))
    patterns = {pattern: hint for pattern, hint in HINTS.items() if repr(pattern)[1:-1] in written}
    assert len(patterns) > 20
    assert set(patterns.values()) - said == set()


def test_refusals_of_one_manifest_come_together() -> None:
    case = Refused(change={"spec.web.port": 80, "spec.image": "a b", "spec.replica": 1}, path="", says="")
    assert [refusal.path for refusal in refusals(case)] == ["spec.image", "spec.web.port", "spec.replica"]


def test_a_wrong_host_is_not_also_a_missing_one() -> None:
    case = Refused(change={"spec.ingress.hosts": ["Shop"]}, path="", says="")
    assert [refusal.path for refusal in refusals(case)] == ["spec.ingress.hosts[0]"]
