"""What a claim would be without rules and facts that each have a switch, by evaluators that serve every sample."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace

import numpy as np
from torch import Tensor

from neurosym.errors import ImpossibleEvidence, SemanticsError
from neurosym.explain.contributions.tags import AnyEvaluator, products, tags_of
from neurosym.facts import Ids
from neurosym.grounding import DerivationGraph
from neurosym.grounding.columns import offsets
from neurosym.grounding.groundings import Columns, Groundings
from neurosym.reasoner.grounded import Evidence, Grounded
from neurosym.semantics import Exact, Semantics

MAX_CIRCUIT = 50_000  # nodes of one circuit for all; a circuit for each is cheaper than more
MANY = 1_000  # groundings, above which one circuit for all is not tried
SAME = 1e-6
BATCH = 256  # rows that are evaluated at once
FEW = 8  # leaves whose rows are evaluated, rather than derivatives


class Switched:
    """A graph in which each of some rules and facts has a leaf that it rests on, and what is asked of it.

    Attributes:
        switches: how many there are; size: of what was made so far.
        key: under which it is kept; None where it is not.
    """

    def __init__(
        self, graph: DerivationGraph, leaves: Sequence[int | None], rules: int, claim: int, evidence: Evidence,
        algebra: Semantics | None, base: Grounded, key: Hashable = None,
    ) -> None:  # fmt: skip
        """Nothing is solved yet.

        Args:
            leaves: of `rules` rules, then of facts; None for one on which nothing rests.
            base: whose limits hold, and whose solved shapes are used.
        """
        self.graph, self.leaves, self.rules = graph, list(leaves), rules
        self.claim, self.evidence, self.algebra, self.base, self.key = claim, evidence, algebra, base, key
        self._evaluators: dict[object, AnyEvaluator | SemanticsError] = {}

    @property
    def switches(self) -> int:
        """See above."""
        return len(self.leaves)

    @property
    def size(self) -> int:
        """See above."""
        return self.graph.num_groundings + sum(e.size for e in self._evaluators.values() if isinstance(e, Exact))

    def without(
        self, tags: Tensor, value: float, asked: Sequence[int], late: Callable[[], bool]
    ) -> list[float | None] | None:
        """The claim without each of some rules and facts.

        Args:
            tags: (1, F) of all leaves, switches at one; value: the claim with all of them.
            asked: which switches; late: whether there is no time for another graph.

        Returns:
            None for one that there was no time for, or that is too much to be evaluated; None for all where the claim
            does not come to its value.
        """
        if self.algebra is not None or self.graph.num_groundings <= MANY:
            try:
                limit = min(MAX_CIRCUIT, self.base.max_circuit)
                all_of_them = self._evaluator("all", lambda: self.graph, limit)
                first, *values = self._solve(all_of_them, tags, asked)
                return [*values] if _same_value(first, value) else None
            except SemanticsError as error:
                if error.code != "NS520":
                    raise
        # A rule is in many groundings at once, and one circuit for all of them is too large: a graph for each.
        switches = np.array([f for f in self.leaves[: self.rules] if f is not None], np.int32)
        certain = self._evaluator("rules", lambda: _settled(self.graph, switches, switches[:0]))
        facts = [k for k in asked if k >= self.rules]
        first, *values = self._solve(certain, tags, facts)
        if not _same_value(first, value):
            return None
        found: dict[int, float | None] = dict(zip(facts, values, strict=True))
        for k in asked:
            if k < self.rules:
                found[k] = first if self.leaves[k] is None else self._without_rule(k, switches, tags, late)
        return [found[k] for k in asked]

    def _without_rule(self, k: int, switches: Ids, tags: Tensor, late: Callable[[], bool]) -> float | None:
        """The claim without one rule, by a graph of its own."""
        if k not in self._evaluators and late():
            return None
        off = switches == self.leaves[k]
        try:
            evaluator = self._evaluator(k, lambda: _settled(self.graph, switches[~off], switches[off]))
            return self._solve(evaluator, tags, ())[0]
        except ImpossibleEvidence:
            return math.nan
        except SemanticsError:
            return None

    def _evaluator(
        self, name: object, graph: Callable[[], DerivationGraph], limit: int | None = None
    ) -> AnyEvaluator:  # fmt: skip
        """An evaluator of the claim in a graph, made once; what was too much stays so."""
        if name not in self._evaluators:
            grounded = Grounded(graph(), self.base.leaves, self.base.max_circuit if limit is None else limit)
            grounded.solutions = self.base.solutions
            try:
                self._evaluators[name] = grounded.evaluator([self.claim], self.evidence, self.algebra)
            except SemanticsError as error:
                self._evaluators[name] = error
        found = self._evaluators[name]
        if isinstance(found, SemanticsError):
            raise found.with_traceback(None)
        return found

    def _solve(self, evaluator: AnyEvaluator, tags: Tensor, asked: Sequence[int]) -> list[float]:
        return tags_without(evaluator, tags, [self.leaves[k] for k in asked], bool(self.evidence))


def tags_without(evaluator: AnyEvaluator, tags: Tensor, leaves: Sequence[int | None], conditional: bool) -> list[float]:
    """The tag of an evaluator's one fact, and what it is with each leaf at zero; NaN where the evidence is impossible.

    An exact probability is linear in that of each leaf, so that one backward pass tells all of them.

    Args:
        tags: (1, F); leaves: None for one on which nothing rests; conditional: whether there is evidence.
    """
    if isinstance(evaluator, Exact) and not conditional and len(leaves) > FEW:
        found = products(evaluator, tags[0])
        if found is not None:
            value, product = found
            asked = [f for f in leaves if f is not None]
            without = iter((value - product[asked]).clamp(min=0).tolist())
            return [value, *(value if f is None else next(without) for f in leaves)]
    values: list[float] = []
    left_out = [None, *leaves]
    for start in range(0, len(left_out), BATCH):
        part = left_out[start : start + BATCH]
        rows = tags.repeat(len(part), 1)
        for row, leaf in enumerate(part):
            if leaf is not None:
                rows[row, leaf] = 0
        values += tags_of(evaluator, rows).tolist()
    return values


def _settled(graph: DerivationGraph, on: Ids, off: Ids) -> DerivationGraph:
    """A graph in which some leaves hold and others do not; no grounding speaks of them."""
    columns = graph.groundings.columns
    kept = np.ones(len(columns.head), bool)
    edges = np.diff(columns.body_start)
    of = np.repeat(np.arange(len(kept)), edges)
    kept[of[np.isin(columns.body, off)]] = False
    inner = kept[of] & ~np.isin(columns.body, on)
    absences = np.repeat(np.arange(len(kept)), np.diff(columns.absent_start))
    changed = Columns(
        rule=columns.rule[kept],
        head=columns.head[kept],
        body_start=offsets(np.bincount(of[inner], minlength=len(kept))[kept]),
        body=columns.body[inner],
        sign=columns.sign[inner],
        absent_start=offsets(np.diff(columns.absent_start)[kept]),
        absent=columns.absent[kept[absences]],
    )
    return replace(graph, groundings=Groundings(changed))


def _same_value(found: float, value: float) -> bool:
    return abs(found - value) <= SAME * max(1.0, abs(value))


__all__ = ["Switched", "tags_without"]
