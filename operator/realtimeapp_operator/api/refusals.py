"""Refusals: which field, and the sentence that says what would be accepted."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Refusal:
    """One reason a RealtimeApp is not accepted.

    `path` is the field as the manifest spells it, such as `spec.workers[1].app`; `message` completes "<path>: ".
    """

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class InvalidSpec(ValueError):
    """A RealtimeApp breaks rules; `refusals` has all that can be seen at once, at least one."""

    def __init__(self, refusals: tuple[Refusal, ...]) -> None:
        super().__init__("; ".join(str(refusal) for refusal in refusals))
        self.refusals = refusals
