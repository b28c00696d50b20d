"""Which rules of a program are plain facts: one ground atom, certain or with a constant probability.

Data come as thousands of them, and what a check or the normal form says of one, it says of all of its predicate. So
they are told apart once, and whoever walks the rules afterwards walks the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from neurosym.lang.ast import TRUE, Atom, Const, Rule, Weight
from neurosym.lang.builtins import TRIPLE
from neurosym.lang.walk import Key, is_iri_predicate


@dataclass(frozen=True, slots=True)
class PlainFacts:
    """The plain facts among a program's rules.

    Attributes:
        predicates: for each rule its predicate where it is a plain fact, else None.
        keys: the predicates that have plain facts.
        others: all other rules, in order.
    """

    predicates: tuple[Key | None, ...]
    keys: frozenset[Key]
    others: tuple[Rule, ...]


def plain_facts(rules: Sequence[Rule]) -> PlainFacts:
    """The plain facts among the rules."""
    known: dict[Key, Key | None] = {}
    predicates: list[Key | None] = []
    others: list[Rule] = []
    for rule in rules:
        atom = _plain_atom(rule)
        key = None
        if atom is not None:
            key = (atom.predicate, len(atom.args))
            if key not in known:
                # Those of RDF go by several names, and say what their arity may be.
                known[key] = None if key == TRIPLE or is_iri_predicate(key[0]) else key
            key = known[key]
        predicates.append(key)
        if key is None:
            others.append(rule)
    return PlainFacts(tuple(predicates), frozenset(key for key in known.values() if key is not None), tuple(others))


def _plain_atom(rule: Rule) -> Atom | None:
    heads = rule.heads
    if rule.body is not TRUE or len(heads) != 1 or rule.name is not None:
        return None
    if rule.exception_to is not None or rule.because is not None or len(heads[0].atoms) != 1:
        return None
    weight, atom = heads[0].weight, heads[0].atoms[0]
    if weight is not None and not _is_probability(weight):
        return None
    for arg in atom.args:
        if type(arg) is not Const:
            return None
    return atom


def _is_probability(weight: Weight) -> bool:
    term = weight.value
    if weight.learn or not isinstance(term, Const) or type(term.value) not in (int, float):
        return False
    return 0 <= term.value <= 1  # pyright: ignore[reportOperatorIssue]
