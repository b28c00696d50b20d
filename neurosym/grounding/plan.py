"""The order in which a rule's literals are evaluated."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from neurosym.errors import GroundingError
from neurosym.grounding.bodies import bound_by, entity_inputs, needed_by, slot_inputs, variables_of
from neurosym.grounding.core import (
    AggregateStep,
    Builtin,
    Compare,
    CoreAtom,
    CoreLiteral,
    CoreProgram,
    CoreRule,
    ForeignCall,
    Key,
    Negated,
    Scan,
)
from neurosym.lang.ast import Atom, Const, Rule, Var
from neurosym.lang.checks.safety import spelled
from neurosym.lang.printer import Printer


class Sized(Protocol):
    """What planning asks about the facts of a predicate, which may be there or only foreseen."""

    @property
    def size(self) -> int:
        """How many there are."""
        ...

    @property
    def arity(self) -> int:
        """How many arguments they have."""
        ...

    def spread(self, columns: tuple[int, ...]) -> float | None:
        """How many of them a value of some arguments finds; None if that was not measured."""
        ...


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


def plan(
    rule: CoreRule,
    core: CoreProgram,
    relation: Callable[[Key], Sized],
    first: int | None = None,
    given: frozenset[str] = frozenset(),
) -> list[Step]:
    """Order a body: filters as soon as they can run, then the literal with most bound arguments, small ones first.

    Args:
        relation: the facts of a predicate, as known now.
        first: position of the literal to start with (the delta of a semi-naive round).
        given: variables that are bound from the start.

    Raises:
        GroundingError: no order binds all variables (the checker reports this first, as NS2xx).
    """
    remaining = dict(enumerate(rule.body))
    bound: set[str] = set(given)
    order: list[tuple[CoreLiteral, int]] = []
    while remaining:
        if first is not None and not order:
            position = first
        else:
            costs = [(k, _cost(x, bound, core, relation)) for k, x in remaining.items()]
            ready = [(k, cost) for k, cost in costs if cost is not None]
            if not ready:
                raise _no_order(rule, core)
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


def _no_order(rule: CoreRule, core: CoreProgram) -> GroundingError:
    """Why a body cannot be evaluated: a query would have to bind its head's variables, or nothing can."""
    statement = core.statements[rule.statement]
    asked = set().union(*(a.variables for a, _ in rule.heads)) - bound_by(rule.body, core)
    if rule.part == "rule" and asked and needed_by(rule.body, core) <= bound_by(rule.body, core, asked):
        for head in (atom for alternative in statement.heads for atom in alternative.atoms):
            found = [a for a in head.args if isinstance(a, Var) and a.name in asked]
            if found:
                return _query_binds(statement, head, found)
    return GroundingError(
        f"no order of the literals binds all variables of `{statement.label}`",
        code="NS408",
        note="a comparison, negation or network needs a variable that nothing binds",
    )


def _query_binds(statement: Rule, head: Atom, asked: list[Var]) -> GroundingError:
    names = " and ".join(dict.fromkeys(f"`{spelled(v)}`" for v in asked))
    one = len(set(asked)) == 1
    given = tuple(Const(5) if a in asked else a for a in head.args)
    return GroundingError(
        f"the argument{'' if one else 's'} {names} of `{head.predicate}/{len(head.args)}` "
        f"{'is' if one else 'are'} bound only by a query",
        code="NS422",
        note=f"rule `{statement.label}` ({statement.span}) calculates with {'it' if one else 'them'}, "
        "and nothing in its body says which values there are",
        help=f"ask for it with a value: `query({Printer().atom(Atom(head.predicate, given))})`",
    )


def _cost(literal: CoreLiteral, bound: set[str], core: CoreProgram, relation: Callable[[Key], Sized]) -> tuple | None:
    """A key to choose the next literal by; None if it cannot run yet."""
    if isinstance(literal, Scan):
        return _scan_cost(literal.atom, bound, core, relation)
    match literal:
        case Compare():
            return (0, 0) if _can_compare(literal, bound) else None
        case Builtin("between", (low, high, Var(target)), False):
            ready = variables_of(low) | variables_of(high) <= bound
            return (0 if target in bound else 3, 0) if ready else None
        case Builtin(_, args):
            return (0, 0) if set().union(*map(variables_of, args)) <= bound else None
        case ForeignCall(foreign, args, _, negated):
            # a function is dear: after what filters by facts, and before what widens the bindings
            needed = args if negated else literal.inputs
            return (2, -1, foreign.key) if set().union(*map(variables_of, needed)) <= bound else None
        case Negated(atom):
            return (1, 0) if atom.variables <= bound else None
        case AggregateStep():
            return (3, 0) if set(literal.group) <= bound else None
    raise AssertionError(literal)


def _scan_cost(atom: CoreAtom, bound: set[str], core: CoreProgram, relation: Callable[[Key], Sized]) -> tuple | None:
    asked = entity_inputs(atom, core) | (atom.variables if atom.key in core.demands else frozenset())
    if not asked <= bound:
        return None
    places = tuple([k for k, a in enumerate(atom.args) if not isinstance(a, str) or a in bound])
    facts = relation(atom.key)
    if atom.key in core.neural and places and not slot_inputs(atom, core) - bound:
        # a network has an answer to whatever it is asked, so it filters nothing: after all facts that may
        return (2, math.inf, facts.size)
    if len(places) == len(atom.args):
        return (1, facts.size)
    if atom.key in core.open:  # last, so that as little as possible is asked about
        return (5, len(atom.args) - len(places))
    if slot_inputs(atom, core) - bound:  # other literals may say which inputs are meant
        return (5, 0)
    if not places:
        return (4, facts.size)
    return (2, _fan_out(facts, places), facts.size)


def _fan_out(facts: Sized, places: tuple[int, ...]) -> float:
    """How many rows a binding of some columns will find: as measured if they were joined before, else a guess.

    The guess is that all columns together tell rows apart, each as well as the others.
    """
    measured = facts.spread(places)
    return facts.size ** (1 - len(places) / facts.arity) if measured is None else measured


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
        case Compare() | Builtin() | ForeignCall():
            return _reads(literal)
    return set()


def _reads(literal: CoreLiteral) -> set[str]:
    match literal:
        case Scan(atom) | Negated(atom):
            return set(atom.variables)
        case Compare(_, left, right):
            return variables_of(left) | variables_of(right)
        case Builtin(_, args) | ForeignCall(_, args):
            return set().union(*map(variables_of, args))
        case AggregateStep():
            return {*literal.group, literal.result}
    raise AssertionError(literal)
