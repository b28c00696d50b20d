"""Comparisons, assignments and tests on single bindings: integers in place, all else by the columns' evaluator."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from neurosym.facts import SymbolTable
from neurosym.grounding.bindings import Bindings, Joiner
from neurosym.grounding.bodies import variables_of
from neurosym.grounding.core import Builtin, Compare
from neurosym.grounding.rows.mirrors import Terms
from neurosym.lang.ast import Arithmetic, Const, Term, Var
from neurosym.lang.terms import INT64_MAX, INT64_MIN

Value = Callable[[Any], "int | None"]  # of a binding; None where it is no plain integer
# of integers, and by how many arguments; None where the columns must say
_INT_OPS: dict[str, tuple[int, Callable[..., Any]]] = {
    "+": (2, operator.add),
    "-": (2, operator.sub),
    "*": (2, operator.mul),
    "//": (2, lambda a, b: a // b if b else None),
    "mod": (2, lambda a, b: a % b if b else None),
    "min": (2, min),
    "max": (2, max),
    "neg": (1, operator.neg),
    "abs": (1, abs),
}
_TESTS = {
    "=": operator.eq, "is": operator.eq, "==": operator.eq, "=:=": operator.eq,
    "!=": operator.ne, "\\==": operator.ne, "=\\=": operator.ne,
    "<": operator.lt, "=<": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
REMEMBERED = 1 << 16  # results of an evaluator


def integer(term: Term, slots: dict[str, int], symbols: SymbolTable) -> Value | None:
    """The integer that a term has for a binding; None if it is a term that the columns must evaluate."""
    if isinstance(term, Var):
        slot, value_of = slots[term.name], symbols.value

        def of_variable(binding: Any) -> int | None:
            value = value_of(binding[slot])
            return value if type(value) is int else None

        return of_variable
    if isinstance(term, Const):
        constant = term.value
        return (lambda _: constant) if type(constant) is int else None
    assert isinstance(term, Arithmetic)
    number, apply = _INT_OPS.get(term.op, (0, None))
    args = [integer(a, slots, symbols) for a in term.args]
    known = [a for a in args if a is not None]
    if apply is None or not len(args) == len(known) == number:
        return None
    return _of_one(apply, known[0]) if number == 1 else _of_two(apply, known[0], known[1])


def _of_one(apply: Callable[[int], int | None], argument: Value) -> Value:
    def of_one(binding: Any) -> int | None:
        a = argument(binding)
        return None if a is None else _in_range(apply(a))

    return of_one


def _of_two(apply: Callable[[int, int], int | None], left: Value, right: Value) -> Value:
    def of_two(binding: Any) -> int | None:
        a, b = left(binding), right(binding)
        return None if a is None or b is None else _in_range(apply(a, b))

    return of_two


def _in_range(value: int | None) -> int | None:
    """An integer that fits 64 bits."""
    return value if value is not None and INT64_MIN <= value <= INT64_MAX else None


def tester(literal: Compare, slots: dict[str, int], symbols: SymbolTable) -> Callable[[Any], bool | None] | None:
    """Whether a comparison of integers holds for a binding; None, or a result of None: the columns must say."""
    left, right = integer(literal.left, slots, symbols), integer(literal.right, slots, symbols)
    test, negated = _TESTS.get(literal.op), literal.negated
    if left is None or right is None or test is None:
        return None

    def holds(binding: Any) -> bool | None:
        a, b = left(binding), right(binding)
        return None if a is None or b is None else test(a, b) != negated

    return holds


class ByColumns:
    """A literal evaluated by the joiner for one binding at a time; results that counted no fault are remembered."""

    def __init__(self, literal: Compare | Builtin, slots: dict[str, int], new: str | None, joiner: Joiner) -> None:
        """Of a literal.

        Args:
            slots: the variables that are bound; `new`: the one that the literal binds.
        """
        terms = (literal.left, literal.right) if isinstance(literal, Compare) else literal.args
        used = sorted(set().union(*map(variables_of, terms)) & slots.keys())
        self._literal, self._joiner, self._new = literal, joiner, new
        self._used = [(name, slots[name]) for name in used]
        self._live = frozenset(() if new is None else (new,))
        self._known: dict[Terms, tuple[Terms, ...]] = {}

    def __call__(self, binding: Any) -> tuple[Terms, ...]:
        """What the binding is extended by, once for each solution."""
        given = tuple(binding[slot] for _, slot in self._used)
        known = self._known.get(given)
        if known is not None:
            return known
        columns = {name: np.array([term], np.int32) for (name, _), term in zip(self._used, given, strict=True)}
        counters = self._joiner.evaluator.counters
        before = dict(counters.counts)
        step = self._joiner.compare if isinstance(self._literal, Compare) else self._joiner.builtin
        table = step(self._literal, Bindings(1, columns, {}, [], []), self._live)  # pyright: ignore
        column = [()] * table.n if self._new is None else [(t,) for t in table.columns[self._new].tolist()]
        result = tuple(column)
        if counters.counts == before and len(self._known) < REMEMBERED:
            self._known[given] = result
        return result
