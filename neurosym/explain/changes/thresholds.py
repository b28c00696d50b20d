"""The values just across a threshold: to which number a number must move for a comparison to turn over."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice, product

import numpy as np

from neurosym.explain.changes.clock import Clock
from neurosym.explain.changes.reach import Domains, Place, atoms_of
from neurosym.explain.changes.setting import Setting
from neurosym.grounding.bodies import variables_of
from neurosym.grounding.builtins import Evaluator
from neurosym.grounding.core import Compare, CoreRule
from neurosym.lang.ast import Arithmetic, Const, Term, Var

COMBINATIONS = 200  # of the other variables' values, for each comparison
MOST_DECIMALS = 6
MOST_VALUES = 1000  # of an argument whose digits are counted
_FLIPPING = ("<", "=<", ">", ">=", "=:=", "=\\=", "=", "==", "!=", "\\==")


class Thresholds:
    """The comparisons of a program, as thresholds for what is compared.

    A comparison counts where it is linear in the number; a move goes to the next number of as many decimals as the
    data and the threshold have, 38.1 for `> 38.0` and 39 for whole numbers.
    """

    def __init__(self, setting: Setting, domains: Domains, clock: Clock) -> None:
        self.setting, self.domains, self.clock = setting, domains, clock
        self._places: dict[Place, int] = {}
        self._roots: dict[tuple, float | None] = {}
        self._evaluator = Evaluator(setting.normal.symbols)
        self._rules = [(r, c) for r in setting.core.rules for c in _comparisons(r)]

    def across(self, place: Place, recorded: int | float) -> list[int | float]:
        """The nearest numbers that turn a comparison over, in either direction and for each comparison; nearest first.

        Args:
            place: the argument in which the number stands.
        """
        found: dict[int | float, None] = {}
        for rule, compare in self._rules:
            for name in self._variables(rule, compare, place):
                for others in self._others(rule, compare, name):
                    if self.clock.spent():
                        break
                    value = self._nearest(compare, name, others, place, recorded)
                    if value is not None:
                        found[value] = None
        return sorted(found, key=lambda v: (abs(v - recorded), v))

    def _variables(self, rule: CoreRule, compare: Compare, place: Place) -> Iterator[str]:
        """The variables of a comparison that may have the number as their value."""
        for name in sorted(variables_of(compare.left) | variables_of(compare.right)):
            for atom in atoms_of(rule):
                if name in atom.args and self.domains.same((atom.key, atom.args.index(name)), place):
                    yield name
                    break

    def _others(self, rule: CoreRule, compare: Compare, name: str) -> Iterator[dict[str, int]]:
        """Values of the comparison's other variables."""
        names = sorted((variables_of(compare.left) | variables_of(compare.right)) - {name})
        symbols = self.setting.normal.symbols
        columns = []
        for other in names:
            values = self.domains.of_variable(rule, other)
            columns.append([v for v in values if _number(symbols.value(v)) is not None])
        for row in islice(product(*columns), COMBINATIONS):
            yield dict(zip(names, row, strict=True))

    def _nearest(
        self, compare: Compare, name: str, others: dict[str, int], place: Place, recorded: int | float
    ) -> int | float | None:
        """The number nearest to the recorded one under which the comparison is the other way round."""
        key = (id(compare), name, *others.values())  # the same for every number that is recorded
        if key not in self._roots:
            self._roots[key] = self._root(compare, name, others)
        at = self._roots[key]
        if at is None:
            return None
        if isinstance(recorded, int):
            near: list[int | float] = [math.floor(at) - 1, math.floor(at), math.ceil(at), math.ceil(at) + 1]
        else:
            digits = max(self._decimals(place), decimals(recorded), decimals(at))
            step = 10.0**-digits
            near = [round(at + k * step, digits) for k in (-1, 0, 1)] + [float(at)]
        now, *then = self._holds(compare, name, others, [recorded, *near])
        flipping = [v for v, holds in zip(near, then, strict=True) if holds != now]
        return min(flipping, key=lambda v: (abs(v - recorded), v), default=None)

    def _root(self, compare: Compare, name: str, others: dict[str, int]) -> float | None:
        """Where the two sides are equal, if their difference is linear in the number."""
        points = np.array([0.0, 1.0, 3.0])
        ids = self.setting.normal.symbols.intern_numbers(points)
        columns = {n: np.full(3, v, np.int32) for n, v in others.items()} | {name: ids}
        left, right = (self._evaluator.operand(side, columns, 3) for side in (compare.left, compare.right))
        if not (left.ok.all() and right.ok.all()):
            return None
        f = left.floats - right.floats
        slope = f[1] - f[0]
        if not np.isfinite(f).all() or slope == 0 or abs(f[2] - (f[0] + 3 * slope)) > 1e-9 * (1 + abs(f).max()):
            return None
        return float(-f[0] / slope)

    def _holds(self, compare: Compare, name: str, others: dict[str, int], values: list[int | float]) -> list[bool]:
        n = len(values)
        ids = self.setting.normal.symbols.intern_many(values)
        columns = {k: np.full(n, v, np.int32) for k, v in others.items()} | {name: ids}
        left, right = (self._evaluator.operand(side, columns, n) for side in (compare.left, compare.right))
        return (self._evaluator.compare(compare.op, left, right) != compare.negated).tolist()

    def _decimals(self, place: Place) -> int:
        """How many digits after the point the data have."""
        if place not in self._places:
            values = [_number(self.setting.normal.symbols.value(v)) for v in self.domains.values(place)[:MOST_VALUES]]
            self._places[place] = max((decimals(v) for v in values if v is not None), default=0)
        return self._places[place]


def _comparisons(rule: CoreRule) -> Iterator[Compare]:
    """The comparisons of a rule, with assigned variables replaced by what they are assigned."""
    scanned = {a for atom in atoms_of(rule) for a in atom.args if isinstance(a, str)}
    assigned: dict[str, Term] = {}
    for literal in rule.body:
        if isinstance(literal, Compare) and literal.op in ("=", "is") and not literal.negated:
            for target, value in ((literal.left, literal.right), (literal.right, literal.left)):
                if isinstance(target, Var) and target.name not in scanned and target.name not in assigned:
                    assigned[target.name] = value
                    break
    for literal in rule.body:
        if not isinstance(literal, Compare) or literal.op not in _FLIPPING:
            continue
        left, right = (_inlined(side, assigned, 8) for side in (literal.left, literal.right))
        if left != right:  # an assignment itself
            yield Compare(literal.op, left, right, literal.negated)


def _inlined(term: Term, assigned: dict[str, Term], depth: int) -> Term:
    if isinstance(term, Var) and depth:
        return _inlined(assigned[term.name], assigned, depth - 1) if term.name in assigned else term
    if isinstance(term, Arithmetic):
        return Arithmetic(term.op, tuple(_inlined(a, assigned, depth) for a in term.args))
    return Const(term.value) if isinstance(term, Const) else term


def _number(value: object) -> int | float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def decimals(value: int | float) -> int:
    """How many digits a number has after the point, as it is written; at most six."""
    if isinstance(value, int) or not math.isfinite(value):
        return 0
    text = f"{value:.{MOST_DECIMALS}f}".rstrip("0")
    return len(text.split(".")[1])
