"""Kubernetes quantities as exact numbers: `256Mi` is 268435456, `500m` is one half.

Only the suffixes the schema's grammar lets through; anything else is a ValueError.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

_SUFFIXES: Final = {
    "m": Fraction(1, 1000),
    "": Fraction(1),
    "k": Fraction(10**3),
    "M": Fraction(10**6),
    "G": Fraction(10**9),
    "T": Fraction(10**12),
    "Ki": Fraction(2**10),
    "Mi": Fraction(2**20),
    "Gi": Fraction(2**30),
    "Ti": Fraction(2**40),
}
_GRAMMAR: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(m|k|Ki|M|Mi|G|Gi|T|Ti|)")


def parse_quantity(text: str) -> Fraction:
    """Value of a quantity; ValueError where it is none."""
    match = _GRAMMAR.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a quantity such as 500m, 256Mi or 1Gi")
    return Fraction(match[1]) * _SUFFIXES[match[2]]
