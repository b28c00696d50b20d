"""Under which predicate the facts of an atom are, and how a fact is spelled.

An RDF atom has several spellings: `ex:p(S, O)`, `triple(S, ex:p, O)`, and a declared name `pred p(…) from ex:p`. Where
a program ranges over predicates, all of them are facts of `triple/3`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neurosym.lang.ast import Program, Term
from neurosym.lang.builtins import TRIPLE
from neurosym.lang.terms import RDF, Iri, Value, predicate_of_iri
from neurosym.verify.rules.form import Key, Part, Pattern, Row
from neurosym.verify.rules.terms import Terms
from neurosym.verify.rules.values import evaluate

TYPE = RDF + "type"
TYPE_PREDICATE = (predicate_of_iri(TYPE), 2)


class Names:
    """Spelling and identity of atoms.

    Attributes:
        triples: whether RDF atoms are facts of `triple/3`.
    """

    def __init__(self, program: Program, terms: Terms, prefixes: Mapping[str, str], triples: bool) -> None:
        self.terms, self.triples = terms, triples
        self.notation, self.prefixes = program.notation, prefixes
        self.aliases: dict[tuple[str, int], tuple[str, int]] = {}
        for key, declaration in program.declarations.items():
            if declaration.iri is not None:
                iri = (predicate_of_iri(declaration.iri), key[1])
                self.aliases |= {key: iri} if triples else {iri: key}
        self._printer = self.notation.printer(prefixes)

    def canonical(self, key: Key, args: tuple[Any, ...]) -> tuple[Key, tuple[Any, ...]]:
        """An atom under the predicate that holds its facts."""
        if isinstance(key, Part):
            return key, args
        key = self.aliases.get(key, key)
        if key == TRIPLE and (iri := self._iri(args[1])):
            key, args = (predicate_of_iri(iri), 2), (args[0], args[2])
        if key == TYPE_PREDICATE and (iri := self._iri(args[1])):
            key, args = (predicate_of_iri(iri), 1), args[:1]
        key = self.aliases.get(key, key)
        if not self.triples or not key[0].startswith("<") or key[1] not in (1, 2):
            return key, args
        term = self.terms.number(Iri(key[0][1:-1]))
        if key[1] == 1:
            return TRIPLE, (args[0], self.terms.number(Iri(TYPE)), term)
        return TRIPLE, (args[0], term, args[1])

    def predicate(self, key: tuple[str, int]) -> Key:
        """The predicate that holds the facts of another, whatever their arguments."""
        key = self.aliases.get(key, key)
        return TRIPLE if self.triples and key[0].startswith("<") and key[1] in (1, 2) else key

    def constant(self, term: Term) -> Value:
        """The value of a term without variables; a number is a float, as weights are."""
        value = evaluate(term, {})
        return float(value) if isinstance(value, int | float) else value

    def number(self, term: Term) -> int:
        """The number of the value of a term without variables."""
        return self.terms.number(evaluate(term, {}))

    def spell(self, key: Key, row: Row | Pattern) -> str:
        """A visible atom as the program's answers spell it; None is a wildcard."""
        assert not isinstance(key, Part)
        values = [None if n is None else self.terms.value(n) for n in row]
        if key == TRIPLE and isinstance(relation := values[1], Iri):
            key, values = (predicate_of_iri(relation.value), 2), [values[0], values[2]]
        return self.notation.atom(key, values, self.prefixes)

    def spell_terms(self, row: Row | Pattern) -> tuple[str, ...]:
        """The terms of a row, spelled; None is a wildcard."""
        return tuple("_" if n is None else self._printer.value(self.terms.value(n)) for n in row)

    def _iri(self, argument: object) -> str | None:
        value = self.terms.value(argument) if isinstance(argument, int) else None
        return value.value if isinstance(value, Iri) else None
