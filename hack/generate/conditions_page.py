"""docs/conditions.md: every condition and every reason, with what to do."""

from __future__ import annotations

from realtimeapp_operator.api.conditions import CONDITION_TYPES
from realtimeapp_operator.api.explanations import EXPLANATIONS

INTRODUCTION = """# Conditions and reasons

<!-- Generated from operator/realtimeapp_operator/api by `make generate`; edit the models instead. -->

`kubectl describe rta NAME` shows them; `kubectl wait --for=condition=Ready rta/NAME` is the interface for scripts.
Every condition exists from the first visit on, `Unknown` until it is known. Each has the generation of the spec it
speaks of, one reason and a message with the names and numbers of the case. `lastTransitionTime` moves only when the
status flips.

## Conditions

| Condition | True means |
|---|---|
"""


def build() -> str:
    """Text of the page."""
    conditions = "".join(f"| `{kind}` | {meaning} |\n" for kind, meaning in CONDITION_TYPES.items())
    reasons = "".join(
        f'| <a id="{reason.lower()}"></a>`{reason}` | {", ".join(text.on)} | {text.meaning} | {text.action} |\n'
        for reason, text in sorted(EXPLANATIONS.items())
    )
    heading = "\n## Reasons\n\n| Reason | On | Meaning | What to do |\n|---|---|---|---|\n"
    return INTRODUCTION + conditions + heading + reasons
