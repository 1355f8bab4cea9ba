"""Every rule of the runtime, in the order of docs/checks.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from realtimeapp_runtime import (
    checks_database,
    checks_edge,
    checks_layers,
    checks_settings,
    checks_state,
    failure,
)
from realtimeapp_runtime.checks import Finding, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from realtimeapp_runtime.checks import Facts, Rule, Settings
    from realtimeapp_runtime.config import Config


@rule(
    "W090",
    meaning="A setting has a form that a check does not understand, so it could not judge it.",
    remedy="Compare the setting with the documentation of the package that reads it; the message has the check and its error.",
)
def find_nothing(_settings: Settings, _config: Config, _facts: Facts) -> Iterator[str]:
    """Stands for the rules that raised; see `find_problems`."""
    yield from ()


RULES: Final[tuple[Rule, ...]] = tuple(
    sorted(
        (
            *checks_layers.RULES,
            *checks_state.RULES,
            *checks_edge.RULES,
            *checks_database.RULES,
            *checks_settings.RULES,
            find_nothing,
        ),
        key=lambda rule: rule.number,
    )
)


def find_problems(settings: Settings, config: Config, facts: Facts) -> list[Finding]:
    """Return what the rules find, rule by rule; one that raises is a finding itself."""
    findings = []
    for each in RULES:
        try:
            findings += [Finding(rule=each, message=text) for text in each.find(settings, config, facts)]
        except Exception as error:  # noqa: BLE001 - settings may hold anything, and one odd value must not hide the other findings
            findings.append(
                Finding(rule=find_nothing, message=f"{each.id} raised {failure.describe(error)}.")
            )
    return findings
