"""The derivation graph: facts and ground rule instances as integer columns. Every later stage reads this and no more.

A *leaf* is a fact that is one outcome of an independent random choice: a probabilistic fact, the firing of a weighted
rule's grounding, one head of an annotated disjunction, one value of a neural predicate. Leaves have no groundings;
every other fact is an input (certain), the state in which the chain of an aggregate begins (hidden, certain, without a
grounding, as it holds before any member was looked at), or the head of groundings. Uncertainty is therefore in the
leaves alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurosym.errors import Place
from neurosym.facts import FactBase, Ids, SymbolTable
from neurosym.grounding.absent import AbsentAtom
from neurosym.grounding.asked import constants_evaluated
from neurosym.grounding.core import CoreAtom, CoreProgram, CoreRule, Key
from neurosym.grounding.fact_columns import FactColumns
from neurosym.grounding.groundings import Groundings
from neurosym.lang.ast import Atom, Const, NeuralDecl, Var
from neurosym.lang.terms import Iri

POSSIBLE, CERTAIN = 1, 2
KEPT = 1_000_000  # groundings whose order by head is worth its memory


if TYPE_CHECKING:
    from neurosym.grounding.engine import Engine
    from neurosym.grounding.relations import Relation
    from neurosym.lang.printer import Printer


@dataclass(frozen=True)
class ChoiceGroup:
    """Choices of one kind with the same number of outcomes.

    Attributes:
        facts: (n, K) leaf ids, one row for each choice.
        kind: `constant`, `learned`, `neural`, or `open`: absent atoms of a predicate that is declared so, which may
            hold or not, and have no probability.
        statements: (n,) indices into the program's rules, -1 for a neural or an open predicate.
        probabilities: (n, K) float64 for `constant`, else None.
        parameters: (n,) indices into the parameters for `learned`, else None.
        key: the predicate for `neural` and `open`; `inputs`: (n, arguments) term ids that its network is asked about.
        rest: whether 'none of the outcomes' can happen.
    """

    facts: Ids
    kind: str
    statements: Ids
    rest: bool
    probabilities: NDArray[np.float64] | None = None
    parameters: Ids | None = None
    key: Key | None = None
    inputs: Ids | None = None


@dataclass(frozen=True)
class DerivationGraph:
    """F facts and G groundings.

    Attributes:
        facts: the columns `predicate` (F,), index into `predicates`, and `row` (F,) in its `rows`; `choice`
            (F,) that a leaf belongs to, else -1, and `outcome` (F,) which of its outcomes it is; `rank` (F,) the round
            in which a fact was first derived: a fact's first grounding has positive body facts of smaller ids only,
            so that first groundings alone form an acyclic proof; `place` (F,) index into `places`, else -1.
        status: (F,) `POSSIBLE` or `CERTAIN`. Absent facts are not in the graph.
        groundings: the columns `rule` and `head` (G,); `body_start` (G + 1,) offsets into `body` (E,), the fact ids of
            the positive literals in the order of the rule's recorded literals, then the choice's leaf if there is one,
            then facts under negation, where `sign` (E,) is false; `absent_start` (G + 1,) offsets into `absent` (A,),
            indices into `absent_atoms`. They are laid out when the first of them is read.
        absent_atoms: negated atoms that no fact matches, as (predicate index, term ids with -1 for a wildcard).
        choices: C choices in groups; `choice_rest`: (C,) whether 'none' is possible.
        counters: what failed quietly while grounding.
        questions: what was asked about while grounding, as rows of term ids; they are no facts.
        excluding: predicates of which a certain fact kept out a grounding that needs it to be false, or was counted by
            an aggregate: if it were uncertain, there would be more groundings.
        base: the facts that were grounded.
        relations: with their indexes, for a graph that is made from this one; a large one keeps them from the first
            update on.
        engine: of a graph grounded in boolean mode, which has facts and ranks only: rebuilds proofs, see `with_proofs`.
    """

    symbols: SymbolTable
    predicates: list[Key]
    rows: list[Ids]
    fact_ids: list[Ids]
    facts: FactColumns
    status: NDArray[np.uint8]
    rules: list[CoreRule]
    groundings: Groundings
    absent_atoms: Sequence[AbsentAtom]
    choices: list[ChoiceGroup]
    choice_rest: NDArray[np.bool_]
    program: CoreProgram
    places: list[Place]
    prefixes: dict[str, str]
    counters: dict[str, int] = field(default_factory=dict)
    questions: dict[Key, Ids] = field(default_factory=dict)
    excluding: frozenset[Key] = frozenset()
    relations: dict[Key, Relation] = field(default_factory=dict, repr=False, compare=False)
    base: FactBase | None = field(default=None, repr=False, compare=False)
    engine: Engine | None = field(default=None, repr=False, compare=False)

    @property
    def predicate(self) -> Ids:
        """(F,) index into `predicates`."""
        return self.facts.predicate

    @property
    def row(self) -> Ids:
        """(F,) row in the predicate's `rows`."""
        return self.facts.row

    @property
    def choice(self) -> Ids:
        """(F,) the choice that a leaf belongs to, else -1."""
        return self.facts.choice

    @property
    def outcome(self) -> Ids:
        """(F,) which outcome of its choice a leaf is, else -1."""
        return self.facts.outcome

    @property
    def rank(self) -> Ids:
        """(F,) the round in which a fact was first derived."""
        return self.facts.rank

    @property
    def place(self) -> Ids:
        """(F,) index into `places` for input facts, else -1."""
        return self.facts.place

    @property
    def rule(self) -> Ids:
        """(G,) index into `rules`."""
        return self.groundings.columns.rule

    @property
    def head(self) -> Ids:
        """(G,) fact id."""
        return self.groundings.columns.head

    @property
    def body_start(self) -> NDArray[np.integer]:
        """(G + 1,) offsets into `body`."""
        return self.groundings.columns.body_start

    @property
    def body(self) -> Ids:
        """(E,) fact ids."""
        return self.groundings.columns.body

    @property
    def sign(self) -> NDArray[np.bool_]:
        """(E,) false for a fact under negation."""
        return self.groundings.columns.sign

    @property
    def absent_start(self) -> NDArray[np.integer]:
        """(G + 1,) offsets into `absent`."""
        return self.groundings.columns.absent_start

    @property
    def absent(self) -> Ids:
        """(A,) indices into `absent_atoms`."""
        return self.groundings.columns.absent

    @property
    def num_facts(self) -> int:
        """F."""
        return self.facts.size

    @property
    def num_groundings(self) -> int:
        """G."""
        return self.groundings.size

    def args(self, fact: int) -> tuple[int, ...]:
        """Term ids of a fact's arguments."""
        return tuple(self.rows[self.predicate[fact]][self.row[fact]].tolist())

    def key(self, fact: int) -> Key:
        """A fact's predicate."""
        return self.predicates[self.predicate[fact]]

    def hidden(self, fact: int) -> bool:
        """Whether the fact belongs to a predicate that the engine introduced."""
        return self.key(fact) in self.program.hidden

    def atom(self, fact: int) -> str:
        """A fact as the program's answers spell it."""
        return self.spell(self.key(fact), self.args(fact))

    def atoms(self, facts: NDArray[np.integer]) -> list[str]:
        """(n,) facts as the program's answers spell them, predicate by predicate."""
        found = [""] * len(facts)
        of = self.predicate[facts]
        for predicate in np.unique(of).tolist():
            at = np.flatnonzero(of == predicate)
            key, rows = self.predicates[predicate], self.rows[predicate][self.row[facts[at]]]
            for k, args in zip(at.tolist(), rows.tolist(), strict=True):
                found[k] = self.spell(key, args)
        return found

    def ground_atom(self, fact: int) -> Atom:
        """A fact as an atom of a program."""
        return Atom(self.key(fact)[0], tuple(Const(v) for v in self.symbols.values(self.args(fact))))

    def spell(self, key: Key, args: Sequence[int]) -> str:
        """An atom as the program's answers spell it; -1 is a wildcard, `triple(s, p, o)` becomes `p(s, o)`."""
        name = key[0]
        if key == ("triple", 3) and args[1] >= 0 and isinstance(predicate := self.symbols.value(args[1]), Iri):
            name, args = f"<{predicate.value}>", (args[0], args[2])
        if (name, len(args)) in self.program.notation.joint:
            values = [None if a < 0 else self.symbols.value(a) for a in args]
            return self.program.notation.atom((name, len(values)), values, self.prefixes)
        printer, texts = self._printer, self._texts
        if name not in texts:
            texts[name] = printer.predicate(name)
        for a in args:
            if a not in texts:
                texts[a] = printer.value(self.symbols.value(a))
        return f"{texts[name]}({printer.comma.join([texts[a] for a in args])})" if args else texts[name]

    @cached_property
    def _printer(self) -> Printer:
        return self.program.notation.printer(self.prefixes)

    @cached_property
    def _texts(self) -> dict[int | str, str]:
        """Term id or name of a predicate → how it is spelled; many facts share them."""
        return {-1: "_"}

    @cached_property
    def named_leaves(self) -> dict[tuple, int]:
        """Leaf by a name that it has in other graphs too, of programs with other rules.

        Predicates that the engine introduces are numbered, and a rule that is left out would shift their numbers.
        """
        found: dict[tuple, int] = {}
        for fact in np.nonzero(self.choice >= 0)[0].tolist():
            key, args = self.key(fact), tuple(self.symbols.values(self.args(fact)))
            hidden = self.program.hidden.get(key)
            found[(key, args) if hidden is None else (hidden, key[0].rsplit(" #", 1)[0], args)] = fact
        return found

    def body_of(self, grounding: int) -> tuple[list[int], list[bool]]:
        """Body facts of a grounding, and their signs."""
        part = slice(self.body_start[grounding], self.body_start[grounding + 1])
        return self.body[part].tolist(), self.sign[part].tolist()

    def absent_of(self, grounding: int) -> list[str]:
        """Atoms whose absence a grounding rests on."""
        part = self.absent[self.absent_start[grounding] : self.absent_start[grounding + 1]]
        return [self.spell(self.predicates[p], a) for p, a in (self.absent_atoms[i] for i in part.tolist())]

    def find(self, key: Key, args: tuple[int | None, ...]) -> Ids:
        """Ids of the facts that match a pattern; None matches anything."""
        if key not in self.predicates:
            return np.zeros(0, np.int32)
        index = self.predicates.index(key)
        keep = np.ones(len(self.rows[index]), bool)
        for column, value in enumerate(args):
            if value is not None:
                keep &= self.rows[index][:, column] == value
        return self.fact_ids[index][keep]

    def matches(self, atom: Atom) -> Ids:
        """Ids of the facts that an atom of constants and variables matches, such as a query.

        Expressions have their values; one with a variable in it matches anything.
        """
        atom = constants_evaluated(atom)
        terms: list[int | str | None] = []
        for term in atom.args:
            known = self.symbols.find(term.value) if isinstance(term, Const) else None
            if isinstance(term, Const) and known is None:
                return np.zeros(0, np.int32)
            terms.append(known if isinstance(term, Const) else term.name if isinstance(term, Var) else None)
        core = self.program.canonical(CoreAtom(atom.key, tuple(terms)), self.symbols)
        found = self.find(core.key, tuple(a if isinstance(a, int) else None for a in core.args))
        first: dict[str, int] = {}
        for column, arg in enumerate(core.args):
            if len(found) and isinstance(arg, str) and first.setdefault(arg, column) != column:  # a variable twice
                rows = self.rows[self.predicates.index(core.key)][self.row[found]]
                found = found[rows[:, first[arg]] == rows[:, column]]
        return found

    def choice_of(self, leaf: int) -> tuple[ChoiceGroup, int]:
        """The group of a leaf's choice, and its row there; choices are numbered group by group."""
        row = int(self.choice[leaf])
        for group in self.choices:
            if row < len(group.facts):
                return group, row
            row -= len(group.facts)
        raise AssertionError(leaf)

    def neural_of(self, choice_group: ChoiceGroup) -> NeuralDecl:
        """The declaration behind a neural choice group."""
        assert choice_group.key is not None
        return self.program.neural[choice_group.key]

    def groundings_of(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Groundings sorted by head, as (F + 1,) offsets and (G,) grounding numbers; kept, unless they are many."""
        return self._sorted if len(self.head) <= KEPT else self._sorted_by_head()

    @cached_property
    def _sorted(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return self._sorted_by_head()

    def _sorted_by_head(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        order = np.argsort(self.head, kind="stable")
        starts = np.zeros(self.num_facts + 1, np.int64)
        np.cumsum(np.bincount(self.head, minlength=self.num_facts), out=starts[1:])
        return starts, order
