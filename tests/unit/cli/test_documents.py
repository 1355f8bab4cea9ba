"""What is written as YAML is read back as the same, also by kubectl, to which more texts look like numbers than to PyYAML."""

from __future__ import annotations

import pytest
import yaml

from realtimeapp_operator.cli.documents import write_yaml

NUMBERS = [
    "288576e9",
    "1e3",
    "0x1F",
    "0o17",
    "017",
    "1_000",
    ".5",
    "+1",
    "1.",
    "1.5e-3",
    "-.inf",
    ".nan",
    "1:30",
]


@pytest.mark.parametrize("text", [*NUMBERS, "yes", "null", "6b54f20a", "1.2.3", "10Mi", "e9", "plain"])
def test_a_text_stays_a_text(text: str) -> None:
    assert yaml.safe_load(write_yaml({"a": text})) == {"a": text}


@pytest.mark.parametrize("text", NUMBERS)
def test_a_text_that_looks_like_a_number_to_anybody_is_quoted(text: str) -> None:
    assert write_yaml({"a": text}) == f"a: '{text}'\n"


@pytest.mark.parametrize("text", ["6b54f20a", "1.2.3", "10Mi", "e9", "plain", "10.0.0.0/8"])
def test_other_texts_are_not(text: str) -> None:
    assert write_yaml({"a": text}) == f"a: {text}\n"
