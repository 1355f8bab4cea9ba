"""docs/checks.md: every check of the runtime, with what it means and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtimeapp_runtime import checks, checks_registry

if TYPE_CHECKING:
    from realtimeapp_runtime.checks import Rule

INTRODUCTION = """\
# Checks

<!-- Generated from operator/realtimeapp_runtime/checks_*.py by `make generate`; edit the rules instead. -->

Before a rollout a Job runs `launch.py check` with the new image and settings: Django's `check --deploy`, the checks the installed packages
register, and those below. The ids are in the condition `ChecksPassed` and in `status.checks.findings`; the full text of every finding
is in the log of the Job. With `checks.deploy: Enforce` an error holds the rollout and the old version keeps serving; with `Warn`,
the default, it is only reported.

`SILENCED_SYSTEM_CHECKS` in the settings silences these ids as it does Django's. An id is never used again for something else. Many
of the problems cannot occur under the settings overlay ([runtime](runtime.md#the-settings-overlay)); those checks are for
`spec.django.overlay: Disabled` and for images that lack a package.
"""

SECTIONS = (
    (
        checks.ERROR,
        "Errors",
        "Users would notice: it breaks by itself, or as soon as there are two pods.",
    ),
    (
        checks.WARNING,
        "Warnings",
        "Something is lost, slow or unsafe in a case that may not be this application's.",
    ),
)


def build() -> str:
    """Text of the page."""
    parts = [INTRODUCTION]
    for level, title, explanation in SECTIONS:
        rows = [_row(rule) for rule in checks_registry.RULES if rule.level == level]
        parts.append(
            f"## {title}\n\n{explanation}\n\n| id | meaning | what to do |\n|---|---|---|\n"
            + "\n".join(rows)
            + "\n"
        )
    return "\n".join(parts)


def _row(rule: Rule) -> str:
    return f'| <a id="{rule.number.lower()}"></a>`{rule.id}` | {rule.meaning} | {rule.remedy} |'
