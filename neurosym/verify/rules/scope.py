"""Which variables a term or body has, which tell groundings apart, and the alternatives of a body with `or`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product

from neurosym.lang.ast import (
    Aggregate,
    And,
    Arithmetic,
    Atom,
    Body,
    Comparison,
    Const,
    Exists,
    ForallIn,
    Literal,
    NeuralDecl,
    Not,
    Or,
    PredicateDecl,
    Term,
    Var,
)
from neurosym.lang.builtins import SLOT_TYPES
from neurosym.lang.walk import variables
from neurosym.verify.rules.form import (
    BodyLiteral,
    Called,
    Compared,
    Counted,
    Key,
    Negative,
    Positive,
    Tested,
)


def names(term: Term) -> set[str]:
    """Variables of a term."""
    return {v.name for v in variables(term)}


def local(aggregate: Aggregate) -> set[str]:
    """Variables of a template, which are local to its braces."""
    return set().union(*map(names, aggregate.template))


def visible(body: Body) -> set[str]:
    """Variables of a body but those of templates."""
    match body:
        case Literal(atom):
            return set().union(*map(names, atom.args))
        case Comparison(_, left, right):
            return names(left) | names(right)
        case Not(inner) | Exists(inner):
            return visible(inner)
        case ForallIn(left, right):
            return visible(left) | visible(right)
        case And(parts) | Or(parts):
            return set().union(*map(visible, parts))
        case Aggregate():
            return names(body.result) | (visible(body.body) - local(body))


def choosing(body: Body) -> set[str]:
    """Variables that tell groundings apart: not those local to a negation, an aggregate or a quantifier."""
    match body:
        case And(parts) | Or(parts):
            return set().union(*map(choosing, parts))
        case Not() | Exists() | ForallIn():
            return set()
        case Aggregate():
            return names(body.result)
    return visible(body)


def alternatives(body: Body) -> Iterator[tuple[Body, ...]]:
    """Every way to choose one part of each disjunction, in the order in which they are written."""
    if isinstance(body, Or):
        for part in body.parts:
            yield from alternatives(part)
    elif isinstance(body, And):
        for chosen in product(*(list(alternatives(p)) for p in body.parts)):
            yield tuple(x for parts in chosen for x in parts)
    else:
        yield (body,)


def plainly_negated(atom: Atom, others: set[str]) -> bool:
    """Whether a negated atom is a literal by itself: no arithmetic, no local variable twice."""
    inner = [t.name for t in atom.args if isinstance(t, Var) and t.name not in others]
    return len(inner) == len(set(inner)) and not any(isinstance(t, Arithmetic) for t in atom.args)


def renamed_term(term: Term, new: dict[str, str]) -> Term:
    """A term with some of its variables renamed."""
    match term:
        case Var(name):
            return Var(new.get(name, name), term.mark)
        case Arithmetic(op, args):
            return Arithmetic(op, tuple(renamed_term(a, new) for a in args))
        case Const():
            return term


def renamed(body: Body, new: dict[str, str]) -> Body:
    """A body with some of its variables renamed."""
    match body:
        case Literal(atom):
            return Literal(Atom(atom.predicate, tuple(renamed_term(t, new) for t in atom.args)))
        case Comparison(op, left, right):
            return Comparison(op, renamed_term(left, new), renamed_term(right, new))
        case Not(inner):
            return Not(renamed(inner, new))
        case Exists(inner):
            return Exists(renamed(inner, new))
        case ForallIn(left, right):
            return ForallIn(renamed(left, new), renamed(right, new))
        case And(parts):
            return And(tuple(renamed(p, new) for p in parts))
        case Or(parts):
            return Or(tuple(renamed(p, new) for p in parts))
        case Aggregate(function, template, inner, op, result):
            outer = {k: v for k, v in new.items() if k not in local(body)}
            return Aggregate(function, template, renamed(inner, outer), op, renamed_term(result, new))


class Asked:
    """Predicates that are asked about what other literals bind: networks and open predicates."""

    def __init__(self, neural: dict[Key, NeuralDecl], opened: dict[Key, PredicateDecl]) -> None:
        self.neural, self.opened = neural, opened

    def needs(self, literal: Positive) -> set[str]:
        """Variables of a literal that others must bind."""
        opened = self.opened.get(literal.key)
        if opened is not None:
            pairs = zip(literal.args, opened.args, strict=False)
            return {a for a, d in pairs if isinstance(a, str) and not d.type.enumerates}
        neural = self.neural.get(literal.key)
        if neural is None:
            return set()
        inputs = neural.args if neural.values is None else neural.args[:-1]
        pairs = zip(literal.args, inputs, strict=False)
        return {a for a, d in pairs if isinstance(a, str) and d.type.kind not in SLOT_TYPES}


def bound_by(body: Sequence[BodyLiteral], asked: Asked, given: Iterable[str] = ()) -> set[str]:
    """Variables that a flat body binds, in whatever order; the given ones are bound."""
    bound = set(given)
    for x in body:
        if isinstance(x, Positive):
            bound |= {a for a in x.args if isinstance(a, str)} - asked.needs(x)
    before = -1
    while len(bound) != before:
        before = len(bound)
        for x in body:
            bound |= binds(x, bound)
    return bound


def binds(literal: BodyLiteral, bound: set[str]) -> set[str]:
    """What a comparison, generator, function or aggregate binds, once some variables are bound."""
    match literal:
        case Compared("=" | "is", left, right, False):
            for target, value in ((left, right), (right, left)):
                if isinstance(target, Var) and names(value) <= bound:
                    return {target.name}
        case Tested("between", (low, high, Var(target)), False):
            if names(low) | names(high) <= bound:
                return {target}
        case Called(foreign, args, False):
            if set().union(*(names(args[k]) for k in foreign.inputs)) <= bound:
                return {a.name for k, a in enumerate(args) if isinstance(a, Var) and k in foreign.outputs}
        case Counted():
            if bound.issuperset(literal.group):
                return {literal.variable}
    return set()


def needed_by(body: Sequence[BodyLiteral], asked: Asked) -> set[str]:
    """Variables that must be bound for all literals to be evaluated."""
    needed: set[str] = set()
    for x in body:
        match x:
            case Positive():
                needed |= asked.needs(x)
            case Negative(_, args):
                needed |= {a for a in args if isinstance(a, str)}
            case Compared(_, left, right):
                needed |= names(left) | names(right)
            case Tested(_, args) | Called(_, args):
                needed = needed.union(*map(names, args))
            case Counted():
                needed |= set(x.group)
    return needed
