"""A ground program with everything that is computed once for it: leaf sources, and an evaluator for each query."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from neurosym.errors import SemanticsError
from neurosym.grounding import DerivationGraph
from neurosym.lang.ast import Atom, Const, Var
from neurosym.lang.terms import Value
from neurosym.reasoner.leaves import Leaves
from neurosym.semantics import Evaluator, Exact, Semiring
from neurosym.semantics.exact import Shape, Solution

Evidence = tuple[tuple[int, bool], ...]


class Grounded:
    """The graph of a program over facts, and the evaluators made for it so far."""

    def __init__(self, graph: DerivationGraph, leaves: Leaves, max_circuit: int) -> None:
        self.graph = graph
        self.leaves = leaves
        self.max_circuit = max_circuit
        self._evaluators: dict[object, Exact | Evaluator] = {}
        self._solutions: dict[Shape, Solution] = {}

    @cached_property
    def facts_sha256(self) -> str:
        """A hash of the input facts."""
        return self.leaves.facts.sha256()

    def evaluator(self, facts: Sequence[int], evidence: Evidence, semantics: Semiring | None) -> Exact | Evaluator:
        """The evaluator of some facts; None stands for the exact semantics."""
        key = (tuple(facts), evidence, None if semantics is None else type(semantics))
        if key not in self._evaluators:
            if semantics is None:
                self._evaluators[key] = Exact(self.graph, facts, evidence, self.max_circuit, self._solutions)
            else:
                self._evaluators[key] = Evaluator(self.graph, np.array(facts, np.int32), semantics)
        return self._evaluators[key]

    def matches(self, atom: Atom) -> list[int]:
        """Ids of the facts that match an atom, whose variables may repeat."""
        key, args = self._resolve(atom)
        ids: list[int | None] = []
        for term in args:
            if isinstance(term, Const):
                found = self.graph.symbols.find(term.value)
                if found is None:
                    return []
                ids.append(found)
            else:
                ids.append(None)
        facts = self.graph.find(key, tuple(ids)).tolist()
        names = [t.name if isinstance(t, Var) and not t.anonymous else None for t in args]
        same = [[k for k, n in enumerate(names) if n == name] for name in set(names) if name is not None]
        return [f for f in facts if all(len({self.graph.args(f)[k] for k in group}) == 1 for group in same)]

    def values(self, atom: Atom, fact: int) -> tuple[Value, ...]:
        """The arguments of a fact in the order of the atom that it matches."""
        values = tuple(self.graph.symbols.values(self.graph.args(fact)))
        if self.graph.key(fact) == ("triple", 3) and atom.key[0].startswith("<"):
            return (values[0],) if len(atom.args) == 1 else (values[0], values[2])
        return values

    def spell(self, atom: Atom) -> str:
        """A ground atom as the answers spell it."""
        key, args = self._resolve(atom)
        ids = tuple(-1 if not isinstance(t, Const) else self.graph.symbols.intern(t.value) for t in args)
        return self.graph.spell(key, ids)

    def _resolve(self, atom: Atom) -> tuple[tuple[str, int], tuple]:
        """The predicate and arguments under which the graph keeps an atom."""
        from neurosym.facts import RDF_TYPE
        from neurosym.lang.terms import Iri

        program = self.graph.program
        key = program.aliases.get(atom.key, atom.key)
        if program.triple_mode and key[0].startswith("<") and key[1] in (1, 2):
            relation = Const(Iri(key[0][1:-1]))
            if key[1] == 1:
                return ("triple", 3), (atom.args[0], Const(Iri(RDF_TYPE)), relation)
            return ("triple", 3), (atom.args[0], relation, atom.args[1])
        return key, atom.args

    def evidence(self, observed: Sequence[tuple[Atom, bool]]) -> Evidence:
        """Evidence as (fact id, observed true).

        Raises:
            SemanticsError: an atom that cannot be derived was observed true.
        """
        result: dict[int, bool] = {}
        for atom, positive in observed:
            facts = self.matches(atom)
            if not facts and positive:
                raise SemanticsError(
                    "the evidence cannot be: it has probability 0", code="NS502",
                    note=f"{self.spell(atom)} cannot be derived, and was observed to be true",
                    help="take back the observation, or check the spelling of its constants",
                )  # fmt: skip
            for fact in facts:
                if result.get(fact, positive) != positive:
                    raise SemanticsError(
                        "the evidence cannot be: it has probability 0", code="NS502",
                        note=f"{self.graph.atom(fact)} was observed both true and false",
                    )  # fmt: skip
                result[fact] = positive
        return tuple(sorted(result.items()))


