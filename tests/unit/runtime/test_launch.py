from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from realtimeapp_runtime import failure, launch

LAUNCHER = Path(launch.__file__)


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(LAUNCHER), *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **environment},
    )


@pytest.mark.parametrize("verb", ["run", "manage", "check", "alive", "exec", "drain", "install"])
def test_every_verb_explains_itself(verb: str) -> None:
    result = run(verb, "--help")
    assert result.returncode == 0
    assert f"launch.py {verb}" in result.stdout


def test_an_unknown_verb_is_a_usage_error() -> None:
    result = run("fly")
    assert result.returncode == 2
    assert "invalid choice: 'fly'" in result.stderr


def test_options_of_the_module_are_the_module_s() -> None:
    options = launch.build_parser().parse_args(["run", "daphne", "-b", "0.0.0.0", "--help", "x:y"])  # noqa: S104 - an argument, nothing listens
    assert options.arguments == ["-b", "0.0.0.0", "--help", "x:y"]  # noqa: S104 - as above


def test_installed_copies_work_and_replace_older_ones(tmp_path: Path) -> None:
    target = tmp_path / "realtimeapp_runtime"
    target.mkdir()
    (target / "old.py").touch()
    assert launch.main(["install", str(tmp_path)]) == 0
    assert not (target / "old.py").exists()
    assert not list(target.rglob("__pycache__"))
    assert {path.name for path in target.glob("*.py")} == {path.name for path in LAUNCHER.parent.glob("*.py")}
    result = subprocess.run(
        [sys.executable, str(target / "launch.py"), "--help"],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert "exec" in result.stdout


def test_the_package_s_own_modules_hide_nothing_of_the_image(tmp_path: Path) -> None:
    """As a script, launch.py would put its folder first: `import settings` must still be the image's module."""
    (tmp_path / "settings.py").write_text("print('the image')", encoding="utf-8")
    code = "import settings, sys; assert not any(p.endswith('realtimeapp_runtime') for p in sys.path)"
    result = subprocess.run(
        [sys.executable, str(LAUNCHER), "exec", sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": "/somewhere"},
    )
    assert result.stdout == "the image\n"


def test_the_image_s_python_path_comes_first() -> None:
    result = run("exec", "env", PYTHONPATH="/somewhere:/else")
    path = dict(line.split("=", 1) for line in result.stdout.splitlines())["PYTHONPATH"].split(":")
    assert path[:2] == ["/somewhere", "/else"]
    assert str(LAUNCHER.parent.parent) in path


def test_a_missing_configuration_is_a_sentence(tmp_path: Path) -> None:
    log = tmp_path / "log"
    result = run(
        "manage", "migrate", REALTIMEAPP_CONFIG="/nowhere.json", REALTIMEAPP_TERMINATION_LOG=str(log)
    )
    assert result.returncode == 78
    message = json.loads(log.read_text(encoding="utf-8"))
    assert message["reason"] == "SettingsInvalid"
    assert "/nowhere.json" in message["message"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgres://a:b@h/d failed", "postgres://***@h/d failed"),
        ("at redis://:p@ss@w@h:6379/0.", "at redis://***@h:6379/0."),
        ("https://example.com/path is fine", "https://example.com/path is fine"),
    ],
)
def test_credentials_in_urls_are_masked(text: str, expected: str) -> None:
    assert failure.mask(text) == expected


def test_known_secrets_are_masked_also_when_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failure, "_secrets", set())
    failure.keep_secret("p@ss w:rd")
    assert failure.mask("got p@ss w:rd or p%40ss%20w%3Ard") == "got *** or ***"
