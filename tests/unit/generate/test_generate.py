from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from hack.generate import __main__ as generate
from realtimeapp_operator.api.crd import build_crd
from realtimeapp_operator.api.reasons import Reason

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    """Every generated file, by its path; writing YAML takes a second."""
    return generate.build_files()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    return tmp_path


def test_what_was_written_is_up_to_date(files: dict[str, str], checkout: Path) -> None:
    assert generate.check(files) == 1
    assert generate.write(files) == 0
    assert generate.check(files) == 0
    assert yaml.safe_load((checkout / "crds/realtimeapps.realtimeapp.dev.yaml").read_text()) == build_crd()


def test_a_drifted_file_is_named_with_its_difference(
    files: dict[str, str], checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate.write(files)
    page = checkout / "docs/conditions.md"
    page.write_text(page.read_text().replace("Redis answers.", "Redis is well."))
    assert generate.check(files) == 1
    output = capsys.readouterr().out
    assert "docs/conditions.md (committed)" in output
    assert "-| `RedisReady` | Redis is well. |" in output
    assert "make generate" in output


def test_pages_name_every_reason_and_field(files: dict[str, str]) -> None:
    assert all(f"`{reason}`" in files["docs/conditions.md"] for reason in Reason)
    assert "| **`settingsModule`** | string |" in files["docs/reference.md"]
    assert "`maxReconnectsPerSecond` | integer | `100` |" in files["docs/reference.md"]
