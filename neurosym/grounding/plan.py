"""The order in which a rule's literals are evaluated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from neurosym.errors import GroundingError
from neurosym.grounding.bodies import entity_inputs, variables_of
from neurosym.grounding.core import (
    AggregateStep,
    Builtin,
    Compare,
    CoreLiteral,
    CoreProgram,
    CoreRule,
    Key,
    Negated,
    Scan,
)
from neurosym.lang.ast import Var


@dataclass(frozen=True)
class Step:
    """One literal in its place.

    Attributes:
        position: index of the literal in the rule's body.
        live: variables that later steps, the heads or the choice still need.
    """

    literal: CoreLiteral
    position: int
    live: frozenset[str]


def plan(rule: CoreRule, core: CoreProgram, size: Callable[[Key], int], first: int | None = None) -> list[Step]:
    """Order a body: filters as soon as they can run, then the literal with most bound arguments, small ones first.

    Args:
        size: the number of rows of a predicate, as known now.
        first: position of the literal to start with (the delta of a semi-naive round).

    Raises:
        GroundingError: no order binds all variables (the checker reports this first, as NS2xx).
    """
    remaining = dict(enumerate(rule.body))
    bound: set[str] = set()
    order: list[tuple[CoreLiteral, int]] = []
    while remaining:
        if first is not None and not order:
            position = first
        else:
            costs = [(k, _cost(x, bound, core, size)) for k, x in remaining.items()]
            ready = [(k, cost) for k, cost in costs if cost is not None]
            if not ready:
                raise GroundingError(
                    f"no order of the literals binds all variables of `{core.statements[rule.statement].label}`",
                    code="NS408",
                    note="a comparison, negation or network needs a variable that nothing binds",
                )
            position = min(ready, key=lambda pair: (*pair[1], pair[0]))[0]
        literal = remaining.pop(position)
        order.append((literal, position))
        bound |= _binds(literal)
    needed = set().union(*(a.variables for a, _ in rule.heads)) | set(rule.choice.variables if rule.choice else ())
    if rule.choice:
        needed = needed.union(*(variables_of(w) for w in rule.choice.weights if not isinstance(w, float | None)))
    steps: list[Step] = []
    for literal, position in reversed(order):
        steps.append(Step(literal, position, frozenset(needed)))
        needed |= _reads(literal)
    return steps[::-1]


def _cost(literal: CoreLiteral, bound: set[str], core: CoreProgram, size: Callable[[Key], int]) -> tuple | None:
    """A key to choose the next literal by; None if it cannot run yet."""
    match literal:
        case Compare():
            return (0, 0) if _can_compare(literal, bound) else None
        case Builtin("between", (low, high, Var(target)), False):
            ready = variables_of(low) | variables_of(high) <= bound
            return (0 if target in bound else 3, 0) if ready else None
        case Builtin(_, args):
            return (0, 0) if set().union(*map(variables_of, args)) <= bound else None
        case Negated(atom):
            return (1, 0) if atom.variables <= bound else None
        case AggregateStep():
            return (3, 0) if set(literal.group) <= bound else None
        case Scan(atom):
            asked = entity_inputs(atom, core) | (atom.variables if atom.key in core.demands else frozenset())
            if not asked <= bound:
                return None
            free = len(atom.variables - bound)
            fixed = sum(1 for a in atom.args if not isinstance(a, str) or a in bound)
            if free == 0:
                return (1, size(atom.key))
            connected = 0 if fixed else 1
            return (2, connected, free if connected == 0 else 0, size(atom.key))
    raise AssertionError(literal)


def _can_compare(literal: Compare, bound: set[str]) -> bool:
    left, right = variables_of(literal.left), variables_of(literal.right)
    if left | right <= bound:
        return True
    if literal.negated or literal.op not in ("=", "is"):
        return False
    pairs = ((literal.left, right), (literal.right, left))
    return any(isinstance(target, Var) and other <= bound for target, other in pairs)


def _binds(literal: CoreLiteral) -> set[str]:
    match literal:
        case Scan(atom):
            return set(atom.variables)
        case AggregateStep():
            return {literal.result}
        case Compare() | Builtin():
            return _reads(literal)
    return set()


def _reads(literal: CoreLiteral) -> set[str]:
    match literal:
        case Scan(atom) | Negated(atom):
            return set(atom.variables)
        case Compare(_, left, right):
            return variables_of(left) | variables_of(right)
        case Builtin(_, args):
            return set().union(*map(variables_of, args))
        case AggregateStep():
            return {*literal.group, literal.result}
    raise AssertionError(literal)
