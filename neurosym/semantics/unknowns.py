"""Least and greatest tags over the truth values of unknown atoms, those of `open` predicates.

An unknown atom has no probability, so an answer that rests on one is an interval. Where each unknown reaches it through
even numbers of negations only, or through odd ones only, its tag is monotone in each: two evaluations give the bounds,
and they are tight. Those that reach it both ways are enumerated. As a probability is linear in the probability of each
unknown atom, the bounds of `exact` hold for all independent probabilities of them, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
import torch
from torch import Tensor

from neurosym.errors import ImpossibleEvidence, SemanticsError
from neurosym.grounding import CERTAIN, DerivationGraph
from neurosym.semantics.algebras.evaluate import Evaluator
from neurosym.semantics.algebras.semirings import ABSORPTIVE, Semiring
from neurosym.semantics.exact import Exact
from neurosym.semantics.part import Long, relevant_part
from neurosym.semantics.polarity import Polarity
from neurosym.semantics.unknown_atoms import Evidence, is_monotone, linked, settled_by, unknown_atom, unknown_leaves

MAX_MIXED = 10  # unknown atoms whose truth values are enumerated
MAX_CELLS = 1 << 24  # numbers in the inputs of one evaluation
SHOWN = 4  # unknown atoms that a detail names

Make = Callable[[Sequence[int], Evidence], Exact | Evaluator]


@dataclass(frozen=True)
class _Group:
    """Answers that are bounded by the same assignments.

    Attributes:
        columns: the roots' positions among all roots.
        lower, upper: (A, U) truth values of the unknown atoms, over which to take the least and the greatest tag.
    """

    columns: list[int]
    evaluator: Exact | Evaluator
    lower: Tensor
    upper: Tensor
    conditional: bool = False

    @cached_property
    def same(self) -> bool:
        """Whether both bounds are one value."""
        return len(self.lower) == 1 and torch.equal(self.lower, self.upper)


class Bounds:
    """Lower and upper tags of some facts of a graph with unknown atoms; made once, evaluated for every batch.

    Attributes:
        methods: for each root `bounds`, or None where it rests on no unknown atom and `plain` says how it is computed.
        details: for each root the unknown atoms it rests on, in words.
        plain: for a root without unknown atoms its evaluator and its column there.
    """

    def __init__(
        self, graph: DerivationGraph, roots: Sequence[int], evidence: Evidence, semiring: Semiring | None, make: Make
    ) -> None:
        """Find out which unknown atoms reach which root, and how.

        Args:
            roots: fact ids asked for, r of them; evidence: (fact id, observed true).
            semiring: None for the exact semantics.
            make: gives the evaluator of some facts, under some evidence.

        Raises:
            SemanticsError: NS506, more unknown atoms would have to be enumerated than is feasible.
        """
        self.graph = graph
        self.count = len(roots)
        self.make = make
        self.leaves = unknown_leaves(graph)
        self.index = torch.from_numpy(self.leaves.astype(np.int64))
        self.fixed, evidence = settled_by(graph, evidence)
        self.details = [""] * len(roots)
        self.plain: dict[int, tuple[Exact | Evaluator, int]] = {}
        self.groups: list[_Group] = []
        self.checks: list[_Group] = []
        uncertain = [(f, o) for f, o in evidence if graph.status[f] != CERTAIN]
        drop = semiring is None or ABSORPTIVE in semiring.properties
        asked = np.array([*roots, *(f for f, _ in uncertain)], np.int32)
        self.part = relevant_part(graph, asked, drop)
        self.polarity = Polarity(self.part)
        self.unknown = np.isin(self.part.facts, self.leaves) & ~np.isin(self.part.facts, list(self.fixed))
        self.monotone = is_monotone(semiring, self.part)
        places = self.part.roots[: len(roots)].tolist()
        apart = [(f, o) for f, o in evidence if graph.status[f] == CERTAIN]
        conditional: list[int] = []
        if uncertain:
            label = linked(graph, self.part)
            observed: dict[int, list[tuple[int, bool]]] = {}
            for pair, place in zip(uncertain, self.part.roots[len(roots) :].tolist(), strict=True):
                observed.setdefault(int(label[place]), []).append(pair)
            conditional = [k for k, place in enumerate(places) if int(label[place]) in observed]
            for k in conditional:
                self._conditional(k, roots[k], places[k], [*apart, *observed[int(label[places[k]])]])
            used = {int(label[places[k]]) for k in conditional}
            for pairs in (p for number, p in observed.items() if number not in used):
                self._check_evidence([*apart, *pairs])
        self._unconditional([k for k in range(len(roots)) if k not in set(conditional)], roots, places, apart)

    @property
    def methods(self) -> list[str | None]:
        """`bounds` for each root that rests on unknown atoms, else None."""
        return ["bounds" if detail else None for detail in self.details]

    # -------------------------------------------------------------------------------------------------- planning

    def _unconditional(self, columns: list[int], roots: Sequence[int], places: list[int], evidence: Evidence) -> None:
        """Roots whose value no evidence touches."""
        depends = self.polarity.above(np.nonzero(self.unknown)[0])
        plain = [k for k in columns if not depends[places[k]]]
        if plain:
            evaluator = self.make([roots[k] for k in plain], evidence)
            self.groups.append(self._group(plain, evaluator, [], [], []))
            self.plain |= {k: (evaluator, at) for at, k in enumerate(plain)}
        rest = [k for k in columns if depends[places[k]]]
        if not rest:
            return
        up, down = self.polarity.below(np.array([places[k] for k in rest]), self.unknown)
        torn = self.polarity.above(np.intersect1d(up, down) if self.monotone else np.union1d(up, down))
        shared = [([k for k in rest if not torn[places[k]]], set(up.tolist()), set(down.tolist()))]
        for k in rest:
            enough = None if torn[places[k]] else SHOWN + 1
            positive, negative = (set(x.tolist()) for x in self._below(places[k], enough))
            self.details[k] = self._detail(positive | negative)
            if not torn[places[k]]:
                continue
            mixed = positive & negative if self.monotone else positive | negative
            if mixed:
                evaluator = self.make([roots[k]], evidence)
                self.groups.append(self._group([k], evaluator, self._few(mixed, roots[k]), positive, negative))
            else:  # mixed among the roots, not for this one
                fits = (g for g in shared[1:] if not (g[1] & negative or g[2] & positive))
                group = next(fits, None)
                if group is None:
                    group = ([], set(), set())
                    shared.append(group)
                group[0].append(k)
                group[1].update(positive)
                group[2].update(negative)
        for members, positive, negative in shared:
            if members:
                evaluator = self.make([roots[k] for k in members], evidence)
                self.groups.append(self._group(members, evaluator, [], positive, negative))

    def _conditional(self, column: int, root: int, place: int, evidence: Evidence) -> None:
        """A root that shares choices or unknown atoms with evidence: what the evidence rests on is enumerated.

        Bounds of a quotient are no quotients of bounds. But P(root and evidence) / P(evidence) is monotone in an
        unknown atom that reaches the root alone.
        """
        positive, negative = (set(x.tolist()) for x in self._below(place))
        both = positive & negative | self._below_evidence(evidence)
        self.details[column] = self._detail(positive | negative | both)
        evaluator = self.make([root], evidence)
        if not self.details[column]:
            self.plain[column] = (evaluator, 0)
        group = self._group([column], evaluator, self._few(both, root), positive, negative, True)
        self.groups.append(group)

    def _check_evidence(self, evidence: Evidence) -> None:
        """Evidence that no root shares anything with: it must be possible under some assignment."""
        fact = next(f for f, _ in evidence if self.graph.status[f] != CERTAIN)
        mixed = self._few(self._below_evidence(evidence), fact)
        self.checks.append(self._group([], self.make([fact], evidence), mixed, (), (), True))

    def _below(self, place: int, enough: int | None = None) -> tuple[Long, Long]:
        return self.polarity.below(np.array([place]), self.unknown, enough)

    def _below_evidence(self, evidence: Evidence) -> set[int]:
        facts = [f for f, _ in evidence if self.graph.status[f] != CERTAIN]
        return set(np.union1d(*self.polarity.below(np.searchsorted(self.part.facts, facts), self.unknown)).tolist())

    def _few(self, mixed: set[int], root: int) -> list[int]:
        if len(mixed) > MAX_MIXED:
            raise SemanticsError(
                f"{self.graph.atom(root)} rests on {len(mixed)} unknown atoms whose truth values would have to be "
                f"enumerated, more than {MAX_MIXED}", code="NS506",
                note=f"{self._detail(mixed)}; they reach it both under negation and not, or reach the evidence",
                help="give some of them as facts or as evidence, or ask about less",
            )  # fmt: skip
        return sorted(mixed)

    def _group(
        self, columns: list[int], evaluator: Exact | Evaluator, mixed: Sequence[int], positive: Iterable[int],
        negative: Iterable[int], conditional: bool = False,
    ) -> _Group:  # fmt: skip
        """Assignments: what is mixed takes all truth values, the rest those that push the tag down, or up."""
        number = {int(f): k for k, f in enumerate(self.leaves)}
        at = [number[int(self.part.facts[p])] for p in mixed]
        ups = [number[int(self.part.facts[p])] for p in positive]
        downs = [number[int(self.part.facts[p])] for p in negative]
        table = torch.zeros((2, 2 ** len(at), len(self.leaves)), dtype=torch.bool)
        table[1][:, ups] = True
        table[0][:, downs] = True
        for fact, value in self.fixed.items():
            table[:, :, number[fact]] = value
        if at:
            table[:, :, at] = torch.tensor(list(product((False, True), repeat=len(at))))
        return _Group(columns, evaluator, table[0], table[1], conditional)

    def _detail(self, places: set[int]) -> str:
        """`unknown: likes(a, b), likes(b, a)`."""
        if not places:
            return ""
        names = [unknown_atom(self.graph, int(self.part.facts[p])) for p in sorted(places)[:SHOWN]]
        return "unknown: " + ", ".join(names) + (", …" if len(places) > SHOWN else "")

    # ------------------------------------------------------------------------------------------------ evaluation

    def __call__(self, inputs: Tensor) -> Tensor:
        """(B, r) midpoints of the bounds, with gradients."""
        lower, upper = self.bounds(inputs)
        return (lower + upper) / 2

    def bounds(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """(B, r) lower and upper tags.

        Args:
            inputs: (B, F) probabilities of the leaves; those of unknown atoms are not read.

        Raises:
            SemanticsError: NS502, no truth values of the unknown atoms make the evidence possible.
        """
        for group in self.checks:
            self._extreme(group, inputs, group.lower, False)
        columns: list[int] = []
        lower: list[Tensor] = []
        upper: list[Tensor] = []
        for group in self.groups:
            low = self._extreme(group, inputs, group.lower, False)
            columns.extend(group.columns)
            lower.append(low)
            upper.append(low if group.same else self._extreme(group, inputs, group.upper, True))
        order = torch.tensor(columns, dtype=torch.long, device=inputs.device)
        zero = inputs.new_zeros((len(inputs), self.count))
        if not columns:
            return zero, zero
        return zero.index_copy(1, order, torch.cat(lower, dim=1)), zero.index_copy(1, order, torch.cat(upper, dim=1))

    def _extreme(self, group: _Group, inputs: Tensor, table: Tensor, greatest: bool) -> Tensor:
        """(B, columns) least or greatest tags over the rows of a table of truth values."""
        batch, width = inputs.shape
        step = max(1, MAX_CELLS // max(1, batch * width))
        index = self.index.to(inputs.device)
        best: Tensor | None = None
        worst = -torch.inf if greatest else torch.inf
        for start in range(0, len(table), step):
            rows = table[start : start + step].to(inputs.device, inputs.dtype)
            full = inputs.repeat(len(rows), 1).index_copy(1, index, rows.repeat_interleave(batch, dim=0))
            if group.conditional and isinstance(group.evaluator, Exact):
                values = group.evaluator(full, impossible=worst)
            else:
                values = group.evaluator(full)
            values = values.reshape(len(rows), batch, -1)
            here = values.amax(dim=0) if greatest else values.amin(dim=0)
            best = here if best is None else torch.maximum(best, here) if greatest else torch.minimum(best, here)
        assert best is not None
        if group.conditional and bool((best == worst).any()):
            raise ImpossibleEvidence(
                "the evidence cannot be: it has probability 0",
                note="whatever holds of the unknown atoms",
                help="take back an observation, or allow for error in a rule",
            )  # fmt: skip
        return best
