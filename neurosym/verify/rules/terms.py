"""Terms by number: rows of facts are tuples of small integers, so that `2`, `2.0` and `true` are never one term."""

from __future__ import annotations

from neurosym.lang.terms import TermKey, Value, term_key


class Terms:
    """Values and their numbers.

    Attributes:
        decimals: to which floats are rounded, as ProbLog does; None: not at all.
    """

    def __init__(self, decimals: int | None = None) -> None:
        self.decimals = decimals
        self._values: list[Value] = []
        self._numbers: dict[TermKey, int] = {}

    def number(self, value: Value) -> int:
        """The number of a value, a new one if it was never seen."""
        if self.decimals is not None and isinstance(value, float):
            value = round(value, self.decimals)
        key = term_key(value)
        known = self._numbers.get(key)
        if known is None:
            known = self._numbers[key] = len(self._values)
            self._values.append(value)
        return known

    def value(self, number: int) -> Value:
        """The value of a number."""
        return self._values[number]
