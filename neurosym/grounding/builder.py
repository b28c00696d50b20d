"""Collects facts, groundings and choices while grounding, and assembles the graph."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosym.errors import LimitError, Place
from neurosym.facts import Ids, SymbolTable
from neurosym.grounding.absent import AbsentAtoms
from neurosym.grounding.columns import Mask, Tuples, grown
from neurosym.grounding.compiled import kernels
from neurosym.grounding.core import CoreProgram, Key
from neurosym.grounding.fact_columns import FactColumns, Run
from neurosym.grounding.graph import CERTAIN, POSSIBLE, ChoiceGroup, DerivationGraph
from neurosym.grounding.groundings import Block, Columns, Groundings, Ragged
from neurosym.grounding.memory import Memory
from neurosym.grounding.relations import Relation

KEEP_RELATIONS = 1_000_000  # facts; up to here a graph keeps its hash tables, about 40 bytes a fact, for updates


@dataclass(frozen=True)
class Limits:
    """What grounding may use before it stops with an error.

    Attributes:
        facts: derived and input facts; `firings`: groundings, and rows that the joins of one firing give.
        seconds: wall time; `memory`: bytes of its columns.
    """

    facts: int = 20_000_000
    firings: int = 50_000_000
    seconds: float = 3600.0
    memory: float = 8e9


class GraphBuilder:
    """The growing graph. Facts get ids in the order in which they are added.

    Attributes:
        record: whether groundings are kept; without, only facts and their ranks are.
    """

    def __init__(self, symbols: SymbolTable, program: CoreProgram, limits: Limits, record: bool = True) -> None:
        self.symbols = symbols
        self.program = program
        self.limits = limits
        self.record = record
        self.memory = Memory(limits.memory)
        self.relations: dict[Key, Relation] = {}
        self.groundings = Groundings()
        self.num_facts = 0
        self._unsettled: list[Block] = []
        self._runs: list[Run] = []
        self._places: list[tuple[Ids, Ids | int]] = []
        self._before: tuple[Ids, Ids, Ids, Ids] | None = None
        self._earlier: FactColumns | None = None
        self._status = np.empty(64, np.uint8)
        self._predicates: dict[Key, int] = {}
        self._questions: dict[Key, Relation] = {}
        self._absent: dict[Key, Tuples] = {}
        self._absent_numbers: dict[Key, Ids] = {}
        self.absent_atoms = AbsentAtoms()
        self.choice_groups: list[ChoiceGroup] = []
        self.excluding: set[Key] = set()

    def relation(self, key: Key) -> Relation:
        """The relation of a predicate, an empty one if it has no facts yet."""
        known = self.relations.get(key)
        if known is not None:
            return known
        if key in self.program.questions:
            if key not in self._questions:
                self._questions[key] = Relation(key[1])
            return self._questions[key]
        self._predicates[key] = len(self._predicates)
        self.relations[key] = Relation(key[1], self.memory)
        return self.relations[key]

    def ask(self, key: Key, rows: Ids) -> tuple[int, int]:
        """Bindings (n, arity) for which something is asked, under the key of its question; they are no facts.

        Returns:
            The window of the rows that were not asked about before.
        """
        relation = self.relation(key)
        before = relation.size
        relation.add(rows, 0)
        self.check_questions(key, relation.size)
        return before, relation.size

    def check_questions(self, key: Key, size: int) -> None:
        """See that what is asked stays within the limits."""
        if size > self.limits.facts:
            raise LimitError(
                f"more than {self.limits.facts:,} questions asked of {self.program.hidden.get(key, key[0])}",
                help="bound what the query asks about, or raise --max-facts",
            )

    @property
    def status(self) -> NDArray[np.uint8]:
        """(F,) so far."""
        return self._status[: self.num_facts]

    @property
    def status_store(self) -> NDArray[np.uint8]:
        """The statuses with the space behind them; another array when that is used up."""
        return self._status

    def share(self, key: Key, relation: Relation) -> None:
        """Go on with the relation of an earlier graph, to which rows are only added."""
        relation.frozen = None
        self._predicates[key] = len(self._predicates)
        self.relations[key] = relation

    def take_over(self, facts: FactColumns, status: NDArray[np.uint8], groundings: Groundings) -> None:
        """Begin with the facts and the groundings of an earlier graph."""
        self._earlier, self._status, self.groundings = facts, status.copy(), groundings
        self._runs, self._places, self._before = [*facts.runs], [*facts.places], facts.before
        self.num_facts = facts.size

    def add_facts(self, key: Key, rows: Ids, certain: Mask | bool, rank: int, place: Ids | int = -1) -> tuple[Ids, int]:
        """Fact ids of (n, arity) rows; known facts keep their id and become certain if they are certain here.

        Returns:
            (n,) fact ids, and how many are new.
        """
        relation = self.relation(key)
        first = self.num_facts
        numbers, new = relation.add(rows, first)
        certain = certain if isinstance(certain, bool) else bool(certain.all()) or certain
        if new:
            self.number_facts(key, new, relation.size - new, certain is True, rank)
        facts = relation.facts_of(numbers)
        if new and not (isinstance(place, int) and place == -1):
            fresh = np.nonzero(facts >= first)[0]
            self._places.append((facts[fresh], place if isinstance(place, int) else place[fresh]))
        if self._earlier is not None and not isinstance(place, int):
            self._now_given(self._earlier.place, facts, place)
        if certain is True:
            if relation.possible:
                self._status[facts] = CERTAIN
        else:
            relation.possible |= new > 0
            if certain is not False:
                self._status[facts[certain]] = CERTAIN
        return facts, new

    def number_facts(self, key: Key, new: int, row: int, certain: bool, rank: int) -> None:
        """Give the next ids to new facts, which are the rows of their relation from `row` on."""
        first = self.num_facts
        self.num_facts += new
        if self.num_facts > self.limits.facts:
            raise LimitError(
                f"more than {self.limits.facts:,} facts, while deriving "
                + (self.program.hidden.get(key) or f"{key[0]}/{key[1]}"),
                help="bound the recursion by a body literal, or raise --max-facts",
            )
        if self.num_facts > len(self._status):
            self._status = grown(self._status, first, self.num_facts)
        self._runs.append(Run(self._predicates[key], first, new, row, rank))
        self._status[first : self.num_facts] = CERTAIN if certain else POSSIBLE

    def _now_given(self, before: Ids, facts: Ids, place: Ids) -> None:
        """Facts that were only derived in the graph before, and are given now."""
        at = np.nonzero(facts < len(before))[0]
        at = at[before[facts[at]] < 0]
        if len(at):
            self._places.append((facts[at], place[at]))

    def all_certain(self, facts: Ids) -> Mask:
        """(n,) whether all of (n, m) facts are certain."""
        return (self._status[facts] == CERTAIN).all(axis=1)

    # ----------------------------------------------------------------------------------------------- choices

    def add_choices(self, group: ChoiceGroup) -> None:
        """Register leaves as outcomes of new choices."""
        self.choice_groups.append(group)

    # -------------------------------------------------------------------------------------------- groundings

    def add_block(
        self, rule: int, heads: Ids, body: Ids, negated: Ragged | None = None, absent: Ragged | None = None,
        certain: Mask | bool = True, always: bool = False,
    ) -> None:  # fmt: skip
        """Record n groundings of a core rule: heads (n,), positive body facts (n, m), facts under negation.

        Args:
            always: also where groundings are not kept.
        """
        if not len(heads):
            return
        if negated is not None and not len(negated.items):
            negated = None
        if absent is not None and not len(absent.items):
            absent = None
        block = Block(rule, heads, body, negated, absent, certain)
        if certain is not True:
            self._unsettled.append(block)
        if not self.record and not always:
            return
        self.check_firings(len(heads))
        self.memory.claim(4 * (len(heads) + block.num_edges))
        self.groundings.add(block)

    def check_firings(self, more: int) -> None:
        """See that some more groundings stay within the limits."""
        if self.groundings.size + more > self.limits.firings:
            raise LimitError(
                f"more than {self.limits.firings:,} firings",
                help="make the rule more selective, or raise --max-firings",
            )

    def add_columns(self, columns: Columns, unsettled: Iterable[Block]) -> None:
        """Record groundings that were collected elsewhere.

        Args:
            unsettled: those of them that may turn out to hold in all worlds.
        """
        self._unsettled.extend(unsettled)
        if self.record and len(columns.head):
            self.memory.claim(4 * (len(columns.head) + len(columns.body)))
            self.groundings.append(columns)

    def absent_ids(self, key: Key, rows: Ids) -> Ids:
        """Numbers of absent atoms, (n, arity) term ids with -1 for a wildcard."""
        self.relation(key)
        known = self._absent.setdefault(key, Tuples(key[1], self.memory))
        before = known.size
        numbers = known.find_or_add(rows)
        atoms = self._absent_numbers.get(key, np.empty(0, np.int32))
        if known.size > before:
            if len(atoms) < known.size:
                atoms = self._absent_numbers[key] = grown(atoms, before, known.size)
            first = len(self.absent_atoms)
            atoms[before : known.size] = np.arange(first, first + known.size - before)
            self.absent_atoms.add(self._predicates[key], known.rows[before:].copy())
        return atoms[numbers]

    def settle(self, again: bool) -> None:
        """End of a component: spread certainty to the least fixpoint over its groundings.

        Args:
            again: whether a fact of the component stands in a body of the component; if not, nothing is to spread.
        """
        blocks, self._unsettled = self._unsettled, []
        if not again or not blocks:
            return
        heads, counts, bodies = [], [], []
        for block in blocks:
            assert not isinstance(block.certain, bool)
            open_ones = ~block.certain if block.negated is None else ~block.certain & (block.negated.counts == 0)
            heads.append(block.heads[open_ones])
            bodies.append(block.body[open_ones].reshape(-1))
            counts.append(np.full(len(heads[-1]), block.body.shape[1], np.int64))
        starts = np.concatenate([[0], np.cumsum(np.concatenate(counts))])
        kernels().spread_certainty(np.concatenate(heads), starts, np.concatenate(bodies), self.status, CERTAIN)

    # ---------------------------------------------------------------------------------------------- assembly

    def build(self, places: list[Place], prefixes: dict[str, str], counters: dict[str, int]) -> DerivationGraph:
        """The finished graph."""
        order = list(self._predicates)
        columns = FactColumns(
            self.num_facts, self._runs, self._places, [g.facts for g in self.choice_groups], self._before
        )
        return DerivationGraph(
            symbols=self.symbols,
            predicates=order,
            rows=[self.relations[k].rows for k in order],
            fact_ids=[self.relations[k].facts for k in order],
            facts=columns,
            status=self.status.copy(),
            rules=self.program.rules,
            groundings=self.groundings,
            absent_atoms=self.absent_atoms,
            choices=self.choice_groups,
            choice_rest=np.concatenate([_rest(g) for g in self.choice_groups] or [np.zeros(0, np.bool_)]),
            program=self.program,
            places=places,
            prefixes=prefixes,
            counters=counters,
            questions={k: r.rows for k, r in self._questions.items()},
            excluding=frozenset(self.excluding),
            relations=self.relations if self._earlier is not None or self.num_facts <= KEEP_RELATIONS else {},
        )


def _rest(group: ChoiceGroup) -> Mask:
    """(n,) whether none of the outcomes can be chosen."""
    rest = np.full(len(group.facts), group.rest)
    if group.probabilities is not None:
        rest &= group.probabilities.sum(axis=1) < 1 - 1e-9
    return rest
