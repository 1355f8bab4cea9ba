"""One way to say what was expected and what came."""

from __future__ import annotations

from hack.examples.driver import ExampleError


def expect(holds: object, sentence: str) -> None:
    """Raise ExampleError with the sentence where it does not hold."""
    if not holds:
        raise ExampleError(sentence)
