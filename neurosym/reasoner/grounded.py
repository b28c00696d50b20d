"""A ground program with everything that is computed once for it: leaf sources, and an evaluator for each query."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from neurosym.errors import DataError, ImpossibleEvidence
from neurosym.grounding import DerivationGraph, with_proofs
from neurosym.grounding.core import CoreAtom, Key, Negated, Scan
from neurosym.lang.ast import Atom, Const
from neurosym.lang.builtins import SLOT_TYPES
from neurosym.lang.terms import Symbol, Value, term_key
from neurosym.reasoner.kept import Kept
from neurosym.reasoner.leaves import Leaves
from neurosym.semantics import ALGEBRAS, Bounds, Evaluator, Exact, LogicBounds, ProofBounds, Semantics, Semiring, TopK
from neurosym.semantics.exact import Solutions

Evidence = tuple[tuple[int, bool], ...]


@dataclass(frozen=True)
class Found:
    """The A answers of queries in columns, without their probabilities: a question may have thousands.

    Attributes:
        atoms: as they are spelled; facts: their ids, -1 where an atom cannot be derived; args: their arguments.
        derived: the facts that are not -1.
    """

    atoms: tuple[str, ...]
    facts: tuple[int, ...]
    args: tuple[tuple[Value, ...], ...]
    derived: tuple[int, ...]


class Grounded:
    """The graph of a program over facts, and the evaluators made for it so far."""

    def __init__(self, graph: DerivationGraph, leaves: Leaves, max_circuit: int, slots: Iterable[str] = ()) -> None:
        self.graph = graph
        self.leaves = leaves
        self.max_circuit = max_circuit
        self.slots = frozenset(slots)
        self._evaluators: dict[object, Exact | Evaluator | Bounds | ProofBounds] = {}
        self._is_beside = False
        self._answered: tuple[Evidence, Exact] | None = None
        self._found: dict[object, Found] = {}
        self.kept = Kept()  # made for explanations, which are of one answer each
        self.methods: dict[object, Any] = {}  # of the answers of each evaluator
        self.solutions: Solutions = {}
        self.networks: dict[object, Any] = {}  # of the semantics `bounds`, by settings and evidence
        self.worlds: dict[object, Any] = {}  # see `most_probable` and `sample`, by facts and evidence

    def proved(self, facts: Sequence[int]) -> Grounded:
        """The same with proofs of some facts, where the graph keeps none."""
        if self.graph.engine is None:
            return self
        graph = with_proofs(self.graph, np.array(facts, np.int32))
        return Grounded(graph, self.leaves, self.max_circuit, self.slots)

    def beside(self, answered: Sequence[int] = (), evidence: Evidence = ()) -> Grounded:
        """The same, for questions beside those that were asked: their evaluators are kept as long as there is room.

        Args:
            answered: facts that were answered under some evidence, whose evaluator those of single ones are cut from.
        """
        made = copy(self)
        made._evaluators = dict(self._evaluators)
        found = made.made(answered, evidence, None)
        made._answered = (evidence, found) if isinstance(found, Exact) else None
        made._is_beside = True
        return made

    def with_rest(self, leaves: Sequence[int], networks: bool = True) -> Grounded:
        """The same where none of the outcomes may happen of the choices that some leaves belong to.

        Choices whose probabilities sum to 1 leave no such world, so that a leaf whose probability is set to 0 would
        leave less than all worlds behind: also those in which what is asked holds for other reasons would be lost.
        Where networks were asked, all that they said is treated alike, so that one graph serves every sample.

        Args:
            networks: whether choices of networks are among them.
        """
        rest = self.graph.choice_rest.copy()
        said = {int(c) for c in self.graph.choice[list(leaves)] if c >= 0}
        first = 0
        for group in self.graph.choices:
            last = first + len(group.facts)
            mine = [c for c in said if first <= c < last]
            if group.kind in ("constant", "learned"):
                rest[mine] = True
            elif group.kind == "neural" and said and networks:
                rest[first:last] = True
            first = last
        if (rest == self.graph.choice_rest).all():
            return self
        key = ("rest", rest.tobytes())
        found = self.kept.get(key)
        if found is None:
            graph = replace(self.graph, choice_rest=rest)
            found = Grounded(graph, self.leaves, self.max_circuit, self.slots)
            self.kept.put(key, found, 1 + graph.num_groundings)
        return found

    @cached_property
    def has_unknown(self) -> bool:
        """Whether there are atoms of `open` predicates that are unknown."""
        return any(group.kind == "open" for group in self.graph.choices)

    def evaluator(
        self, facts: Sequence[int], evidence: Evidence, semantics: Semantics | None
    ) -> Exact | Evaluator | Bounds | ProofBounds:
        """The evaluator of some facts; None stands for the exact semantics."""
        assert not isinstance(semantics, LogicBounds), "`bounds` speaks of formulas, and has an evaluation of its own"
        found = self.made(facts, evidence, semantics)
        if found is None:
            found = self._cut(facts, evidence, semantics) or self._make(facts, evidence, semantics)
            key = _key(facts, evidence, semantics)
            if self._is_beside and isinstance(found, Exact):
                self.kept.put(key, found, found.size)
            else:
                self._evaluators[key] = found
        return found

    def covering(
        self, facts: Sequence[int], evidence: Evidence, semantics: Semantics | None
    ) -> list[tuple[Exact | Evaluator | Bounds | ProofBounds, tuple[int, ...]]]:
        """Evaluators that have some facts between them, each with all of its facts.

        Of an exact one each fact is remembered by itself: samples share facts far more often than sets of them.
        """
        if not self._is_beside or semantics is not None or self.has_unknown:
            return [(self.evaluator(facts, evidence, semantics), tuple(facts))]
        known = {f: self.kept.get(("covering", f, evidence)) for f in facts}
        found = {id(pair[0]): pair for pair in known.values() if pair is not None}
        new = tuple(f for f, pair in known.items() if pair is None)
        if new:
            made = self._cut(new, evidence, None) or self._make(new, evidence, None)
            found[id(made)] = made, new
            if isinstance(made, Exact):
                for f in new:
                    self.kept.put(("covering", f, evidence), (made, new), 1 + made.size // len(new))
        return list(found.values())

    def made(
        self, facts: Sequence[int], evidence: Evidence, semantics: Semantics | None
    ) -> Exact | Evaluator | Bounds | ProofBounds | None:
        """The evaluator of some facts, if there is one already."""
        key = _key(facts, evidence, semantics)
        return self._evaluators[key] if key in self._evaluators else self.kept.get(key) if self._is_beside else None

    def _make(
        self, facts: Sequence[int], evidence: Evidence, semantics: Semantics | None
    ) -> Exact | Evaluator | Bounds | ProofBounds:
        assert not isinstance(semantics, LogicBounds)
        if isinstance(semantics, TopK):
            return ProofBounds(self.graph, facts, evidence, semantics)
        if self.has_unknown:
            return Bounds(self.graph, facts, evidence, semantics, partial(self.one_world, semantics=semantics))
        return self.one_world(facts, evidence, semantics)

    def _cut(self, facts: Sequence[int], evidence: Evidence, semantics: Semantics | None) -> Exact | None:
        """The evaluator of facts that were answered together with others, without these."""
        if semantics is not None or self._answered is None or self._answered[0] != evidence:
            return None
        evaluator = self._answered[1]
        column = evaluator.column_of
        return evaluator.only([column[f] for f in facts]) if all(f in column for f in facts) else None

    def one_world(
        self, facts: Sequence[int], evidence: Sequence[tuple[int, bool]], semantics: Semiring | None
    ) -> Exact | Evaluator:
        """An evaluator that takes unknown atoms for choices with the probability that their leaves are given."""
        if semantics is None:
            return Exact(self.graph, facts, evidence, self.max_circuit, self.solutions)
        return Evaluator(self.graph, np.array(facts, np.int32), semantics)

    def found(self, atoms: tuple[Atom, ...], closed_networks: bool = False) -> Found:
        """The answers of queries, each once.

        Raises:
            DataError: a constant stands where a per-sample input is needed, and is none.
        """
        key = tuple((a.key, *(term_key(t.value) if isinstance(t, Const) else str(t) for t in a.args)) for a in atoms)
        if key not in self._found:
            found: dict[str, tuple[int, tuple[Value, ...]]] = {}
            for atom in atoms:
                facts = self.matches(atom)
                for fact in facts:
                    found.setdefault(self.graph.atom(fact), (fact, self.values(atom, fact)))
                if not facts and not closed_networks:
                    self._refuse_missing_slots(atom)
                if not facts and all(isinstance(t, Const) for t in atom.args):
                    args = tuple(t.value for t in atom.args if isinstance(t, Const))
                    found.setdefault(self.spell(atom), (-1, args))
            facts = tuple(f for f, _ in found.values())
            args = tuple(a for _, a in found.values())
            derived = facts if min(facts, default=0) >= 0 else tuple(f for f in facts if f >= 0)
            self._found[key] = Found(tuple(found), facts, args, derived)
        return self._found[key]

    def _refuse_missing_slots(self, atom: Atom) -> None:
        """An atom that nothing matches, because one of its constants should be an input and was not given."""
        for place in sorted(self._slot_places.get(atom.key, ())):
            term = atom.args[place]
            if isinstance(term, Const) and isinstance(term.value, Symbol) and term.value.name not in self.slots:
                name = term.value.name
                raise DataError(
                    f"no input is given for `{name}`", code="NS613",
                    note=f"{self.spell(atom)} asks a network about it", help=f'inputs={{"{name}": tensor}}',
                )  # fmt: skip

    @cached_property
    def _slot_places(self) -> dict[Key, set[int]]:
        """Predicate → those of its arguments that a rule hands on to a network as a per-sample input."""
        places: dict[Key, set[int]] = {}
        for key, declaration in self.graph.program.neural.items():
            inputs = declaration.args[: len(declaration.args) - (declaration.values is not None)]
            places[key] = {k for k, a in enumerate(inputs) if a.type.kind in SLOT_TYPES}
        rules = self.graph.program.rules
        changed = bool(rules)
        while changed:
            changed = False
            for rule in rules:
                atoms = [x.atom for x in rule.body if isinstance(x, Scan | Negated)]
                inputs = {a.args[k] for a in atoms for k in places.get(a.key, ())}
                for head, _ in rule.heads:
                    known = places.setdefault(head.key, set())
                    new = {k for k, v in enumerate(head.args) if isinstance(v, str) and v in inputs} - known
                    known |= new
                    changed |= bool(new)
        return places

    def matches(self, atom: Atom) -> list[int]:
        """Ids of the facts that match an atom, whose variables may repeat."""
        return self.graph.matches(atom).tolist()

    def values(self, atom: Atom, fact: int) -> tuple[Value, ...]:
        """The arguments of a fact in the order of the atom that it matches."""
        values = tuple(self.graph.symbols.values(self.graph.args(fact)))
        if self.graph.key(fact) == ("triple", 3) and atom.key[0].startswith("<"):
            return (values[0],) if len(atom.args) == 1 else (values[0], values[2])
        return values

    def spell(self, atom: Atom) -> str:
        """A ground atom as the answers spell it."""
        symbols = self.graph.symbols
        ids = tuple(symbols.intern(t.value) if isinstance(t, Const) else None for t in atom.args)
        core = self.graph.program.canonical(CoreAtom(atom.key, ids), symbols)
        return self.graph.spell(core.key, tuple(a if isinstance(a, int) else -1 for a in core.args))

    def evidence(self, observed: Sequence[tuple[Atom, bool]]) -> Evidence:
        """Evidence as (fact id, observed true).

        Raises:
            SemanticsError: an atom that cannot be derived was observed true.
        """
        result: dict[int, bool] = {}
        for atom, positive in observed:
            facts = self.matches(atom)
            if not facts and positive:
                raise ImpossibleEvidence(
                    "the evidence cannot be: it has probability 0",
                    note=f"{self.spell(atom)} cannot be derived, and was observed to be true",
                    help="take back the observation, or check the spelling of its constants",
                )  # fmt: skip
            for fact in facts:
                if result.get(fact, positive) != positive:
                    raise ImpossibleEvidence(
                        "the evidence cannot be: it has probability 0",
                        note=f"{self.graph.atom(fact)} was observed both true and false",
                    )  # fmt: skip
                result[fact] = positive
        return tuple(sorted(result.items()))


def _key(facts: Sequence[int], evidence: Evidence, semantics: Semantics | None) -> object:
    """What tells evaluators of one graph apart.

    A user's algebra may have parameters: only the library's own are told by their class. The evaluator keeps the
    algebra, so that its id is not given to another.
    """
    algebra = None if semantics is None else type(semantics) if type(semantics) in ALGEBRAS else id(semantics)
    return tuple(facts), evidence, semantics if isinstance(semantics, TopK) else algebra
