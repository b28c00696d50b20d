"""The worlds in which evidence holds: the most probable one, and worlds drawn from the distribution.

A world says which outcome each choice has. Evidence is compiled once; every set of probabilities is then one pass over
its diagrams.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosym.errors import SemanticsError
from neurosym.grounding import CERTAIN, DerivationGraph
from neurosym.grounding.compiled import load
from neurosym.semantics.exact.exact import impossible
from neurosym.semantics.exact.normal import simplified
from neurosym.semantics.exact.observe import Impossible, Observed, observe
from neurosym.semantics.exact.proof import prove
from neurosym.semantics.exact.structure import Structure, structure_of
from neurosym.semantics.exact.view import View
from neurosym.semantics.part import Long, relevant_part
from neurosym.semantics.unknown_atoms import settled_by, unknown_atom, unknown_leaves
from neurosym.semantics.worlds.diagrams import Diagrams, diagrams_of
from neurosym.semantics.worlds.outcomes import Floats, Outcomes, outcomes_of

CELLS = 1 << 22  # numbers of one step of sampling
BITS = 1 << 29  # truth values of one step of deriving


@dataclass(frozen=True)
class Best:
    """The most probable world.

    Attributes:
        numbers: (C,) the outcome of each choice, -1 for `none`; chances: (C,) its probability.
        log_probability: natural logarithm of the world's; log_evidence: of the evidence's.
    """

    numbers: Long
    chances: Floats
    log_probability: float
    log_evidence: float


class PossibleWorlds:
    """The worlds of some facts under some evidence; made once, asked for any probabilities of the leaves.

    Attributes:
        outcomes: of the C choices that the facts and the evidence rest on.
    """

    def __init__(
        self, graph: DerivationGraph, roots: Sequence[int], evidence: Sequence[tuple[int, bool]], max_circuit: int
    ) -> None:
        """Compile the evidence.

        Args:
            roots: fact ids whose truth is asked; evidence: (fact id, observed true).
            max_circuit: nodes of a compiled diagram at which to stop.

        Raises:
            SemanticsError: NS502 the evidence contradicts itself; NS520 a diagram grew past its limit; NS550 something
                rests on an unknown atom.
        """
        self.graph, self.roots = graph, list(roots)
        certain = graph.status == CERTAIN
        for fact, holds in evidence:
            if certain[fact] and not holds:
                raise impossible(f"{graph.atom(fact)} is certain, and was observed to be false")
        self._settled, evidence = settled_by(graph, evidence)
        uncertain = [(f, holds) for f, holds in evidence if not certain[f]]
        self._asked = [k for k, f in enumerate(roots) if not certain[f]]
        asked = np.array([*(roots[k] for k in self._asked), *(f for f, _ in uncertain)], np.int32)
        part = relevant_part(graph, asked, drop_certain=True)
        structure = structure_of(graph, part)
        self.structure = simplified(graph, structure, structure.number[part.roots])
        self._refuse_unknown()
        numbers = self.structure.number[part.roots].tolist()
        self._numbers = numbers[: len(self._asked)]
        self.outcomes = outcomes_of(graph, self.structure)
        seen = self._observed(dict(zip(numbers[len(self._asked) :], uncertain, strict=True)))
        self.diagrams = self._diagrams(seen, max_circuit)
        self.allowed = _allowed(seen.structure, self.outcomes)

    def _refuse_unknown(self) -> None:
        unknown = np.intersect1d(self.structure.leaf_facts, unknown_leaves(self.graph))
        for leaf in unknown.tolist():
            if leaf not in self._settled:
                raise SemanticsError(
                    f"{unknown_atom(self.graph, leaf)} is unknown, and has no probability", code="NS550",
                    note="its predicate is `open`, so that no world is more probable than another",
                    help="give it as a fact or as evidence, or leave `open` out",
                )  # fmt: skip

    def _observed(self, pairs: dict[int, tuple[int, bool]]) -> Observed:
        known = {number: holds for number, (_, holds) in pairs.items()}
        try:
            return observe(self.structure, known)
        except Impossible as error:
            fact = int(self.structure.facts[error.args[0]])
            raise impossible(f"what was observed contradicts itself at {self.graph.atom(fact)}") from None

    def _diagrams(self, seen: Observed, max_circuit: int) -> Diagrams:
        view = View(self.graph, seen.structure, seen.normal, prove(self.graph, seen.structure, seen.normal))
        return diagrams_of(view, seen.rest, self.outcomes.place_start, max_circuit)

    # ------------------------------------------------------------------------------------------------- one world

    def best(self, tags: Floats) -> Best:
        """The most probable world.

        Args:
            tags: (F,) probabilities of the leaves.

        Raises:
            SemanticsError: NS502, the evidence has probability 0.
        """
        probability = self._probability(tags)
        log_evidence = self._weighed(probability, False)[2]
        if log_evidence == -np.inf:
            raise impossible("the evidence has probability 0")
        values, branches, _ = self._weighed(probability, True)
        chosen = self._walked(values, branches, np.zeros((1, 0)), True)
        self._settle(probability, np.zeros((1, 0)), True, chosen)
        chances = probability[self.outcomes.start[:-1] + chosen[0]]
        with np.errstate(divide="ignore"):
            total = float(np.log(chances).sum())
        return Best(self.outcomes.numbers(chosen)[0], chances, total, log_evidence)

    # ------------------------------------------------------------------------------------------------ many worlds

    def draw(self, tags: Floats, count: int, random: np.random.Generator) -> tuple[Long, float]:
        """Worlds drawn independently, by their probability given the evidence.

        Returns:
            (n, C) outcomes, -1 for `none`; and the natural logarithm of the evidence's probability.

        Raises:
            SemanticsError: NS502, the evidence has probability 0.
        """
        probability = self._probability(tags)
        values, branches, log_evidence = self._weighed(probability, False)
        if log_evidence == -np.inf:
            raise impossible("the evidence has probability 0")
        variables, choices = len(self.diagrams.place), len(self.outcomes.choices)
        step = max(1, CELLS // max(1, variables + choices))
        parts = [np.zeros((0, choices), np.int64)]
        for first in range(0, count, step):
            uniform = random.random((min(step, count - first), variables + choices))
            chosen = self._walked(values, branches, np.ascontiguousarray(uniform[:, :variables]), False)
            self._settle(probability, np.ascontiguousarray(uniform[:, variables:]), False, chosen)
            parts.append(self.outcomes.numbers(chosen))
        return np.concatenate(parts), log_evidence

    def truth(self, numbers: Long) -> NDArray[np.bool_]:
        """(n, r) which of the roots hold in worlds.

        Args:
            numbers: (n, C) outcomes, -1 for `none`.
        """
        result = np.ones((len(numbers), len(self.roots)), bool)
        step = max(64, BITS // max(1, len(self.structure.facts)) // 64 * 64)
        for first in range(0, len(numbers) if self._asked else 0, step):
            rows = slice(first, first + step)
            result[rows, self._asked] = self._derived(numbers[rows])
        return result

    def _derived(self, numbers: Long) -> NDArray[np.bool_]:
        made, outcomes = self.structure, self.outcomes
        last = np.diff(outcomes.start) - 1
        entry = outcomes.start[:-1] + np.where(numbers < 0, last, numbers)
        chosen = np.ascontiguousarray((outcomes.place[entry] - outcomes.place_start[:-1]).T)
        truth = np.zeros((len(made.facts), -(-len(numbers) // 64)), np.uint64)
        load("neurosym.semantics.worlds.kernels").hold(
            made.starts, made.body_start, made.literals, made.component, made.cyclic, made.choice, made.outcome,
            chosen, truth,
        )  # fmt: skip
        worlds = np.arange(len(numbers))
        found = truth[self._numbers][:, worlds >> 6] >> (worlds & 63).astype(np.uint64)
        return (found & np.uint64(1)).T.astype(bool)

    # ---------------------------------------------------------------------------------------------------- weights

    def _probability(self, tags: Floats) -> Floats:
        if self._settled:
            tags = tags.copy()
            for leaf, holds in self._settled.items():
                tags[leaf] = float(holds)
        return self.outcomes.probabilities(self.graph, tags)

    def _weighed(self, probability: Floats, best: bool) -> tuple[Floats, Floats, float]:
        """Logarithms of the values of nodes and branches, and of all that the evidence leaves.

        The weights of each choice are divided by their sum, or by their maximum: what a diagram does not mention then
        counts 1.
        """
        outcomes, diagrams = self.outcomes, self.diagrams
        weights = np.zeros(outcomes.place_start[-1])
        (np.maximum if best else np.add).at(weights, outcomes.place, probability)
        weights *= self.allowed
        left = 0.0
        if len(outcomes.choices):
            totals = (np.maximum if best else np.add).reduceat(weights, outcomes.place_start[:-1])
            if not totals.all():
                return weights, weights, -np.inf
            weights /= totals[outcomes.choice_of]
            left = float(np.log(totals).sum())
        with np.errstate(divide="ignore"):
            logs = np.log(weights)
        values, branches = np.empty(len(diagrams.variable)), np.empty(len(diagrams.child))
        load("neurosym.semantics.worlds.kernels").weigh(
            diagrams.variable, diagrams.start, diagrams.child, diagrams.place, diagrams.module_roots, logs, best,
            values, branches,
        )  # fmt: skip
        return values, branches, left + float(values[diagrams.roots].sum())

    def _walked(self, values: Floats, branches: Floats, uniform: Floats, best: bool) -> Long:
        chosen = np.full((len(uniform), len(self.outcomes.choices)), -1)
        made = self.diagrams
        load("neurosym.semantics.worlds.kernels").walk(
            made.variable, made.start, made.child, made.place, made.module_roots, values, branches, made.roots,
            self.outcomes.choice_of, uniform, best, chosen,
        )  # fmt: skip
        return chosen

    def _settle(self, probability: Floats, uniform: Floats, best: bool, chosen: Long) -> None:
        outcomes = self.outcomes
        load("neurosym.semantics.worlds.kernels").settle(
            outcomes.start, outcomes.place, probability, self.allowed, uniform, best, chosen
        )


def _allowed(structure: Structure, outcomes: Outcomes) -> NDArray[np.bool_]:
    """(L,) which places the evidence leaves open."""
    at = np.arange(outcomes.place_start[-1]) - outcomes.place_start[:-1][outcomes.choice_of]
    words = structure.full[outcomes.choice_of, at >> 6]
    return (words >> (at & 63).astype(np.uint64)) & np.uint64(1) == 1
