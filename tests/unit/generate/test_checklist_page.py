"""docs/production-checklist.md names fields, values and ids that exist."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from realtimeapp_operator.api.crd import build_crd

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = (DOCS / "production-checklist.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and "the guide asks" not in line
]
KINDS = {"default", "field", "check", "yours", "**not followed**", "**not so**", "differently"}


@cache
def schema() -> dict[str, Any]:
    version = build_crd()["spec"]["versions"][0]
    properties: dict[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]
    return properties


def find(path: str) -> dict[str, Any] | None:
    """The schema of `web.rollout` and the like, below spec or status; None when there is no such field."""
    names = path.replace("[]", "").split(".")
    root: dict[str, Any] | None = schema()["status" if names[0] == "status" else "spec"]
    for name in names[1:] if names[0] == "status" else names:
        if root is None:
            return None
        root = root.get("items", root).get("properties", {}).get(name)
    return root


TOP = set(schema()["spec"]["properties"]) | {"status"}
FIELDS = sorted(
    {
        match
        for match in re.findall(r"`([a-z][A-Za-z]*(?:\[\])?(?:\.[A-Za-z\[\]]+)+)(?:: [^`]*)?`", PAGE)
        if match.partition(".")[0].removesuffix("[]") in TOP
    }
)


def test_every_line_says_how_it_is_kept() -> None:
    assert len(ROWS) > 90
    for row in ROWS:
        assert len(row) == 3, row
        assert all(row), row
        assert {kind.strip() for kind in row[1].split(",")} <= KINDS, row


@pytest.mark.parametrize("path", FIELDS)
def test_a_field_that_is_named_exists(path: str) -> None:
    assert find(path) is not None, f"there is no field {path}"


@pytest.mark.parametrize(
    ("path", "value"), re.findall(r"`([a-z][A-Za-z]*(?:\.[A-Za-z]+)+): ([A-Za-z]+)`", PAGE)
)
def test_a_value_that_is_named_is_accepted(path: str, value: str) -> None:
    field = find(path)
    assert field is not None, path
    if "enum" in field:
        assert value in field["enum"], (path, value)


def test_every_id_that_is_named_exists() -> None:
    known = set(re.findall(r"realtimeapp\.[EW]\d{3}", (DOCS / "checks.md").read_text(encoding="utf-8")))
    named = set(re.findall(r"realtimeapp\.[EW]\d{3}", PAGE))
    assert named
    assert named <= known, named - known
