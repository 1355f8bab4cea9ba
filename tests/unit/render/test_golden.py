"""Golden files: what each manifest becomes, to be read in a review.

After an intended change: `UPDATE_GOLDEN=1 pytest tests/unit/render/test_golden.py`, then read the difference.
"""

from __future__ import annotations

import os

import pytest

from realtimeapp_operator.cli.documents import write_yaml
from tests.unit.render.cases import FILES, GOLDEN, render_case


@pytest.mark.parametrize("name", FILES)
def test_a_manifest_becomes_its_golden_objects(name: str) -> None:
    rendered = "".join(f"---\n{write_yaml(manifest)}" for manifest in render_case(name))
    golden = GOLDEN / f"{name}.yaml"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(rendered, encoding="utf-8")
    assert golden.read_text(encoding="utf-8") == rendered


def test_no_golden_file_is_left_over() -> None:
    assert {file.stem for file in GOLDEN.glob("*.yaml")} == set(FILES)
