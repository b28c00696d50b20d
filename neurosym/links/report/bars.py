"""Numbers as bars on one scale, around a zero line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Bar:
    """A number with its bar: x and width in a strip from 0 to 100 whose zero line is `zero`."""

    name: str
    shown: str
    x: float
    width: float
    zero: float
    side: str
    more: str = ""
    strong: bool = False


def bars(
    values: Sequence[tuple[str, float, str, str]], strong: int | None = None, scale: Sequence[float] = ()
) -> list[Bar]:
    """Numbers on one scale.

    Args:
        values: name, number, the number in words, and what else is said.
        strong: which of them stands out.
        scale: further numbers that the scale has room for.
    """
    numbers = [*(value for _, value, _, _ in values), *scale]
    low, high = min([0.0, *numbers]), max([0.0, *numbers])
    unit = 100 / ((high - low) or 1.0)
    zero = -low * unit
    found: list[Bar] = []
    for k, (name, value, shown, more) in enumerate(values):
        width = max(abs(value) * unit, 0.6)
        found.append(
            Bar(name, shown, zero if value >= 0 else max(zero - width, 0.0), min(width, 100.0), zero,
                "up" if value >= 0 else "down", more, k == strong)
        )  # fmt: skip
    return found
