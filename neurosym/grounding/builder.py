"""Collects facts, groundings and choices while grounding, and assembles the graph's columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosym.errors import LimitError, Place
from neurosym.facts import Ids, SymbolTable
from neurosym.grounding.columns import Relation, TupleInterner
from neurosym.grounding.core import CoreProgram, Key
from neurosym.grounding.graph import CERTAIN, POSSIBLE, ChoiceGroup, DerivationGraph


@dataclass(frozen=True)
class Limits:
    """What grounding may use before it stops with an error.

    Attributes:
        facts: derived and input facts; `firings`: groundings, and rows of a single join; `seconds`: wall time.
    """

    facts: int = 20_000_000
    firings: int = 50_000_000
    seconds: float = 3600.0


@dataclass
class Ragged:
    """A list of integers for each of n rows."""

    counts: NDArray[np.int64]
    items: Ids

    @classmethod
    def empty(cls, n: int) -> Ragged:
        """Empty lists for n rows."""
        return cls(np.zeros(n, np.int64), np.zeros(0, np.int32))

    @classmethod
    def join(cls, parts: list[Ragged], n: int) -> Ragged:
        """Row by row concatenation."""
        parts = [p for p in parts if len(p.items)]
        if not parts:
            return cls.empty(n)
        if len(parts) == 1:
            return parts[0]
        row = np.concatenate([np.repeat(np.arange(n), p.counts) for p in parts])
        items = np.concatenate([p.items for p in parts])
        return cls(np.sum([p.counts for p in parts], axis=0), items[np.argsort(row, kind="stable")])

    def take(self, rows: NDArray[np.int64]) -> Ragged:
        """The lists of some rows."""
        from neurosym.grounding.columns import expand

        starts = np.cumsum(self.counts) - self.counts
        _, at = expand(starts[rows], self.counts[rows])
        return Ragged(self.counts[rows], self.items[at])


@dataclass
class _Block:
    rule: int
    heads: Ids
    body: Ids  # (n, m) positive facts, and the choice's leaf
    negated: Ragged
    absent: Ragged
    certain: NDArray[np.bool_]


class GraphBuilder:
    """The growing graph. Facts get ids in the order in which they are added."""

    def __init__(self, symbols: SymbolTable, program: CoreProgram, limits: Limits) -> None:
        self.symbols = symbols
        self.program = program
        self.limits = limits
        self.relations: dict[Key, Relation] = {}
        self.blocks: list[_Block] = []
        self.num_facts = 0
        self.num_groundings = 0
        self._columns = {n: np.zeros(64, np.int32) for n in ("predicate", "row", "choice", "outcome", "rank", "place")}
        self._status = np.zeros(64, np.uint8)
        self._predicates: dict[Key, int] = {}
        self._questions = {key: Relation(key[1]) for key in program.demands.values()}
        self._absent: dict[Key, TupleInterner] = {}
        self._absent_numbers: dict[Key, list[int]] = {}
        self.absent_atoms: list[tuple[int, tuple[int, ...]]] = []
        self.choice_groups: list[ChoiceGroup] = []
        self.num_choices = 0
        self._rest: list[NDArray[np.bool_]] = []

    def relation(self, key: Key) -> Relation:
        """The relation of a predicate, an empty one if it has no facts yet."""
        if key in self._questions:
            return self._questions[key]
        if key not in self.relations:
            self.relations[key] = Relation(key[1])
            self._predicates[key] = len(self._predicates)
        return self.relations[key]

    def ask(self, key: Key, rows: Ids) -> tuple[int, int]:
        """Bindings (n, arity) for which a group is asked, under the key of its demand; they are no facts.

        Returns:
            The window of the rows that were not asked about before.
        """
        relation = self._questions[key]
        before = relation.size
        relation.add(rows, -1)
        return before, relation.size

    @property
    def status(self) -> NDArray[np.uint8]:
        """(F,) so far."""
        return self._status[: self.num_facts]

    def add_facts(
        self, key: Key, rows: Ids, certain: NDArray[np.bool_] | bool, rank: int, place: Ids | int = -1, what: str = ""
    ) -> tuple[Ids, int]:
        """Fact ids of (n, arity) rows; known facts keep their id and become certain if they are certain here.

        Returns:
            (n,) fact ids, and how many are new.
        """
        relation = self.relation(key)
        first = self.num_facts
        numbers, new = relation.add(rows, first)
        if new:
            self.num_facts += new
            if self.num_facts > self.limits.facts:
                raise LimitError(
                    f"more than {self.limits.facts:,} facts, while deriving {key[0]}/{key[1]}{what}",
                    note=f"{relation.size:,} of them are {key[0]}/{key[1]}",
                    help="bound the recursion by a body literal, or raise --max-facts",
                )
            self._reserve()
            part = slice(first, self.num_facts)
            self._columns["predicate"][part] = self._predicates[key]
            self._columns["row"][part] = np.arange(relation.size - new, relation.size)
            self._columns["choice"][part] = self._columns["outcome"][part] = -1
            self._columns["rank"][part] = rank
            self._columns["place"][part] = -1
            self._status[part] = POSSIBLE
        facts = relation.facts[numbers]
        if new and not (isinstance(place, int) and place == -1):
            fresh = facts >= first
            self._columns["place"][facts[fresh]] = place if isinstance(place, int) else place[fresh]
        if certain is True:
            self._status[facts] = CERTAIN
        elif certain is not False:
            self._status[facts[certain]] = CERTAIN
        return facts, new

    def _reserve(self) -> None:
        capacity = len(self._status)
        if self.num_facts > capacity:
            capacity = max(2 * capacity, self.num_facts)
            self._columns = {n: np.resize(c, capacity) for n, c in self._columns.items()}
            self._status = np.resize(self._status, capacity)

    # ----------------------------------------------------------------------------------------------- choices

    def add_choices(self, group: ChoiceGroup) -> None:
        """Register leaves as outcomes of new choices."""
        n, outcomes = group.facts.shape
        numbers = np.arange(self.num_choices, self.num_choices + n, dtype=np.int32)
        self.num_choices += n
        self._columns["choice"][group.facts] = numbers[:, None]
        self._columns["outcome"][group.facts] = np.arange(outcomes, dtype=np.int32)[None, :]
        self.choice_groups.append(group)
        rest = np.full(n, group.rest)
        if group.probabilities is not None:
            rest &= group.probabilities.sum(axis=1) < 1 - 1e-9
        self._rest.append(rest)

    # -------------------------------------------------------------------------------------------- groundings

    def add_block(
        self, rule: int, heads: Ids, body: Ids, negated: Ragged, absent: Ragged, certain: NDArray[np.bool_]
    ) -> None:
        """Record n groundings of a core rule: heads (n,), positive body facts (n, m), facts under negation."""
        self.num_groundings += len(heads)
        if self.num_groundings > self.limits.firings:
            statement = self.program.statements[self.program.rules[rule].statement] if rule >= 0 else None
            raise LimitError(
                f"more than {self.limits.firings:,} firings"
                + (f", while firing rule `{statement.label}` ({statement.span})" if statement else ""),
                note=f"its last join gave {len(heads):,} groundings",
                help="make the rule more selective, or raise --max-firings",
            )
        if len(heads):
            self.blocks.append(_Block(rule, heads, body, negated, absent, certain))

    def absent_ids(self, key: Key, rows: Ids) -> Ids:
        """Numbers of absent atoms, (n, arity) term ids with -1 for a wildcard."""
        self.relation(key)
        interner = self._absent.setdefault(key, TupleInterner(key[1]))
        before = interner.size
        numbers = interner.find_or_add(rows)
        known = self._absent_numbers.setdefault(key, [])
        if interner.size > before:
            # dense numbers from `before` on are new; one of their rows each becomes an absent atom
            unique, first = np.unique(numbers, return_index=True)
            for at in first[unique >= before].tolist():
                known.append(len(self.absent_atoms))
                self.absent_atoms.append((self._predicates[key], tuple(rows[at].tolist())))
        return np.array(known, np.int32)[numbers]

    def settle(self, first_block: int) -> None:
        """Spread certainty to the least fixpoint over the groundings recorded since a block."""
        blocks = [b for b in self.blocks[first_block:] if not b.certain.all()]
        while True:
            changed = False
            for block in blocks:
                now = ~block.certain & (block.negated.counts == 0) & (self._status[block.body] == CERTAIN).all(axis=1)
                if now.any():
                    block.certain |= now
                    changed |= bool((self._status[block.heads[now]] != CERTAIN).any())
                    self._status[block.heads[now]] = CERTAIN
            if not changed:
                return

    # ---------------------------------------------------------------------------------------------- assembly

    def build(self, places: list[Place], prefixes: dict[str, str], counters: dict[str, int]) -> DerivationGraph:
        """The finished graph."""
        total = self.num_groundings
        rule, head = np.zeros(total, np.int32), np.zeros(total, np.int32)
        sizes, absent_sizes = np.zeros(total, np.int64), np.zeros(total, np.int64)
        at = 0
        for block in self.blocks:
            part = slice(at, at + len(block.heads))
            rule[part], head[part] = block.rule, block.heads
            sizes[part] = block.body.shape[1] + block.negated.counts
            absent_sizes[part] = block.absent.counts
            at += len(block.heads)
        start = np.concatenate([[0], np.cumsum(sizes)])
        body, sign = np.zeros(int(start[-1]), np.int32), np.ones(int(start[-1]), bool)
        at = 0
        for block in self.blocks:
            n, positive = block.body.shape
            begin = start[at : at + n]
            body[(begin[:, None] + np.arange(positive)).reshape(-1)] = block.body.reshape(-1)
            if len(block.negated.items):
                first = np.repeat(begin + positive, block.negated.counts)
                offset = np.arange(len(first)) - np.repeat(
                    np.cumsum(block.negated.counts) - block.negated.counts, block.negated.counts
                )
                body[first + offset] = block.negated.items
                sign[first + offset] = False
            at += n
        absent = [b.absent.items for b in self.blocks]
        order = list(self._predicates)
        columns = {n: c[: self.num_facts].copy() for n, c in self._columns.items()}
        return DerivationGraph(
            symbols=self.symbols,
            predicates=order,
            rows=[self.relations[k].rows for k in order],
            fact_ids=[self.relations[k].facts for k in order],
            status=self.status.copy(),
            rules=self.program.rules,
            rule=rule,
            head=head,
            body_start=start,
            body=body,
            sign=sign,
            absent_start=np.concatenate([[0], np.cumsum(absent_sizes)]),
            absent=np.concatenate(absent) if absent else np.zeros(0, np.int32),
            absent_atoms=self.absent_atoms,
            choices=self.choice_groups,
            choice_rest=np.concatenate(self._rest) if self._rest else np.zeros(0, bool),
            program=self.program,
            places=places,
            prefixes=prefixes,
            counters=counters,
            **columns,
        )
