"""All that can come of the choices of a structure: the outcomes that occur in it, those that do not, and `none`.

A structure tells apart the outcomes that matter and takes the others together; a world says which of them it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosym.errors import SemanticsError
from neurosym.grounding import DerivationGraph
from neurosym.semantics.exact import choice_name
from neurosym.semantics.exact.structure import Structure
from neurosym.semantics.part import Long

Floats = NDArray[np.float64]
SLACK = 1e-6  # by which probabilities of single precision may miss 0 or 1


@dataclass(frozen=True)
class Outcomes:
    """T outcomes of C choices, choice by choice; the last of each is `none`.

    Attributes:
        choices: (C,) numbers in the graph; start: (C + 1,) offsets into the outcomes; rest: (C,) whether none can be.
        leaf: (T,) graph ids, -1 for `none`.
        place: (T,) which of the L outcomes that the structure tells apart it is; the last of a choice is all others.
        place_start: (C + 1,) offsets into those; choice_of: (L,).
    """

    choices: Long
    start: Long
    rest: NDArray[np.bool_]
    leaf: Long
    place: Long
    place_start: Long
    choice_of: Long

    def probabilities(self, graph: DerivationGraph, tags: Floats) -> Floats:
        """(T,) probabilities, from (F,) those of the leaves.

        Raises:
            SemanticsError: NS512, one is no probability.
        """
        known = self.leaf >= 0
        result = np.where(known, tags[np.where(known, self.leaf, 0)], 0.0)
        bad = np.nonzero(~((result >= -SLACK) & (result <= 1 + SLACK)))[0]
        if len(bad):
            leaf = int(self.leaf[bad[0]])
            raise SemanticsError(
                f"{tags[leaf]} is given as the probability of {choice_name(graph, leaf)}", code="NS512",
                help="check the weight or the network for NaN",
            )  # fmt: skip
        result = np.clip(result, 0.0, 1.0)
        if len(self.choices):
            none = 1 - np.add.reduceat(result, self.start[:-1])
            result[self.start[1:] - 1] = np.where(self.rest, np.clip(none, 0.0, 1.0), 0.0)
        return result

    def numbers(self, chosen: Long) -> Long:
        """(n, C) outcomes counted from 0 in each choice, as -1 where it is `none`."""
        return np.where(chosen == np.diff(self.start) - 1, -1, chosen)


def outcomes_of(graph: DerivationGraph, structure: Structure) -> Outcomes:
    """The outcomes of a structure's choices."""
    count = len(structure.sizes)
    leaves = structure.leaf_facts.astype(np.int64)
    choices = graph.choice[leaves[structure.leaf_start[:-1]]].astype(np.int64)
    owner, leaf = _in_graph(graph, choices)
    order = np.argsort(owner, kind="stable")
    owner, leaf = owner[order], leaf[order]
    start = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=count))])
    place_start = structure.leaf_start + np.arange(count + 1)
    place = place_start[1:][owner] - 1
    by_leaf = np.argsort(leaves)
    at = by_leaf[np.minimum(np.searchsorted(leaves[by_leaf], leaf), len(leaves) - 1)] if len(leaves) else place
    known = leaves[at] == leaf if len(leaves) else np.zeros(0, bool)
    place[known] = at[known] + owner[known]
    choice_of = np.repeat(np.arange(count), np.diff(place_start))
    return Outcomes(choices, start, graph.choice_rest[choices], leaf, place, place_start, choice_of)


def _in_graph(graph: DerivationGraph, choices: Long) -> tuple[Long, Long]:
    """The outcomes of choices in the graph: positions among these choices, and leaves; `none` is last of each."""
    owners, leaves = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    first = 0
    for group in graph.choices:
        mine = np.nonzero((choices >= first) & (choices < first + len(group.facts)))[0]
        rows = group.facts[choices[mine] - first].astype(np.int64)
        full = np.concatenate([rows, np.full((len(rows), 1), -1)], axis=1)
        owners.append(np.repeat(mine, full.shape[1]))
        leaves.append(full.reshape(-1))
        first += len(group.facts)
    return np.concatenate(owners), np.concatenate(leaves)
