"""What was seen together in one world: the probability of the conjunction, as a function of the weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from neurosym.bayes.space import Weights
from neurosym.errors import ImpossibleEvidence
from neurosym.grounding import CERTAIN, DerivationGraph, with_conjunctions
from neurosym.reasoner import Answers
from neurosym.semantics import Exact, relevant_part

Literal = tuple[int, bool]


class Interpretations:
    """The log probability of interpretations, each a world of its own.

    Parts of an interpretation that share no choice are independent: each is a conjunction by itself, so that no product
    underflows, and those that occur many times are evaluated once.
    """

    def __init__(self, answers: Answers, interpretations: Sequence[Mapping[str, bool]]) -> None:
        grounded, reasoner = answers.grounded, answers.reasoner
        assert reasoner is not None
        graph = grounded.graph
        seen: list[list[Literal]] = []
        for interpretation in interpretations:
            observed = grounded.evidence([(reasoner.atom(a), v) for a, v in interpretation.items()])
            seen.append([(f, v) for f, v in observed if not _settled(graph, f, v)])
        facts = sorted({f for literals in seen for f, _ in literals})
        part_of = _independent(graph, [*facts, *(f for f, _ in answers.evidence)])
        counts: Counter[tuple[Literal, ...]] = Counter()
        for literals in seen:
            parts: dict[int, list[Literal]] = {}
            for fact, sign in literals:
                parts.setdefault(part_of[fact], []).append((fact, sign))
            counts.update(tuple(p) for p in parts.values())
        more = with_conjunctions(graph, list(counts)) if counts else graph
        roots = list(range(graph.num_facts, graph.num_facts + len(counts)))
        self.evaluator = Exact(more, roots, answers.evidence, grounded.max_circuit, grounded.solutions)
        self.times = torch.tensor(list(counts.values()), dtype=torch.float64)
        self.leaves = grounded.leaves
        self.leaf_tags = answers.leaf_tags.detach()
        self.names = [" and ".join(_signed(graph, *literal) for literal in part) for part in counts]

    @property
    def width(self) -> int:
        """How many numbers one weight vector takes."""
        return self.leaf_tags.numel()

    def __call__(self, weights: Weights) -> Tensor:
        """(S,) sums over the interpretations."""
        found = self.parts(weights)  # weights may make a part as good as impossible: its logarithm stays finite
        return torch.log(found.clamp_min(torch.finfo(found.dtype).tiny)) @ self.times.to(found)

    def parts(self, weights: Weights) -> Tensor:
        """(S, n) probabilities of the parts."""
        tags = self.leaves.under(self.leaf_tags, weights)[:, 0]
        more = tags.new_zeros((len(tags), len(self.times)))
        return self.evaluator(torch.cat([tags, more], dim=1))


def _settled(graph: DerivationGraph, fact: int, value: bool) -> bool:
    """Whether an observation says nothing, because it is certain."""
    if graph.status[fact] != CERTAIN:
        return False
    if not value:
        raise ImpossibleEvidence(
            "the evidence cannot be: it has probability 0",
            note=f"{graph.atom(fact)} is certain, and was observed to be false",
            help="take back an observation, or allow for error in a rule",
        )  # fmt: skip
    return True


def _independent(graph: DerivationGraph, facts: Sequence[int]) -> dict[int, int]:
    """Fact → number of its part; facts of different parts depend on no common choice."""
    if not facts:
        return {}
    part = relevant_part(graph, np.array(facts, np.int32), drop_certain=True)
    n = len(part.facts)
    choice = graph.choice[part.facts]
    leaves = np.nonzero(choice >= 0)[0]
    _, choices = np.unique(choice[leaves], return_inverse=True)
    heads = np.repeat(part.head, np.diff(part.body_start))
    rows, columns = np.concatenate([heads, leaves]), np.concatenate([part.body, n + choices])
    size = n + len(leaves)
    matrix = coo_matrix((np.ones(len(rows), np.int8), (rows, columns)), shape=(size, size))
    label = connected_components(matrix, directed=False)[1]
    return {f: int(label[at]) for f, at in zip(facts, part.roots.tolist(), strict=True)}


def _signed(graph: DerivationGraph, fact: int, value: bool) -> str:
    return graph.atom(fact) if value else f"not {graph.atom(fact)}"
