"""Write the files derived from the API models, or with `--check` say which committed ones differ.

python -m hack.generate [--check]
"""

from __future__ import annotations

import argparse
import difflib
import sys
from pathlib import Path

from hack.generate import checks_page, conditions_page, custom_resource, reference_page

ROOT = Path(__file__).resolve().parents[2]
DIFF_LINES = 20


def build_files() -> dict[str, str]:
    """Path relative to the repository -> text of every generated file."""
    return {
        "crds/realtimeapps.realtimeapp.dev.yaml": custom_resource.build_manifest(),
        "crds/realtimeapp.schema.json": custom_resource.build_editor_schema(),
        "helm/realtimeapp-operator/templates/crd.yaml": custom_resource.build_chart_template(),
        "docs/reference.md": reference_page.build(),
        "docs/conditions.md": conditions_page.build(),
        "docs/checks.md": checks_page.build(),
    }


def write(files: dict[str, str]) -> int:
    """Write what differs; exit code 0."""
    for name, text in files.items():
        path = ROOT / name
        if _read(path) != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            print(f"wrote {name}")
    return 0


def check(files: dict[str, str]) -> int:
    """Say which committed file differs and how; exit code 1 when one does."""
    drifted = {name: text for name, text in files.items() if _read(ROOT / name) != text}
    for name, text in drifted.items():
        lines = difflib.unified_diff(
            _read(ROOT / name).splitlines(),
            text.splitlines(),
            f"{name} (committed)",
            f"{name} (generated)",
            "",
            "",
            1,
            "",
        )
        shown = list(lines)
        print("\n".join(shown[:DIFF_LINES]))
        if len(shown) > DIFF_LINES:
            print(f"... {len(shown) - DIFF_LINES} more lines")
    if drifted:
        print(f"{len(drifted)} generated files are out of date: run `make generate` and commit the result")
    return 1 if drifted else 0


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def main() -> int:
    """Entry point; exit code 0 when every file is up to date."""
    parser = argparse.ArgumentParser(prog="hack.generate", description="Files derived from the API models.")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail when a committed file differs"
    )
    arguments = parser.parse_args()
    return check(build_files()) if arguments.check else write(build_files())


if __name__ == "__main__":
    sys.exit(main())
