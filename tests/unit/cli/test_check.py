from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
import yaml

from realtimeapp_operator.api.crd import build_crd
from realtimeapp_operator.cli.main import main
from tests.support.refusals import BASE, manifest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.yaml"
    path.write_text(yaml.safe_dump(BASE))
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.yaml"
    wrong = manifest({"metadata.name": "shop", "spec.web.port": 80, "spec.django.settingsModule": "a/b.py"})
    path.write_text(yaml.safe_dump_all([BASE, {"kind": "Secret", "metadata": {"name": "s"}}, wrong]))
    return path


def test_a_good_manifest_is_accepted(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(good)]) == 0
    assert capsys.readouterr().out == f"{good}: RealtimeApp/counter is accepted\n"


def test_each_refusal_is_one_line_with_file_and_field(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(bad)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{bad}: RealtimeApp/counter is accepted",
        f"{bad}: RealtimeApp/shop: spec.django.settingsModule: must be a Python module with dots, such as shop.settings",
        f"{bad}: RealtimeApp/shop: spec.web.port: must be at least 1024",
    ]


def test_one_bad_file_does_not_hide_the_others(
    good: Path, bad: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "no-such-file", str(good), str(bad)]) == 1
    captured = capsys.readouterr()
    assert captured.err == "no-such-file: No such file or directory\n"
    assert "counter is accepted" in captured.out
    assert "spec.web.port" in captured.out


def test_the_standard_input_is_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(yaml.safe_dump(manifest({"spec.image": "a b"}))))
    assert main(["check", "-"]) == 1
    assert capsys.readouterr().out.startswith("-: spec.image: must be an image reference")


def test_broken_yaml_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("kind: RealtimeApp\nspec: [\n")
    assert main(["check", str(path)]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith(f"{path}: not YAML at line 3: ")
    assert captured.err.count("\n") == 1


def test_a_file_without_a_realtimeapp_is_not_a_success(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "secret.yaml"
    path.write_text("kind: Secret\nmetadata: {name: a}\n")
    assert main(["check", str(path)]) == 1
    assert capsys.readouterr().err == f"{path}: there is no RealtimeApp to check\n"


def test_crd_prints_what_the_models_give(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["crd"]) == 0
    assert yaml.safe_load(capsys.readouterr().out) == build_crd()


@pytest.mark.parametrize("command", [[], ["check"], ["render"], ["crd"]])
def test_help_explains(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    assert "usage: realtimeapp" in capsys.readouterr().out
