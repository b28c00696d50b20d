r"""Queries for more than an atom: `\+ a`, and bodies such as `a, b(X)`.

A body is asked through a rule of its own at the end of the program, so that grounding, the exact engine, every algebra
and explanations treat it as any other rule. Programs that hold such rules are kept, with what was grounded for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from neurosym.errors import DataError, RuleError
from neurosym.grounding import DerivationGraph, evaluated
from neurosym.grounding.core import CoreAtom
from neurosym.lang import parse_query
from neurosym.lang.ast import Atom, Const, Literal, Not, Program, Query, Var
from neurosym.lang.checker import recheck
from neurosym.lang.questions import query_of
from neurosym.lang.walk import body_atoms

if TYPE_CHECKING:
    from torch import Tensor

    from neurosym.reasoner.reasoner import Reasoner

MAX_PROGRAMS = 64  # with rules for queries, kept for those asked before; the oldest goes first


class Joint:
    """What a reasoner was asked beside atoms."""

    def __init__(self, reasoner: Reasoner) -> None:
        self._reasoner = [reasoner]  # in a list: torch would take a module for a part of this one
        self._parsed: dict[str, Query] = {}
        self._asking: dict[tuple[str, ...], Reasoner] = {}

    def asking(
        self,
        queries: Sequence[str | Atom],
        inputs: Mapping[str, Tensor],
        closed_networks: bool,
        unground: bool = False,
    ) -> tuple[Reasoner, tuple[Atom, ...]]:
        """The reasoner whose program answers the queries (the program's own, if there are none), and their atoms.

        Args:
            unground: nothing may be grounded: for the negations of an atom's answers the atom is asked.
        """
        (reasoner,) = self._reasoner
        given = [Query(reasoner.atom(q)) if isinstance(q, Atom) else self.parsed(q) for q in queries]
        asked = given or list(reasoner.program.queries)
        known = {q.atom.key for q in reasoner.program.queries if q.rule is not None}
        found: list[Query] = []
        for query in asked:
            if query.each:
                found += [Query(query.atom)] if unground else self._each(query, inputs, closed_networks)
            else:
                found.append(query)
        new = {q.atom.predicate: q for q in found if q.rule is not None and q.atom.key not in known}
        atoms = tuple(q.atom if q.body is not None else reasoner.atom(q.atom) for q in found)
        return (self._extended(new) if new else reasoner), atoms

    def parsed(self, text: str) -> Query:
        """A query given as text."""
        (reasoner,) = self._reasoner
        if text not in self._parsed:
            prefixes = reasoner.facts.prefixes | reasoner.program.prefixes
            query = parse_query(text, prefixes, reasoner.program.dialect)
            self._parsed[text] = query if query.body is not None else replace(query, atom=evaluated(query.atom))
        return self._parsed[text]

    def observed(self, evidence: Mapping[str, bool] | Iterable[str] | None) -> list[tuple[Atom, bool]]:
        """Evidence as atoms, observed true or false.

        Raises:
            RuleError: NS129 a conjunction was observed.
        """
        (reasoner,) = self._reasoner
        pairs = evidence.items() if isinstance(evidence, Mapping) else [(e, True) for e in evidence or ()]
        made: list[tuple[Atom, bool]] = []
        for text, holds in pairs:
            body = self.parsed(text).body
            if isinstance(body, Not) and isinstance(body.body, Literal):
                made.append((reasoner.atom(body.body.atom), not holds))
            else:
                made.append((reasoner.atom(text), holds))
        return made

    def _each(self, query: Query, inputs: Mapping[str, Tensor], closed_networks: bool) -> list[Query]:
        """The negations of all answers of an atom."""
        (reasoner,) = self._reasoner
        atom = reasoner.atom(query.atom)
        reasoner.check_known(atom)
        asked = (atom, *(reasoner.atom(e.atom) for e in reasoner.program.evidence))
        grounded = reasoner.grounded(dict(inputs), asked, closed_networks=closed_networks)
        found = grounded.found((atom,), closed_networks)
        return [query_of(Not(Literal(_ground(atom, args))), query.span) for args in found.args]

    def _extended(self, new: Mapping[str, Query]) -> Reasoner:
        """The reasoner with rules for the bodies of some queries."""
        (reasoner,) = self._reasoner
        key = tuple(new)
        kept = self._asking.get(key)
        if kept is None or kept.facts is not reasoner.facts:
            for query in new.values():
                for atom, _ in body_atoms(query.body or Literal(query.atom)):
                    if atom.key not in reasoner.program.foreign_predicates and not _built_in(reasoner.program, atom):
                        reasoner.check_known(atom)
            statements = (*reasoner.program.statements, *new.values())
            known = frozenset({*(reasoner.program.facts_predicates or ()), *reasoner.facts.predicates})
            program = _checked(replace(reasoner.program, statements=statements, facts_predicates=known), new)
            while len(self._asking) >= MAX_PROGRAMS:
                del self._asking[next(iter(self._asking))]
            kept = self._asking[key] = reasoner.over(reasoner.facts, program=program)
        kept.progress, kept.semantics = reasoner.progress, reasoner.semantics
        return kept


def _checked(program: Program, new: Mapping[str, Query]) -> Program:
    """The program with its new queries checked; what is wrong with the rest was said when it was read."""
    try:
        return recheck(program)
    except RuleError as error:
        faults = [d for d in error.diagnostics if d.severity == "error" and d.span is not None]
        own = [
            replace(d, source=next(iter(new))[3:]) for d in faults if d.span is not None and d.span.file == "<query>"
        ]
        raise RuleError(own or faults) from None


def _built_in(program: Program, atom: Atom) -> bool:
    from neurosym.lang.walk import built_in

    return atom.key in built_in(program)


def _ground(atom: Atom, args: Sequence[object]) -> Atom:
    return replace(atom, args=tuple(Const(value) for value in args))  # pyright: ignore[reportArgumentType]


def spelled_in(graph: DerivationGraph, text: str) -> str:
    """An answer, given as text, in the spelling of the graph's program: spacing does not matter.

    Raises:
        DataError: it is no ground atom or body.
    """
    notation = graph.program.notation
    query = parse_query(text, graph.prefixes, notation.dialect)
    if query.body is not None:
        return notation.printer(graph.prefixes).body(query.body)
    if any(isinstance(t, Var) for t in query.atom.args):
        raise DataError(f"`{text}` is not among the answers", code="NS611", note="it has variables")
    atom = evaluated(query.atom)
    values = [t.value for t in atom.args if isinstance(t, Const)]
    ids = tuple(graph.symbols.intern(v) for v in values)
    core = graph.program.canonical(CoreAtom(atom.key, ids), graph.symbols)
    return graph.spell(core.key, tuple(a if isinstance(a, int) else -1 for a in core.args))


__all__ = ["Joint", "spelled_in"]
