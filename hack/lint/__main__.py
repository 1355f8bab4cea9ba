"""`make lint`: every static check, each with one line of outcome; a failing one shows what it printed.

Checks run one after another and all of them always run, so one pass shows everything there is to mend.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from hack.lint import manifests
from hack.packages import install_missing

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
PYTHON_TREES = ("operator", "hack", "tests", "examples")

Check = Callable[[], tuple[bool, str]]


def main() -> int:
    """Run all checks; exit code 1 when one failed."""
    checks: dict[str, Check] = {
        "ruff check": command(str(BIN / "ruff"), "check", "--quiet", *PYTHON_TREES),
        "ruff format": command(str(BIN / "ruff"), "format", "--check", "--quiet", *PYTHON_TREES),
        "mypy --strict": command(str(BIN / "mypy"), "operator", "hack", "tests"),
        "import layers": command(str(BIN / "lint-imports"), "--no-cache"),
        "shellcheck": shellcheck,
        "generated files": command(sys.executable, "-m", "hack.generate", "--check"),
        "helm lint": manifests.lint_chart,
        "helm unittest": manifests.unittest_chart,
        "rendered manifests": manifests.validate_rendered,
    }
    failed = 0
    for name, check in checks.items():
        started = time.monotonic()
        passed, output = check()
        failed += not passed
        print(f"{'ok' if passed else 'FAILED':<8}{name:<22}{time.monotonic() - started:6.1f} s", flush=True)
        if not passed:
            print(output.rstrip(), flush=True)
    return 1 if failed else 0


def command(*arguments: str) -> Check:
    """A check that is one command with the repository as working directory."""

    def check() -> tuple[bool, str]:
        done = subprocess.run(arguments, cwd=ROOT, check=False, capture_output=True, text=True)
        return done.returncode == 0, done.stdout + done.stderr

    return check


def shellcheck() -> tuple[bool, str]:
    """Every tracked shell script: by name, or by its first line."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    scripts = [name for name in listed.splitlines() if is_shell(ROOT / name)]
    install_missing({"shellcheck": "shellcheck"})
    return command("shellcheck", *scripts)() if scripts else (True, "")


def is_shell(path: Path) -> bool:
    """Whether a file is a shell script."""
    if path.suffix == ".sh":
        return True
    if path.suffix or not path.is_file():
        return False
    first: Sequence[str] = path.read_text(errors="replace").splitlines()[:1]
    return bool(first) and first[0].startswith("#!") and first[0].endswith(("sh", "bash"))


if __name__ == "__main__":
    sys.exit(main())
