"""Kubernetes quantities as numbers: just enough arithmetic to derive one amount from another."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

_SUFFIXES: Final = {
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
}
MEBIBYTE: Final = 2**20


def amount(quantity: str) -> Decimal:
    """The number a quantity stands for: bytes for memory, cores for cpu.

    `quantity` has passed the schema's pattern: digits, an optional fraction, an optional suffix up to T or Ti.
    """
    if quantity.endswith("m"):
        return Decimal(quantity[:-1]) / 1000
    for suffix, factor in _SUFFIXES.items():
        if quantity.endswith(suffix):
            return Decimal(quantity.removesuffix(suffix)) * factor
    return Decimal(quantity)


def whole_bytes(quantity: str) -> int:
    """Memory of a quantity in bytes, rounded down."""
    return int(amount(quantity))


def mebibytes(number_of_bytes: int) -> str:
    """Bytes as a quantity in mebibytes, rounded up."""
    return f"{-(-number_of_bytes // MEBIBYTE)}Mi"
