"""Rules as lists of literals: what must hold for each, by where the answer to that is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from neurosym.grounding.bodies import variables_of
from neurosym.lang.ast import (
    Aggregate,
    And,
    Arithmetic,
    Atom,
    Body,
    Comparison,
    Const,
    Exists,
    Literal,
    Not,
    Or,
    Program,
    Rule,
    Term,
    Var,
)
from neurosym.lang.terms import term_key
from neurosym.lang.walk import atom_variables, body_variables, built_in, conjuncts

# `result op count{…}` with its sides exchanged; an equation compares here, as numbers
_CONVERSE = {"=": "=:=", "is": "=:=", "<": ">", ">": "<", "=<": ">=", ">=": "=<"}
VARIANTS = 16  # of a rule with disjunctions


@dataclass(frozen=True, eq=False)
class Part:
    """A literal of a rule.

    Attributes:
        body: as it is written, with the head's values filled in; `exception`: the exception that must
            not apply, or None.
        kind: `atom` and `negated`, looked up among the facts; `comparison`; `asked`, anything else, which is asked
            once its variables have their values.
        atom: of the first two, with a variable in place of each expression.
    """

    body: Body
    kind: str
    atom: Atom | None = None
    exception: Rule | None = None

    @property
    def variables(self) -> set[str]:
        """The variables that occur in it."""
        return {v.name for v in body_variables(self.body)}


Canonical = Callable[[Atom], tuple[tuple[str, int], tuple[Term, ...]]]


def heads_of(rule: Rule, goal: Atom, canonical: Canonical) -> Iterator[tuple[int, dict[str, Const], list[Body]]]:
    """Which of a rule's alternatives can be the goal, what its variables are then, and what more must be equal.

    Args:
        canonical: an atom → its predicate and arguments under the name that holds its facts.
    """
    key, args = canonical(goal)
    for number, alternative in enumerate(rule.heads):
        for head in alternative.atoms:
            other, terms = canonical(head)
            if other == key:
                found = _unified(terms, args)
                if found is not None:
                    yield number, *found


def _unified(terms: tuple[Term, ...], args: tuple[Term, ...]) -> tuple[dict[str, Const], list[Body]] | None:
    values: dict[str, Const] = {}
    equal: list[Body] = []
    for term, arg in zip(terms, args, strict=True):
        if not isinstance(arg, Const):
            continue
        if isinstance(term, Var):
            if term_key(values.setdefault(term.name, arg).value) != term_key(arg.value):
                return None
        elif isinstance(term, Arithmetic):
            equal.append(Comparison("=", arg, term))
        elif term_key(term.value) != term_key(arg.value):
            return None
    return values, equal


def variants(rule: Rule, program: Program, asked: frozenset) -> list[list[Part]]:
    """The literals of a rule, once for each way through its disjunctions; its exceptions are literals too.

    Args:
        asked: predicates whose atoms are asked about rather than looked up.
    """
    exceptions = _exceptions(rule, program)
    computed = built_in(program)
    made = []
    head = {v.name for h in rule.heads for a in h.atoms for v in atom_variables(a)}
    for literals in islice(_alternatives(rule.body), VARIANTS):
        parts: list[Part] = []
        for number, literal in enumerate(_opened(literals, head)):
            parts += _parts(literal, number, asked, set(computed))
        parts += [Part(Not(_applies(e, program)), "asked", None, e) for e in exceptions]
        made.append(parts)
    return made


def _exceptions(rule: Rule, program: Program) -> list[Rule]:
    return [e for e in program.rules if e.exception_to is not None and e.exception_to == rule.name]


def _applies(exception: Rule, program: Program) -> Body:
    """The body of an exception, without what its own exceptions take from it."""
    inner = tuple(Not(_applies(e, program)) for e in _exceptions(exception, program))
    return And((*conjuncts(exception.body), *inner)) if inner else exception.body


def _alternatives(body: Body) -> Iterator[list[Body]]:
    match body:
        case And(parts):
            if not parts:
                yield []
                return
            for first in _alternatives(parts[0]):
                for rest in _alternatives(And(parts[1:])):
                    yield [*first, *rest]
        case Or(parts):
            for part in parts:
                yield from _alternatives(part)
        case _:
            yield [body]


def _opened(literals: list[Body], head: set[str]) -> list[Body]:
    """The literals with those in `exists{…}` in its place, where its variables occur nowhere else."""
    found: list[Body] = []
    for k, literal in enumerate(literals):
        if isinstance(literal, Exists):
            others = (*literals[:k], *literals[k + 1 :])
            outside = head | {v.name for o in others for v in body_variables(o)}
            inside = next(_alternatives(literal.body), [])
            bound = {v.name for b in inside if isinstance(b, Literal) for v in body_variables(b)}
            simple = not isinstance(literal.body, Or) and not any(isinstance(b, Or) for b in inside)
            if simple and not {v.name for v in body_variables(literal.body)} & outside & bound - head:
                found += inside
                continue
        found.append(literal)
    return found


def _parts(literal: Body, number: int, asked: frozenset, computed: set) -> list[Part]:
    match literal:
        case Literal(atom) if atom.key not in asked and atom.key not in computed:
            looked_up, equal = _without_expressions(atom)
            return [Part(literal, "atom", looked_up), *(Part(e, "comparison") for e in equal)]
        case Not(Literal(atom)) if atom.key not in asked and atom.key not in computed:
            if not any(isinstance(t, Arithmetic) for t in atom.args):
                return [Part(literal, "negated", atom)]
        case Comparison():
            return [Part(literal, "comparison")]
        case Aggregate(function, template, body, op, result) if op not in ("=", "is") or not isinstance(result, Var):
            # `count{…} >= 3` is what the count is, and whether that is enough
            found = Var(f"#{function} {number}")
            return [
                Part(Aggregate(function, template, body, "=", found), "asked"),
                Part(Comparison(_CONVERSE.get(op, op), found, result), "comparison"),
            ]
    return [Part(literal, "asked")]


def _without_expressions(atom: Atom) -> tuple[Atom, list[Comparison]]:
    args: list[Term] = []
    equal: list[Comparison] = []
    for k, term in enumerate(atom.args):
        if isinstance(term, Arithmetic):
            variable = Var(f"#{atom.predicate} {k} {sorted(variables_of(term))}")
            equal.append(Comparison("=", variable, term))
            term = variable
        args.append(term)
    return Atom(atom.predicate, tuple(args)), equal


def derived_predicates(program: Program) -> set[tuple[str, int]]:
    """Predicates that a rule with a body derives."""
    return {a.key for r in program.rules if not r.is_fact for h in r.heads for a in h.atoms}


__all__ = ["Part", "derived_predicates", "heads_of", "variants"]
