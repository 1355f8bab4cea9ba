"""Every manifest that a page of the documentation shows is one the API accepts."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from realtimeapp_operator.api.parse import parse
from tests.support.refusals import BASE

ROOT = Path(__file__).parents[3]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN = {
    f"{page.name}-{number}": block
    for page in PAGES
    for number, block in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")), 1)
}


def completed(shown: dict[str, Any]) -> dict[str, Any]:
    """The manifest, or the part of one, over the smallest manifest there is."""
    result = copy.deepcopy(BASE)
    result["spec"].update(shown["spec"])
    return result


@pytest.mark.parametrize("name", SHOWN)
def test_a_manifest_in_the_documentation_is_accepted(name: str) -> None:
    shown = yaml.safe_load(SHOWN[name])
    parse(shown if "kind" in shown else completed(shown))


def test_there_are_such_manifests() -> None:
    assert {name.rpartition("-")[0] for name in SHOWN} >= {"README.md", "migrations.md", "scaling.md"}
