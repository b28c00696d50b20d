"""Constraints as closed formulas, and what must hold for one to be true or false.

A prohibition says that no instance of its body holds. In a body, what occurs only inside a negation or braces is meant
to be there or not, whatever it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from neurosym.lang.ast import (
    Aggregate,
    And,
    Body,
    Comparison,
    Constraint,
    Exists,
    ForallIn,
    Formula,
    FormulaJunction,
    FormulaNot,
    Iff,
    Implies,
    Literal,
    Not,
    Or,
    Quantified,
)
from neurosym.lang.walk import body_variables
from neurosym.verify.rules.form import TooLarge
from neurosym.verify.rules.scope import renamed

MOST_SIDES = 256
Side = tuple[tuple[Literal | Comparison, bool], ...]  # what must be true, or false


@dataclass(frozen=True)
class Sentence:
    """A constraint: all instances of a formula hold, over some variables."""

    label: str
    variables: tuple[str, ...]
    formula: Formula


def label_of(constraint: Constraint) -> str:
    """What a constraint is called, `constraint` or `forbid` before its name or place."""
    word = "constraint" if constraint.forbids is None else "forbid"
    place = f"{constraint.span.file.rpartition('/')[2]}:{constraint.span.line}"
    return f"{word} {constraint.name or place}"


def sentence_of(constraint: Constraint) -> Sentence | None:
    """A constraint as a formula; None of a prohibition with an aggregate, which is none."""
    if constraint.formula is not None:
        formula = constraint.formula
    else:
        assert constraint.forbids is not None
        if any(isinstance(x, Aggregate) for x in _inside(constraint.forbids)):
            return None
        formula = FormulaNot(_as_formula(constraint.forbids, set()))
    names = dict.fromkeys(free(formula))
    while isinstance(formula, Quantified) and formula.quantifier == "forall":
        own = [v.name for v in formula.variables]
        if names.keys() & set(own):
            break  # one hides the other
        names |= dict.fromkeys(own)
        formula = formula.formula
    return Sentence(label_of(constraint), tuple(names), formula)


def _inside(body: Body) -> Iterator[Body]:
    yield body
    match body:
        case And(parts) | Or(parts):
            for part in parts:
                yield from _inside(part)
        case Not(inner) | Exists(inner):
            yield from _inside(inner)
        case ForallIn(left, right):
            yield from _inside(left)
            yield from _inside(right)


def _as_formula(body: Body, outside: set[str]) -> Formula:
    match body:
        case And(parts) | Or(parts):
            used = [{v.name for v in body_variables(p)} for p in parts]
            made = tuple(
                _as_formula(p, outside.union(*(u for j, u in enumerate(used) if j != k))) for k, p in enumerate(parts)
            )
            return FormulaJunction("and" if isinstance(body, And) else "or", made)
        case Not(inner):
            return FormulaNot(_quantified("exists", inner, _as_formula(inner, outside), outside))
        case Exists(inner):
            return _quantified("exists", inner, _as_formula(inner, outside), outside)
        case ForallIn(condition, then):
            both = outside | {v.name for v in body_variables(And((condition, then)))}
            whole = Implies(_as_formula(condition, both), _as_formula(then, both))
            return _quantified("forall", And((condition, then)), whole, outside)
    assert isinstance(body, Literal | Comparison)
    return body


def _quantified(word: str, body: Body, formula: Formula, outside: set[str]) -> Formula:
    inner = set(free(formula))
    own = {v.name: v for v in body_variables(body) if v.name in inner - outside}
    return Quantified(word, tuple(own.values()), formula) if own else formula


def free(formula: Formula, bound: frozenset[str] = frozenset()) -> Iterator[str]:
    """The variables that no quantifier inside binds, with repetitions."""
    if isinstance(formula, Literal | Comparison):
        yield from (v.name for v in body_variables(formula) if v.name not in bound)
    if isinstance(formula, Quantified):
        bound = bound | {v.name for v in formula.variables}
    for part in parts_of(formula):
        yield from free(part, bound)


def literals(formula: Formula, bound: frozenset[str] = frozenset()) -> Iterator[tuple[Literal, frozenset[str]]]:
    """Each literal, with the variables that quantifiers around it bind."""
    if isinstance(formula, Literal):
        yield formula, bound
    if isinstance(formula, Quantified):
        bound = bound | {v.name for v in formula.variables}
    for part in parts_of(formula):
        yield from literals(part, bound)


def parts_of(formula: Formula) -> tuple[Formula, ...]:
    """The operands of a connective or quantifier; none of a literal."""
    match formula:
        case FormulaNot(inner):
            return (inner,)
        case FormulaJunction():
            return formula.parts
        case Implies(left, right) | Iff(left, right):
            return left, right
        case Quantified():
            return (formula.formula,)
    return ()


def quantified(formula: Formula) -> Iterator[Quantified]:
    """The outermost quantifiers of a formula."""
    if isinstance(formula, Quantified):
        yield formula
        return
    for part in parts_of(formula):
        yield from quantified(part)


def sides(formula: Formula, truth: bool) -> list[Side]:
    """Alternatives of which one is so wherever a formula has a truth value.

    What a quantifier inside says restricts nothing where all of its instances would have to be looked at.

    Raises:
        TooLarge: there are too many.
    """
    match formula:
        case Literal() | Comparison():
            return [((formula, truth),)]
        case FormulaNot(inner):
            return sides(inner, not truth)
        case FormulaJunction():
            return _joined([sides(p, truth) for p in formula.parts], (formula.op == "and") == truth)
        case Implies(left, right):
            return _joined([sides(left, not truth), sides(right, truth)], not truth)
        case Iff(left, right):
            same = [_joined([sides(left, x), sides(right, x == truth)], True) for x in (True, False)]
            return _joined(same, False)
        case Quantified():
            if (formula.quantifier == "exists") != truth:
                return [()]
            return sides(_apart(formula), truth)
    raise AssertionError(formula)


def _joined(parts: list[list[Side]], every: bool) -> list[Side]:
    """One alternative of each part together, or those of all of them."""
    if not every:
        return [s for part in parts for s in part]
    count = 1
    for part in parts:
        count *= len(part)
    if count > MOST_SIDES:
        raise TooLarge("the alternatives under which a constraint can fail")
    return [tuple(dict.fromkeys(x for side in chosen for x in side)) for chosen in product(*parts)]


_fresh = iter(range(1 << 62))


def _apart(formula: Quantified) -> Formula:
    """The formula inside, with variables that nothing else has."""
    number = next(_fresh)
    return _renamed(formula.formula, {v.name: f"{v.name} #{number}" for v in formula.variables})


def _renamed(formula: Formula, new: dict[str, str]) -> Formula:
    match formula:
        case FormulaNot(inner):
            return FormulaNot(_renamed(inner, new))
        case FormulaJunction():
            return FormulaJunction(formula.op, tuple(_renamed(p, new) for p in formula.parts))
        case Implies(left, right):
            return Implies(_renamed(left, new), _renamed(right, new))
        case Iff(left, right):
            return Iff(_renamed(left, new), _renamed(right, new))
        case Quantified():
            own = {v.name for v in formula.variables}
            inner = _renamed(formula.formula, {k: v for k, v in new.items() if k not in own})
            return Quantified(formula.quantifier, formula.variables, inner)
    return renamed(formula, new)  # pyright: ignore[reportReturnType] - a literal stays one


__all__ = ["Sentence", "Side", "free", "label_of", "literals", "parts_of", "quantified", "sentence_of", "sides"]
