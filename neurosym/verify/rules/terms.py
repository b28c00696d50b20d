"""Terms by number: rows of facts are tuples of small integers, so that `2`, `2.0` and `true` are never one term."""

from __future__ import annotations

from neurosym.lang.terms import Value


class Terms:
    """Values and their numbers.

    Attributes:
        decimals: to which floats are rounded, as ProbLog does; None: not at all.
    """

    def __init__(self, decimals: int | None = None) -> None:
        self.decimals = decimals
        self._values: list[Value] = []
        self._numbers: dict[type, dict[Value, int]] = {}  # by type: 2, 2.0 and true are equal to Python

    def number(self, value: Value) -> int:
        """The number of a value, a new one if it was never seen."""
        if self.decimals is not None and isinstance(value, float):
            value = round(value, self.decimals)
        of_type = self._numbers.get(type(value))
        if of_type is None:
            of_type = self._numbers[type(value)] = {}
        known = of_type.get(value)
        if known is None:
            known = of_type[value] = len(self._values)
            self._values.append(value)
        return known

    def value(self, number: int) -> Value:
        """The value of a number."""
        return self._values[number]
