"""What an explanation assumes: atoms of `open` predicates that are not among the facts, and so unknown."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from torch import Tensor

from neurosym.errors import SemanticsError
from neurosym.grounding import DerivationGraph
from neurosym.reasoner.grounded import Grounded
from neurosym.semantics import Bounds, Exact


class Assumptions:
    """The unknown atoms of a graph."""

    def __init__(self, graph: DerivationGraph, observed: dict[int, bool]) -> None:
        self.graph = graph
        self.observed = observed

    @cached_property
    def _rules(self) -> list[int]:
        return [k for k, rule in enumerate(self.graph.rules) if rule.part == "open"]

    @cached_property
    def atoms(self) -> dict[int, int]:
        """Leaf → the fact that it makes true."""
        graph = self.graph
        if not self._rules:
            return {}
        groundings = np.nonzero(np.isin(graph.rule, self._rules))[0]
        leaves = graph.body[graph.body_start[groundings]]
        return dict(zip(leaves.tolist(), graph.head[groundings].tolist(), strict=True))

    @cached_property
    def _bare(self) -> set[int]:
        """Facts that nothing but an assumption makes true."""
        counts = np.bincount(self.graph.head, minlength=self.graph.num_facts)
        return {fact for fact in self.atoms.values() if counts[fact] == 1}

    def __contains__(self, leaf: int) -> bool:
        return leaf in self.atoms

    def made_by(self, grounding: int | None) -> bool:
        """Whether a grounding is an assumption."""
        return grounding is not None and int(self.graph.rule[grounding]) in self._rules

    def bare(self, fact: int) -> bool:
        """Whether nothing but an assumption makes a fact true."""
        return fact in self._bare

    def chance(self, leaf: int) -> float:
        """What a proof that assumes the atom counts it for: 1, or as it was observed."""
        return float(self.observed.get(self.atoms[leaf], True))

    def place(self, fact: int) -> str:
        """What to say instead of a file and line."""
        name = self.graph.program.open[self.graph.key(fact)].declaration.name
        return "observed" if fact in self.observed else f"not in the facts, and `{name}` is open"


def best_case(graph: DerivationGraph, grounded: Grounded, tags: Tensor, otherwise: float) -> float:
    """The greatest probability of a graph's last fact over the truth values of what is unknown.

    Args:
        graph: that of `grounded` with one more fact; tags: (F + 1,) probabilities of its leaves.
        otherwise: what to say where too much would have to be enumerated.
    """

    def make(facts: Sequence[int], evidence: Sequence[tuple[int, bool]]) -> Exact:
        return Exact(graph, facts, evidence, grounded.max_circuit, grounded.solutions)

    try:
        return float(Bounds(graph, [graph.num_facts - 1], (), None, make).bounds(tags[None])[1][0, 0])
    except SemanticsError:
        return otherwise
