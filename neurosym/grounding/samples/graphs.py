"""What grounding many samples gives: the graph of each, and one for all samples of the same shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from neurosym.errors import Place
from neurosym.facts import Ids
from neurosym.grounding.columns import Long, Mask, expand, offsets
from neurosym.grounding.core import CoreAtom, CoreProgram, Key
from neurosym.grounding.fact_columns import FactColumns
from neurosym.grounding.graph import CERTAIN, ChoiceGroup, DerivationGraph
from neurosym.grounding.groundings import Columns, Groundings
from neurosym.grounding.samples.shapes import Cut, alike
from neurosym.lang.ast import Atom, Const, Var


@dataclass(frozen=True, eq=False)
class SampleShape:
    """Samples whose graphs differ in their terms and probabilities only.

    Attributes:
        samples: (B,) their numbers, ascending.
        graph: that of the first of them; F facts. See `SampleGraphs.shapes`.
        facts: (F,) its facts as ids in `SampleGraphs.whole`.
        varying: (V,) those of its facts that are others in other samples; table: (B, V) their ids in the whole graph.
    """

    samples: Long
    graph: DerivationGraph
    facts: Ids
    varying: Long
    table: Ids

    def in_whole(self, facts: Sequence[int] | NDArray[np.integer]) -> Ids:
        """(B, n) ids in the whole graph of n facts of this one."""
        wanted = np.asarray(facts, np.int64).reshape(-1)
        result = np.repeat(self.facts[wanted][None, :], len(self.samples), axis=0)
        column = np.full(len(self.facts), -1, np.int64)
        column[self.varying] = np.arange(len(self.varying))
        at = np.nonzero(column[wanted] >= 0)[0]
        result[:, at] = self.table[:, column[wanted[at]]]
        return result


@dataclass(frozen=True, eq=False)
class SampleGraphs:
    """The graphs of n samples.

    Attributes:
        whole: all of them in one, predicates that depend on samples having the sample's number as a first argument.
        program: the program without it; names: predicate of the whole graph → that of the program.
        count: n; cut: which facts and groundings are whose.
        marks: (F,) of the whole graph: what else tells facts apart; shared facts with a mark are in every graph.
        derivations: whether shapes differ where derivations of certain shared facts do, and their graphs have these.
    """

    whole: DerivationGraph
    program: CoreProgram
    names: dict[Key, Key]
    count: int
    cut: Cut = field(repr=False)
    marks: NDArray[np.uint8] = field(repr=False)
    derivations: bool = False

    @classmethod
    def of(cls, whole: DerivationGraph, program: CoreProgram, names: dict[Key, Key], count: int) -> SampleGraphs:
        """The samples of a whole graph."""
        sample = np.full(whole.num_facts, -1, np.int32)
        for key, rows, facts in zip(whole.predicates, whole.rows, whole.fact_ids, strict=True):
            if key in names:
                sample[facts] = rows[:, 0]
        return cls(whole, program, names, count, Cut(whole, sample, count), np.zeros(whole.num_facts, np.uint8))

    def marked(self, marks: NDArray[np.uint8], derivations: bool = False) -> SampleGraphs:
        """The same, with shapes that also agree in what is marked."""
        return replace(self, marks=marks, derivations=derivations)

    def __len__(self) -> int:
        return self.count

    @property
    def sample(self) -> Ids:
        """(F,) the sample of each fact of the whole graph, -1 for shared ones."""
        return self.cut.sample

    @cached_property
    def shape(self) -> Long:
        """(n,) the number of each sample's shape."""
        first = alike(self.cut.levels(self.marks, self.derivations), self.count)
        return np.unique(first, return_inverse=True)[1].reshape(-1)

    @cached_property
    def shapes(self) -> list[SampleShape]:
        """The shapes, in the order of their first samples.

        Of the shared facts, their graphs have those on which groundings rest, and certain ones without what they are
        derived from, unless `derivations` is set.
        """
        order = np.argsort(self.shape, kind="stable")
        parts = np.split(order, np.cumsum(np.bincount(self.shape))[:-1]) if self.count else []
        return [self._shape(samples) for samples in parts]

    def _shape(self, samples: Long) -> SampleShape:
        starts = self.cut.starts
        first = int(samples[0])
        facts, below = self._facts(first, self.derivations)
        width = int(starts[first + 1] - starts[first])
        table = self.cut.facts[starts[samples][:, None] + np.arange(width)]
        # its facts and those that it touches stand before what is only below these
        varying = np.searchsorted(facts, table[0])
        return SampleShape(samples, self._graph(first, facts, below), facts, varying, table)

    def graph(self, sample: int) -> DerivationGraph:
        """The graph of one sample, with its own terms, and the shared facts on which its groundings rest."""
        return self._graph(sample, *self._facts(sample, True))

    def matches(self, atom: Atom) -> Ids:
        """Ids in the whole graph of the facts that an atom of constants and variables matches, in any sample."""
        terms: list[int | str | None] = []
        for term in atom.args:
            known = self.whole.symbols.find(term.value) if isinstance(term, Const) else None
            if isinstance(term, Const) and known is None:
                return np.zeros(0, np.int32)
            terms.append(known if isinstance(term, Const) else term.name if isinstance(term, Var) else None)
        core = self.program.canonical(CoreAtom(atom.key, tuple(terms)), self.whole.symbols)
        key = self._lifted.get(core.key, core.key)
        pattern = tuple(a if isinstance(a, int) else None for a in core.args)
        offset = key[1] - core.key[1]
        found = self.whole.find(key, ((None,) * offset) + pattern)
        places: dict[str, int] = {}
        for at, arg in enumerate(core.args):
            if len(found) and isinstance(arg, str) and places.setdefault(arg, at) != at:  # a variable twice
                rows = self.whole.rows[self.whole.predicates.index(key)][self.whole.row[found]]
                found = found[rows[:, offset + places[arg]] == rows[:, offset + at]]
        return found

    def arguments(self, facts: Ids, position: int) -> Ids:
        """Term ids of one argument, as the program counts them, of facts of one predicate of the whole graph."""
        result = np.full(facts.shape, -1, np.int32)
        for predicate in np.unique(self.whole.predicate[facts]).tolist():
            here = self.whole.predicate[facts] == predicate
            offset = self.whole.predicates[predicate] in self.names
            result[here] = self.whole.rows[predicate][self.whole.row[facts[here]], offset + position]
        return result

    # ------------------------------------------------------------------------------------------- one sample

    @cached_property
    def _lifted(self) -> dict[Key, Key]:
        return {old: new for new, old in self.names.items()}

    @cached_property
    def _by_head(self) -> tuple[Long, Long]:
        return self.whole.groundings_of()

    @cached_property
    def _common(self) -> Ids:
        return np.nonzero((self.sample < 0) & (self.marks > 0))[0].astype(np.int32)

    def _facts(self, sample: int, derivations: bool) -> tuple[Ids, Ids]:
        """A sample's facts, those that it touches, and the shared ones below, as ascending ids.

        Args:
            derivations: go on below certain facts, too.

        Returns:
            The facts, and the shared ones among them whose groundings belong to the graph.
        """
        cut, whole = self.cut, self.whole
        mine = cut.facts[cut.starts[sample] : cut.starts[sample + 1]]
        seen = {*mine.tolist(), *self._common.tolist()}
        frontier = np.array([f for f in seen if self.sample[f] < 0], np.int64)
        below = [np.zeros(0, np.int64)]
        starts, order = self._by_head
        while len(frontier):
            if not derivations:
                frontier = frontier[whole.status[frontier] != CERTAIN]
            below.append(frontier)
            choice = whole.choice[frontier]
            _, leaves = expand(*_ranges(cut.choices.starts, choice[choice >= 0].astype(np.int64)))
            _, at = expand(*_ranges(starts, frontier))
            _, edges = expand(*_ranges(whole.body_start, order[at]))
            met = np.concatenate([cut.choices.leaves[leaves], whole.body[edges]])
            new = [f for f in dict.fromkeys(met.tolist()) if f not in seen]
            seen.update(new)
            frontier = np.array(new, np.int64)
        return np.array(sorted(seen), np.int32), np.concatenate(below).astype(np.int32)

    def _graph(self, sample: int, facts: Ids, below: Ids) -> DerivationGraph:
        """The graph of a sample's facts in their order, with its groundings and those of some shared facts."""
        whole, cut = self.whole, self.cut
        own = cut.groundings[cut.grounding_starts[sample] : cut.grounding_starts[sample + 1]]
        starts, order = self._by_head
        _, at = expand(*_ranges(starts, below))
        groundings = np.sort(np.concatenate([own, order[at]]))
        bodies, absences = _ranges(whole.body_start, groundings), _ranges(whole.absent_start, groundings)
        edges, lacks = expand(*bodies)[1], expand(*absences)[1]
        absent, absent_at = np.unique(whole.absent[lacks], return_inverse=True)
        atoms = [whole.absent_atoms[i] for i in absent.tolist()]
        used = np.unique(np.concatenate([whole.predicate[facts], np.array([p for p, _ in atoms], np.int32)]))
        keys = [whole.predicates[p] for p in used.tolist()]
        table = _Table(self, facts, used.tolist())
        choices, rest = self._choices(facts)
        places = [*whole.places[:-1], sample_place(sample)] if whole.places else []
        columns = Columns(
            rule=whole.rule[groundings],
            head=np.searchsorted(facts, whole.head[groundings]).astype(np.int32),
            body_start=offsets(bodies[1]),
            body=np.searchsorted(facts, whole.body[edges]).astype(np.int32),
            sign=whole.sign[edges],
            absent_start=offsets(absences[1]),
            absent=absent_at.reshape(-1).astype(np.int32),
        )
        number = {p: k for k, p in enumerate(used.tolist())}
        return replace(
            whole,
            predicates=[self.names.get(key, key) for key in keys],
            rows=table.rows,
            fact_ids=table.ids,
            facts=FactColumns(
                len(facts),
                [],
                leaves=[group.facts for group in choices],
                before=(
                    np.searchsorted(used, whole.predicate[facts]).astype(np.int32),
                    table.row,
                    whole.rank[facts],
                    whole.place[facts],
                ),
            ),
            status=whole.status[facts],
            rules=self.program.rules,
            groundings=Groundings(columns),
            absent_atoms=[(number[p], a[whole.predicates[p] in self.names :]) for p, a in atoms],
            choices=choices,
            choice_rest=rest,
            program=self.program,
            places=places,
            excluding=frozenset(self.names.get(key, key) for key in whole.excluding),
            questions={},
            relations={},
            base=None,
        )

    def _choices(self, facts: Ids) -> tuple[list[ChoiceGroup], Mask]:
        """The choices of some facts: their groups, and whether 'none' is possible."""
        table = self.cut.choices
        of = self.whole.choice[facts]
        chosen = np.unique(of[of >= 0])
        groups = []
        for number in np.unique(table.group[chosen]).tolist():
            group, rows = self.whole.choices[number], table.row[chosen[table.group[chosen] == number]]
            groups.append(self.group(group, rows, np.searchsorted(facts, group.facts[rows]).astype(np.int32)))
        return groups, self.whole.choice_rest[chosen]

    def group(self, group: ChoiceGroup, rows: NDArray[np.integer], facts: Ids) -> ChoiceGroup:
        """Some choices of a group of the whole graph, as the program without samples has them."""
        offset = group.key in self.names if group.key is not None else 0
        return replace(
            group,
            facts=facts,
            statements=group.statements[rows],
            probabilities=None if group.probabilities is None else group.probabilities[rows],
            parameters=None if group.parameters is None else group.parameters[rows],
            key=None if group.key is None else self.names.get(group.key, group.key),
            inputs=None if group.inputs is None else group.inputs[rows, offset:],
        )


class _Table:
    """Rows of some facts, predicate by predicate, without the sample.

    Attributes:
        rows, ids: for each predicate its rows, and its facts by their new numbers; row: (n,) of each fact.
    """

    def __init__(self, graphs: SampleGraphs, facts: Ids, predicates: list[int]) -> None:
        whole = graphs.whole
        self.rows: list[Ids] = []
        self.ids: list[Ids] = []
        self.row = np.zeros(len(facts), np.int32)
        for predicate in predicates:
            ids = np.nonzero(whole.predicate[facts] == predicate)[0].astype(np.int32)
            rows = whole.rows[predicate][whole.row[facts[ids]]]
            self.rows.append(rows[:, 1:] if whole.predicates[predicate] in graphs.names else rows)
            self.ids.append(ids)
            self.row[ids] = np.arange(len(ids))


def sample_place(number: int) -> Place:
    """Where a fact of a sample comes from."""
    return Place(f"sample {number}")


def _ranges(starts: NDArray[np.integer], rows: NDArray[np.integer]) -> tuple[Long, Long]:
    """First element and length of some of the ranges that offsets describe."""
    first = starts[rows].astype(np.int64)
    return first, starts[rows + 1].astype(np.int64) - first
