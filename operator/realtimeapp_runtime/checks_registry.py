"""Every rule of the runtime, in the order of docs/checks.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from realtimeapp_runtime import checks_database, checks_edge, checks_layers, checks_settings, checks_state
from realtimeapp_runtime.checks import Finding

if TYPE_CHECKING:
    from realtimeapp_runtime.checks import Facts, Rule, Settings
    from realtimeapp_runtime.config import Config

RULES: Final[tuple[Rule, ...]] = tuple(
    sorted(
        (
            *checks_layers.RULES,
            *checks_state.RULES,
            *checks_edge.RULES,
            *checks_database.RULES,
            *checks_settings.RULES,
        ),
        key=lambda rule: rule.number,
    )
)


def find_problems(settings: Settings, config: Config, facts: Facts) -> list[Finding]:
    """Return what the rules find, errors first."""
    return [
        Finding(rule=rule, message=message)
        for rule in RULES
        for message in rule.find(settings, config, facts)
    ]
