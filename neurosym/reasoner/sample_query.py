"""A query asked of many samples: everything that is made once for it, and evaluated for every batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurosym.errors import DataError, ImpossibleEvidence, SemanticsError
from neurosym.facts import FactBase
from neurosym.grounding import SampleGraphs, Samples, SampleShape, ground_samples
from neurosym.grounding.samples.facts import Fact
from neurosym.lang.ast import Atom
from neurosym.reasoner.leaves import batch_size
from neurosym.reasoner.sample_answers import ASKED, SEEN_FALSE, SEEN_TRUE, SampleAnswers, SamplePart
from neurosym.reasoner.sample_leaves import SampleLeaves
from neurosym.semantics import Evaluator, Exact, Semiring
from neurosym.semantics.algebras.semirings import ABSORPTIVE

if TYPE_CHECKING:
    from neurosym.reasoner.reasoner import Reasoner

Given = Samples | Sequence[FactBase] | Sequence[Iterable[Fact]]
MAX_QUERIES = 16  # kept for samples asked about before; the oldest goes first


@dataclass(frozen=True)
class _ShapeQuery:
    """The query in one shape: the answers' facts there, and what evaluates them."""

    roots: list[int]
    evaluator: Exact | Evaluator


class SampleQuery:
    """Queries of one reasoner over some samples.

    Attributes:
        graphs: of the samples; those of one shape agree in which facts are asked for and observed.
    """

    def __init__(
        self, reasoner: Reasoner, graphs: SampleGraphs, samples: Samples, atoms: Sequence[Atom],
        observed: Sequence[tuple[Atom, bool]], semantics: Semiring | None,
    ) -> None:  # fmt: skip
        """Find the answers' facts and the evidence in all samples, and make an evaluator for each shape.

        Raises:
            SemanticsError: NS502 the evidence is impossible in a sample, NS503 it is not defined.
        """
        if observed and semantics is not None:
            raise SemanticsError(
                f"the semantics `{semantics.name}` does not define evidence", code="NS503", help="use exact"
            )
        self.atoms, self.samples, self.semantics, self.observed = tuple(atoms), samples, semantics, observed
        derivations = semantics is not None and ABSORPTIVE not in semantics.properties
        self.graphs = graphs.marked(_marks(graphs, atoms, observed), derivations)
        self.leaves = SampleLeaves(self.graphs, dict(reasoner.networks.items()), reasoner.features)
        self.shapes = [self._shape(reasoner, shape) for shape in self.graphs.shapes]
        self._place = np.zeros(len(samples), np.int64)  # of each sample in its shape
        for shape in self.graphs.shapes:
            self._place[shape.samples] = np.arange(len(shape.samples))

    def _shape(self, reasoner: Reasoner, shape: SampleShape) -> _ShapeQuery:
        graph, marks = shape.graph, self.graphs.marks[shape.facts]
        roots = np.nonzero(marks & ASKED)[0].tolist()
        if self.semantics is not None:
            return _ShapeQuery(roots, Evaluator(graph, np.array(roots, np.int32), self.semantics))
        evidence = [(int(f), bool(marks[f] & SEEN_TRUE)) for f in np.nonzero(marks & (SEEN_TRUE | SEEN_FALSE))[0]]
        return _ShapeQuery(roots, Exact(graph, roots, evidence, reasoner.max_circuit, reasoner.sample_solutions))

    def __call__(
        self, reasoner: Reasoner, inputs: Mapping[str, Tensor], only: Sequence[int] | None, closed_networks: bool
    ) -> SampleAnswers:
        """Answers of all samples, or of some of them."""
        numbers = np.arange(len(self.samples)) if only is None else np.asarray(only, np.int64)
        self._check(numbers, inputs, empty=only is not None)
        parts: list[tuple[int, Tensor, Tensor]] = []
        shapes = self.graphs.shape[numbers]
        for number in np.unique(shapes).tolist():
            positions = np.nonzero(shapes == number)[0]
            rows = self._place[numbers[positions]]
            parts.append((number, torch.from_numpy(rows), torch.from_numpy(positions)))
        leaf_tags, heard = self.leaves(parts, reasoner.weights, inputs)
        found: list[SamplePart] = []
        for (number, rows, positions), tags in zip(parts, leaf_tags, strict=True):
            query, shape = self.shapes[number], self.graphs.shapes[number]
            methods = ["algebra"] * len(query.roots)
            if isinstance(query.evaluator, Exact):
                methods = [m.name for m in query.evaluator.methods]
            facts = shape.in_whole(query.roots)[rows.numpy()]
            answers = query.evaluator(tags).to(reasoner.dtype)
            found.append(SamplePart(number, positions, facts, answers, tuple(methods)))
        return SampleAnswers(
            self.atoms, numbers, tuple(found), self.graphs, self.samples,
            "exact" if self.semantics is None else self.semantics.name, dict(inputs), tuple(self.observed), reasoner,
            self.semantics, closed_networks, heard,
        )  # fmt: skip

    def _check(self, numbers: NDArray[np.int64], inputs: Mapping[str, Tensor], empty: bool) -> None:
        """Numbers and inputs of so many samples; none at all only where that is what was asked for (`empty`)."""
        if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(self.samples):
            raise DataError(f"there are {len(self.samples):,} samples, numbered from 0")
        slots = self.leaves.slots
        if slots and not len(numbers) and not empty:
            raise DataError("a batch without samples is asked about", code="NS637", help="leave out an empty batch")
        if slots and len(numbers) and batch_size(inputs, slots) != len(numbers):
            raise DataError(f"{batch_size(inputs, slots)} inputs for {len(numbers)} samples")


def prepared(
    reasoner: Reasoner, given: Given, atoms: Sequence[Atom], observed: Sequence[tuple[Atom, bool]],
    slots: Sequence[str], semantics: Semiring | None, closed_networks: bool,
) -> SampleQuery:  # fmt: skip
    """Ground the samples, and get a query ready."""
    samples = Samples.of(given, reasoner.program)
    asked = [*atoms, *(a for a, _ in observed)]
    for atom in asked:
        if atom.key not in samples.tables:
            reasoner.check_known(atom)
    graphs = ground_samples(
        reasoner.program, samples, reasoner.facts, queries=asked, slots=slots, limits=reasoner.limits,
        closed_networks=closed_networks, demand=reasoner.demand,
    )  # fmt: skip
    return SampleQuery(reasoner, graphs, samples, atoms, observed, semantics)


def _marks(graphs: SampleGraphs, atoms: Sequence[Atom], observed: Sequence[tuple[Atom, bool]]) -> NDArray[np.uint8]:
    """(F,) what is asked for, and what was observed."""
    marks = np.zeros(graphs.whole.num_facts, np.uint8)
    for atom in atoms:
        marks[graphs.matches(atom)] |= ASKED
    for atom, positive in observed:
        facts = graphs.matches(atom)
        marks[facts] |= SEEN_TRUE if positive else SEEN_FALSE
        of = graphs.sample[facts]
        if positive and not (of < 0).any():
            lacking = np.setdiff1d(np.arange(graphs.count), of)
            if len(lacking):
                raise _impossible(f"{atom.predicate}/{len(atom.args)} as observed cannot be derived", int(lacking[0]))
    both = np.nonzero((marks & SEEN_TRUE > 0) & (marks & SEEN_FALSE > 0))[0]
    if len(both):
        raise _impossible("an atom was observed both true and false", max(0, int(graphs.sample[both[0]])))
    return marks


def _impossible(why: str, sample: int) -> ImpossibleEvidence:
    return ImpossibleEvidence(
        f"the evidence cannot be in sample {sample}: it has probability 0", note=why,
        help="take back the observation, or check the spelling of its constants",
    )  # fmt: skip


def cached_query(
    reasoner: Reasoner, given: Given, atoms: Sequence[Atom], observed: Sequence[tuple[Atom, bool]],
    slots: Sequence[str], semantics: Semiring | None, closed_networks: bool, key: object,
) -> SampleQuery:  # fmt: skip
    """The query as it was made for the same samples before."""
    made = reasoner.sample_queries
    entry = made.get((id(given), key))
    if entry is None:
        while len(made) >= MAX_QUERIES:
            del made[next(iter(made))]
        query = prepared(reasoner, given, atoms, observed, slots, semantics, closed_networks)
        entry = made[id(given), key] = (given, query)  # the samples are kept, so that their id is not given to others
    return entry[1]
