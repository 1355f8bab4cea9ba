from __future__ import annotations

from fractions import Fraction

import pytest

from realtimeapp_operator.api.quantity import parse_quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("500m", Fraction(1, 2)),
        ("0.1", Fraction(1, 10)),
        ("1k", 1000),
        ("1Ki", 1024),
        ("256Mi", 268435456),
        ("1.5Gi", 1610612736),
        ("1T", 10**12),
    ],
)
def test_is_exact(text: str, value: Fraction) -> None:
    assert parse_quantity(text) == value


@pytest.mark.parametrize("text", ["", "1kB", "-1", "1e3", "Mi", " 1"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity such as"):
        parse_quantity(text)
