"""The conjunctions under which a formula can be true, or false: over them its variables range.

An instance of `forall X: F` matters only where F can be false, one of `exists X: F` only where it can be true. Atoms
that are absent are false, so a positive literal of each such conjunction finds the instances by a join.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import product

from neurosym.grounding.bodies import BUILTINS, renamed
from neurosym.grounding.core import Key
from neurosym.lang import ast

Way = tuple[ast.Body, ...]
MAX_WAYS = 64  # more alternatives than this restrict nothing


def ways(formula: ast.Formula, truth: bool, foreign: Collection[Key] = ()) -> list[Way]:
    """Conjunctions of literals of which at least one holds wherever the formula has the truth value.

    Args:
        foreign: predicates that Python functions answer, whose absence can be tested like that of a comparison.
    """
    return _Ways(foreign).of(formula, truth)


class _Ways:
    def __init__(self, foreign: Collection[Key]) -> None:
        self.foreign = foreign
        self.fresh = 0

    def of(self, formula: ast.Formula, truth: bool) -> list[Way]:
        found = self._of(formula, truth)
        return found if len(found) <= MAX_WAYS else [()]

    def _of(self, formula: ast.Formula, truth: bool) -> list[Way]:
        match formula:
            case ast.Literal(atom):
                if truth:
                    return [(formula,)]
                return [(ast.Not(formula, formula.span),)] if self._test(atom.key) else [()]
            case ast.Comparison():
                return [(formula,)] if truth else [(ast.Not(formula, formula.span),)]
            case ast.FormulaNot(inner):
                return self.of(inner, not truth)
            case ast.FormulaJunction():
                parts = [self.of(part, truth) for part in formula.parts]
                return _all(*parts) if (formula.op == "and") == truth else [w for part in parts for w in part]
            case ast.Implies(left, right):
                if truth:
                    return [*self.of(left, False), *self.of(right, True)]
                return _all(self.of(left, True), self.of(right, False))
            case ast.Iff(left, right):
                return [
                    *_all(self.of(left, True), self.of(right, truth)),
                    *_all(self.of(left, False), self.of(right, not truth)),
                ]
            case ast.Quantified():
                if (formula.quantifier == "exists") != truth:
                    return [()]
                self.fresh += 1
                names = {v.name: f"{v.name} #{self.fresh}" for v in formula.variables}
                return [tuple(renamed(x, names) for x in way) for way in self.of(formula.formula, truth)]
        raise AssertionError(formula)

    def _test(self, key: Key) -> bool:
        return key in BUILTINS or key in self.foreign


def _all(*parts: list[Way]) -> list[Way]:
    """One way of each part together."""
    count = 1
    for part in parts:
        count *= len(part)
    if count > MAX_WAYS:
        parts = tuple(part if len(part) <= 1 else [()] for part in parts)
    return [tuple(dict.fromkeys(x for way in chosen for x in way)) for chosen in product(*parts)]
