"""Walks over terms, bodies and formulas: variables, and atoms with the sign under which they occur."""

from __future__ import annotations

from collections.abc import Iterator

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
    Formula,
    FormulaJunction,
    FormulaNot,
    Iff,
    Implies,
    Literal,
    Not,
    Or,
    Program,
    Quantified,
    Rule,
    Term,
    Var,
)
from neurosym.lang.builtins import PREDICATES

Key = tuple[str, int]


def built_in(program: Program) -> dict[Key, frozenset[int]]:
    """The predicates that are built in or that Python functions answer → the positions that they bind."""
    return PREDICATES | {key: frozenset(foreign.outputs) for key, foreign in program.foreign_predicates.items()}


def variables(term: Term) -> Iterator[Var]:
    """Each occurrence of a variable in a term, in order."""
    if isinstance(term, Var):
        yield term
    elif isinstance(term, Arithmetic):
        for arg in term.args:
            yield from variables(arg)


def atom_variables(atom: Atom) -> Iterator[Var]:
    """Each occurrence of a variable in an atom."""
    for arg in atom.args:
        yield from variables(arg)


NO_CALCULATION = "ask for the argument itself, `p(Y)`, or derive what is meant by a rule: `q(X) :- p(Y), X is Y - 1.`"


def calculates_with(atom: Atom) -> Arithmetic | None:
    """The first argument that is an expression with a variable in it: what is asked is looked up, not solved for."""
    for arg in atom.args:
        if isinstance(arg, Arithmetic) and next(variables(arg), None) is not None:
            return arg
    return None


def body_variables(body: Body | Formula) -> Iterator[Var]:
    """Each occurrence of a variable in a body or formula, those local to braces included."""
    match body:
        case Literal(atom):
            yield from atom_variables(atom)
        case Comparison():
            yield from variables(body.left)
            yield from variables(body.right)
        case Aggregate():
            yield from variables(body.result)
            for term in body.template:
                yield from variables(term)
            yield from body_variables(body.body)
        case Exists(inner) | Not(inner) | FormulaNot(inner):
            yield from body_variables(inner)
        case ForallIn(left, right) | Implies(left, right) | Iff(left, right):
            yield from body_variables(left)
            yield from body_variables(right)
        case And(parts) | Or(parts):
            for part in parts:
                yield from body_variables(part)
        case FormulaJunction():
            for part in body.parts:
                yield from body_variables(part)
        case Quantified():
            yield from body.variables
            yield from body_variables(body.formula)


def body_atoms(body: Body | Formula, kind: str = "") -> Iterator[tuple[Atom, str]]:
    """Each atom of a body with how the body depends on it: `` (positively), `negation` or `aggregate`.

    The condition of a `forall{…}` and what follows from it are both read through a negation.
    """
    match body:
        case Literal(atom):
            yield atom, kind
        case Aggregate():
            yield from body_atoms(body.body, kind or "aggregate")
        case Exists(inner):
            yield from body_atoms(inner, kind)
        case Not(inner):
            yield from body_atoms(inner, kind or "negation")
        case ForallIn(left, right):
            yield from body_atoms(left, kind or "negation")
            yield from body_atoms(right, kind or "negation")
        case And(parts) | Or(parts):
            for part in parts:
                yield from body_atoms(part, kind)
        case FormulaNot(inner):
            yield from body_atoms(inner, kind)
        case FormulaJunction():
            for part in body.parts:
                yield from body_atoms(part, kind)
        case Implies(left, right) | Iff(left, right):
            yield from body_atoms(left, kind)
            yield from body_atoms(right, kind)
        case Quantified():
            yield from body_atoms(body.formula, kind)


def conjuncts(body: Body) -> tuple[Body, ...]:
    """The parts of a conjunction; of anything else, it alone."""
    return body.parts if isinstance(body, And) else (body,)


def head_atoms(rule: Rule) -> Iterator[Atom]:
    """The atoms that a rule concludes."""
    for alternative in rule.heads:
        yield from alternative.atoms


def is_iri_predicate(name: str) -> bool:
    """Whether the name stands for an RDF class or property."""
    return name.startswith("<") and name.endswith(">")


def constants(atom: Atom) -> Iterator[tuple[int, Const]]:
    """The constants among an atom's arguments, with their positions."""
    for i, arg in enumerate(atom.args):
        if isinstance(arg, Const):
            yield i, arg
